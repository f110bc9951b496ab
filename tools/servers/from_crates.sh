# shellcheck shell=bash
# Shared by the scripts of this folder that build from crates; sourced after common.sh, never run.
# They set: build (where the work is done), log (all its output).

check_tools() {
  local missing=()
  printf '#include <stdlib.h>\nint main(void){return 0;}\n' |
    gcc -x c -o /dev/null - 2>/dev/null || missing+=(gcc libc6-dev)
  command -v make >/dev/null || missing+=(make)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  # perl-base alone lacks the modules that OpenSSL's Configure loads
  perl -MFindBin -MIPC::Cmd -MFile::Compare -e1 2>/dev/null || missing+=(perl)
  [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}"

  local minor
  minor=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p') || true
  [ "${minor:-0}" -ge 87 ] ||
    die "cargo 1.87 or newer is needed on the PATH (found: $(cargo --version 2>/dev/null || echo none))"
}

# The caller's own build settings (a cargo test run exports many) must not change this build.
clean_environment() {
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CFLAGS CXXFLAGS CPPFLAGS LDFLAGS \
    MAKEFLAGS OPENSSL_LIB_DIR OPENSSL_INCLUDE_DIR OPENSSL_CONF OPENSSL_MODULES
  export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never
}

# A test peer need not be fast, it must be built fast.
build_quickly() {
  export CARGO_TARGET_DIR="$build/target" CARGO_INCREMENTAL=0
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_STRIP=symbols
}

# Runs a command with its output in the log; on failure shows the end of it.
logged() {
  "$@" >>"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "this step failed: $* ; the whole output is in $log"
  }
}

# Copies the sources of a crate to a folder: dependencies of a package that is never built, since
# cargo alone knows where sources come from.
fetch_crate() { # name version folder
  local manifest sources=$build/sources
  rm -rf "$sources" "$3"
  mkdir -p "$sources/src"
  : >"$sources/src/lib.rs"
  cat >"$sources/Cargo.toml" <<TOML
[package]
name = "sources"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
$1 = "=$2"
TOML
  (cd "$sources" && cargo metadata --format-version 1 >metadata.json 2>>"$log") || {
    tail -n 30 "$log" >&2
    die "cargo could not fetch the sources; check the network and cargo's settings, then run this again"
  }
  # A vendored source has no version in the folder's name.
  manifest=$(grep -oE "\"manifest_path\":\"[^\"]*/$1(-${2//./\\.}[^\"/]*)?/Cargo.toml\"" \
    "$sources/metadata.json" | head -n 1 | cut -d'"' -f4)
  [ -n "$manifest" ] ||
    die "cargo fetched no crate $1; look into $sources/metadata.json, then remove $build and try again"
  cp -R "$(dirname "$manifest")" "$3"
}

# The same as a workspace of its own, with the crates of its own Cargo.lock fetched.
fetch_program() { # name version folder
  fetch_crate "$@"
  printf '\n[workspace]\n' >>"$3/Cargo.toml"
  (cd "$3" && logged cargo fetch --locked)
}

# What another recipe left unfinished is of no use here.
begin_build() {
  rm -f "$prefix/installed"
  [ "$(cat "$build/recipe" 2>/dev/null)" = "$recipe" ] || rm -rf "$prefix"
  mkdir -p "$build"
  printf '%s\n' "$recipe" >"$build/recipe"
  : >"$log"
  clean_environment
  check_tools
}

# Written last.
end_build() {
  printf '%s\n' "$recipe" >"$prefix/installed"
  say "done in $((($(date +%s) - start + 59) / 60)) minutes: $prefix ($(du -sh "$prefix" | cut -f1))"
}

is_marked() { [ "$(cat "$prefix/installed" 2>/dev/null)" = "$recipe" ]; }

# What all of them do with their arguments. They set name and version, and have installed, which says
# whether there is nothing to do, and install, which does it.
install_once() { # arguments of the script
  case ${1:-} in
    '' | --where) ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see $0 --help" ;;
  esac
  cache=$(make_cache)
  prefix=$cache/$name-$version
  build=$prefix/build
  log=$cache/$name-$version-build.log
  jobs=${KMIP_P11_JOBS:-$(nproc)}
  if [ "${1:-}" = --where ]; then
    printf '%s\n' "$prefix"
    return 0
  fi
  if installed; then
    say "already there: $prefix"
    return 0
  fi
  take_lock "$cache/$name-$version.lock"
  if installed; then
    say "built by another run meanwhile: $prefix"
    return 0
  fi
  start=$(date +%s)
  install 9>&- # nothing started from here may keep the lock
}
