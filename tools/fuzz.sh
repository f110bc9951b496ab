#!/usr/bin/env bash
# Builds the fuzz targets with the installed Rust and runs each of them for a while.
#
#   tools/fuzz.sh [--keep] [SECONDS] [TARGET...]     15 seconds for each target, if nothing else is said
#
# It begins with what ffi-tests/fuzz/corpus has for the target, and with messages that the program seeds
# writes. With --keep, small inputs that reach more than those of the corpus are taken into it.
#
# Exit status 0 means that no input crashed a target, and that none made it allocate more than its
# bound. An input that did is left in ffi-tests/fuzz/artifacts. With cargo-fuzz and a nightly Rust,
# `cargo fuzz run --fuzz-dir ffi-tests/fuzz TARGET` does the same with a sanitizer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../ffi-tests/fuzz"

keep=
if [ "${1:-}" = --keep ]; then
  keep=yes
  shift
fi
seconds=${1:-15}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(ttlv message json objects configuration listing calls)

host=$(rustc -vV | sed -n 's/^host: //p')
built=target/$host/release

# What cargo-fuzz gives to rustc, without a sanitizer: that would take a nightly one. Only code for
# the target gets it, not build scripts, since --target is given.
instrumentation=(-Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
  -Cllvm-args=-simplifycfg-branch-fold-threshold=0
  --cfg fuzzing)

RUSTFLAGS="${instrumentation[*]}" \
  cargo build --release --quiet --bins --target "$host"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$built/seeds" "$scratch/seeds"

run() {
  local target=$1 log=$scratch/$1.log status=0
  mkdir -p "artifacts/$target" "$scratch/corpus/$target" "$scratch/seeds/$target" "corpus/$target"
  "$built/$target" -max_total_time="$seconds" -max_len=32768 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
    "$scratch/corpus/$target" "$scratch/seeds/$target" "corpus/$target" >"$log" 2>&1 || status=$?
  local executions ratio
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  ratio=$(sed -n 's/^largest ratio: //p' "$log" | tail -n 1)
  printf '%-14s %9s executions, at most %s bytes allocated for a byte\n' \
    "$target" "${executions:-no}" "${ratio:-0}"
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    echo "fuzz.sh: $target failed; its input is in ffi-tests/fuzz/artifacts/$target" >&2
    exit 1
  fi
  [ -z "$keep" ] || take "$target"
}

# Small inputs alone: the large ones are what seeds writes.
take() {
  local target=$1 small=$scratch/small/$1
  mkdir -p "$small"
  find "$scratch/corpus/$target" -type f -size -3 -exec cp -t "$small" {} +
  "$built/$target" -merge=1 "corpus/$target" "$small" >"$scratch/$target.merge" 2>&1
  find "corpus/$target" -type f | wc -l | xargs printf '%-14s %9s inputs in the corpus\n' "$target"
}

for target in "${targets[@]}"; do
  run "$target"
done
