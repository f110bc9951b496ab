#!/usr/bin/env bash
# Installs what the tests need on Debian 12 and runs all of them: format, lints, unit tests, and the
# tests of the shipped library with real OpenSSH, real KMIP servers and other PKCS#11 modules.
#
#   tools/test.sh            everything; the first run builds Cosmian KMS (about 10 minutes)
#
# Exit status 0 means that every check passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(gcc g++ libc6-dev make perl pkg-config binutils openssl openssh-server openssh-client
  opensc softhsm2 strace procps python3 python3-venv postgresql gdb libclang1 libsqlite3-dev
  valgrind gnutls-bin openjdk-17-jdk-headless libnss3-tools libengine-pkcs11-openssl openvpn git)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "test.sh: these Debian packages are missing: ${missing[*]}; install them, or run as root" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

step() {
  printf '\n== %s (after %d s)\n' "$1" "$SECONDS"
}

# The slow installations go on beside ours; their output is shown only if they fail. The short one comes first.
install_aside() {
  aside_log=$(mktemp)
  { tools/servers/install-kryoptic.sh && tools/servers/install-cosmian.sh; } >"$aside_log" 2>&1 </dev/null &
  aside_pid=$!
}

wait_for_installations() {
  local status=0
  wait "$aside_pid" || status=$?
  if [ "$status" -ne 0 ]; then
    cat "$aside_log" >&2
    echo "test.sh: kryoptic or Cosmian KMS could not be installed; the output is above" >&2
    exit 1
  fi
  rm -f "$aside_log"
}

# The KMIP room against one real server: what it reads, writes and survives there, said over plain
# TLS and over each of the ways in HTTPS. The other arguments choose among the tests: some ask for
# what PyKMIP does not do.
test_protocol_on() { # kind ways names...
  local lab way kind=$1 ways=$2 status=0
  shift 2
  lab=$(mktemp -d)
  tools/servers/server.sh start "$kind" --dir "$lab" --parent $$
  for way in '' $ways; do
    KMIP_TEST_ENV=$lab/env.sh KMIP_TEST_WAY=$way cargo test -p kmip-p11 --lib -- --ignored "$@" || status=$?
  done
  tools/servers/server.sh stop "$lab"
  rm -rf "$lab"
  return "$status"
}

step 'packages'
command -v cargo >/dev/null || { echo "test.sh: cargo is missing; install Rust first" >&2; exit 1; }
install_packages
step 'servers and modules'
tools/servers/install-pykmip.sh
tools/servers/install-python-programs.sh
install_aside
step 'format'
cargo fmt --check
cargo fmt --check --manifest-path ffi-tests/fuzz/Cargo.toml
step 'lints'
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
step 'build'
cargo build --workspace --all-targets --quiet
step 'kryoptic and Cosmian KMS'
wait_for_installations
step 'the protocol on PyKMIP'
test_protocol_on pykmip '' kmip::tests::{live::,live_header,live_operations,pykmip_codec}
step 'the protocol on Cosmian KMS'
test_protocol_on cosmian 'ttlv:/kmip json:/kmip json:/kmip/2_1' kmip::tests::live
test_protocol_on cosmian '' kmip::tests::over_https
step 'tests'
cargo test --workspace --no-fail-fast
step 'fuzzing'
tools/fuzz.sh 15
step 'all passed'
