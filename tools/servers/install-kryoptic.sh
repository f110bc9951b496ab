#!/usr/bin/env bash
# Build the software token kryoptic 1.5.4, a PKCS#11 module, from crates alone, for the tests.
#
#   install-kryoptic.sh            build it unless it is there
#   install-kryoptic.sh --where    print its folder, build nothing
#
# The result is CACHE/kryoptic-1.5.4 (CACHE: see README.md): lib/libkryoptic_pkcs11.so, with OpenSSL in it.
# A finished build is marked by the file "installed", written last; an interrupted one goes on where it
# stopped.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"
# shellcheck source-path=SCRIPTDIR source=from_crates.sh
. "$here/from_crates.sh"

name=kryoptic
version=1.5.4
recipe="$version recipe 1" # raise the number whenever the build below changes

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

# Its bindings are generated when it is built: libclang reads the headers of PKCS#11 and OpenSSL.
check_libraries() {
  local missing=()
  # not libclang-cpp.so, which is another library
  compgen -G '/usr/lib/*/libclang-[0-9]*.so*' >/dev/null || missing+=(libclang1)
  pkg-config --exists sqlite3 || missing+=(libsqlite3-dev)
  [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}"
}

fetch_sources() {
  [ ! -e "$build/sources.done" ] || return 0
  say "1/2 fetching the sources"
  fetch_program kryoptic "$version" "$build/module"
  : >"$build/sources.done"
}

build_module() {
  say "2/2 building the module (about 1 CPU minute)"
  (
    cd "$build/module"
    openssl=$("$here/install-openssl.sh" --where)
    export PKG_CONFIG_PATH="$openssl/lib/pkgconfig" OPENSSL_STATIC=1
    # libclang comes without headers of its own; the compiler's do.
    BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)"
    export BINDGEN_EXTRA_CLANG_ARGS
    build_quickly
    # --locked: the crate's own Cargo.lock, so that every build is of the same sources
    logged cargo build --release --locked -j"$jobs" --features pqc --lib
  )
  mkdir -p "$prefix/lib"
  cp "$build/target/release/libkryoptic_pkcs11.so" "$prefix/lib/libkryoptic_pkcs11.so.new"
  mv "$prefix/lib/libkryoptic_pkcs11.so.new" "$prefix/lib/libkryoptic_pkcs11.so"
}

installed() { [ -e "$prefix/lib/libkryoptic_pkcs11.so" ] && is_marked; }

install() {
  begin_build
  check_libraries
  "$here/install-openssl.sh"
  fetch_sources
  build_module
  rm -rf "$build"
  end_build
}

install_once "$@"
