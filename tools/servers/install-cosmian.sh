#!/usr/bin/env bash
# Build the Cosmian KMS server 5.28.0 from crates alone, for the tests.
#
#   install-cosmian.sh            build it unless it is there
#   install-cosmian.sh --where    print its folder, build nothing
#
# The result is CACHE/cosmian-5.28.0 (CACHE: see README.md): bin/cosmian_kms and the OpenSSL
# configuration that it needs. A finished build is marked by the file "installed", written last;
# an interrupted one goes on where it stopped.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

version=5.28.0
openssl_crate=300.6.1     # OpenSSL 3.6.3; Debian 12's 3.0 has no ML-DSA, which the server needs
recipe="$version recipe 1" # raise the number whenever the build below changes

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

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

# Runs a command with its output in the log; on failure shows the end of it.
logged() {
  "$@" >>"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "this step failed: $* ; the whole output is in $log"
  }
}

# Prints the folder where cargo keeps the sources of a crate that the throw-away package names.
crate_dir() { # name version-pattern
  local manifest
  # A vendored source has no version in the folder's name.
  manifest=$(grep -oE "\"manifest_path\":\"[^\"]*/$1(-$2)?/Cargo.toml\"" "$build/sources/metadata.json" |
    head -n 1 | cut -d'"' -f4)
  [ -n "$manifest" ] ||
    die "cargo fetched no crate $1; look into $build/sources/metadata.json, then remove $build and try again"
  dirname "$manifest"
}

fetch_sources() {
  [ ! -e "$build/sources.done" ] || return 0
  say "1/3 fetching the sources"
  rm -rf "$build/sources" "$build/openssl" "$build/server"
  mkdir -p "$build/sources/src"
  : >"$build/sources/src/lib.rs"
  # Dependencies of a package that is never built: cargo alone knows where sources come from.
  cat >"$build/sources/Cargo.toml" <<TOML
[package]
name = "sources"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
openssl-src = "=$openssl_crate"
cosmian_kms_server = "=$version"
TOML
  (cd "$build/sources" && cargo metadata --format-version 1 >metadata.json 2>>"$log") || {
    tail -n 30 "$log" >&2
    die "cargo could not fetch the sources; check the network and cargo's settings, then run this again"
  }
  cp -R "$(crate_dir openssl-src "${openssl_crate//./\\.}[^\"/]*")/openssl" "$build/openssl"
  # As a path package: cargo install drops the dev-dependency that the feature non-fips names.
  cp -R "$(crate_dir cosmian_kms_server "${version//./\\.}")" "$build/server"
  printf '\n[workspace]\n' >>"$build/server/Cargo.toml"
  (cd "$build/server" && logged cargo fetch --locked)
  : >"$build/sources.done"
}

openssl_target() {
  case $(uname -m) in
    x86_64) echo linux-x86_64 ;;
    aarch64) echo linux-aarch64 ;;
    *) die "no OpenSSL target is known here for the processor $(uname -m); add it to openssl_target in $0" ;;
  esac
}

build_openssl() {
  [ ! -e "$build/openssl.done" ] || return 0
  say "2/3 building OpenSSL (about 3 minutes on 2 cores)"
  (
    cd "$build/openssl"
    # no-module: the crate lacks the generator files of the loadable providers; this puts the
    # legacy provider, which the server loads at start, into libcrypto.
    CFLAGS=-O1 logged perl ./Configure no-shared no-module no-dso enable-legacy no-tests no-apps \
      no-comp no-zlib --prefix="$openssl" --openssldir="$openssl/ssl" --libdir=lib "$(openssl_target)"
    logged make -j"$jobs" build_libs
    logged make install_dev
  )
  # Both must exist before the server's build: its build script then keeps its hands off OpenSSL.
  mkdir -p "$openssl/ssl" "$openssl/lib/ossl-modules"
  cat >"$openssl/ssl/openssl.cnf" <<'CONF'
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
legacy = legacy_sect
[default_sect]
activate = 1
[legacy_sect]
activate = 1
CONF
  : >"$build/openssl.done"
}

# Copies cargo's output to the log and says from time to time how far it is.
show_progress() {
  local line n=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in
      *Compiling*)
        n=$((n + 1))
        [ $((n % 50)) != 0 ] || say "    $n of about 480 crates"
        ;;
    esac
  done
}

build_server() {
  say "3/3 building the server (about 10 CPU minutes)"
  (
    cd "$build/server" || exit # "set -e" is off in here, since the result is looked at below
    export OPENSSL_DIR="$openssl" OPENSSL_STATIC=1 OPENSSL_NO_VENDOR=1
    export CARGO_TARGET_DIR="$build/target" CARGO_INCREMENTAL=0
    # A test peer need not be fast, it must be built fast.
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_DEBUG=0 \
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_LTO=off \
      CARGO_PROFILE_RELEASE_STRIP=symbols
    # --locked: the crate's own Cargo.lock, so that every build is of the same sources
    cargo build --release --locked -j"$jobs" --features non-fips --bin cosmian_kms 2>&1 | show_progress
  ) || {
    tail -n 30 "$log" >&2
    die "cargo could not build the server; the whole output is in $log"
  }
  mkdir -p "$prefix/bin"
  cp "$build/target/release/cosmian_kms" "$prefix/bin/cosmian_kms.new"
  mv "$prefix/bin/cosmian_kms.new" "$prefix/bin/cosmian_kms"
}

installed() { [ -x "$prefix/bin/cosmian_kms" ] && [ "$(cat "$prefix/installed" 2>/dev/null)" = "$recipe" ]; }

runs() { OPENSSL_CONF=$openssl/ssl/openssl.cnf "$prefix/bin/cosmian_kms" --version 2>&1; }

install() {
  local start
  start=$(date +%s)
  rm -f "$prefix/installed"
  # What another recipe left unfinished is of no use here.
  [ "$(cat "$build/recipe" 2>/dev/null)" = "$recipe" ] || rm -rf "$prefix"
  mkdir -p "$build"
  printf '%s\n' "$recipe" >"$build/recipe"
  : >"$log"
  clean_environment
  check_tools
  fetch_sources
  build_openssl
  build_server
  case $(runs) in
    *"$version"*) ;;
    *) die "the program built does not run: $(runs | head -n 5)" ;;
  esac
  # The program is static: of OpenSSL it reads only the configuration at run time.
  rm -rf "$build" "$openssl/include" "$openssl"/lib/*.a "$openssl/lib/pkgconfig" "$openssl/lib/cmake"
  printf '%s\n' "$recipe" >"$prefix/installed"
  say "done in $((($(date +%s) - start + 59) / 60)) minutes: $prefix ($(du -sh "$prefix" | cut -f1))"
}

case ${1:-} in
  '') ;;
  --where) ;;
  -h | --help) usage; exit 0 ;;
  *) die "unknown argument '$1'; see $0 --help" ;;
esac

cache=$(make_cache)
prefix=$cache/cosmian-$version
openssl=$prefix/openssl # the final place: OpenSSL bakes it into the library
build=$prefix/build
log=$cache/cosmian-$version-build.log
jobs=${KMIP_P11_JOBS:-$(nproc)}

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$prefix"
  exit 0
fi
if installed; then
  say "already there: $prefix"
  exit 0
fi
take_lock "$cache/cosmian-$version.lock"
if installed; then
  say "built by another run meanwhile: $prefix"
  exit 0
fi
install 9>&- # nothing started from here may keep the lock
