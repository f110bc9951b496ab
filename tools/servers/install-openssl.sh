#!/usr/bin/env bash
# Build OpenSSL 3.6.3 from the crate openssl-src, for what install-cosmian.sh and install-kryoptic.sh build.
#
#   install-openssl.sh            build it unless it is there
#   install-openssl.sh --where    print its folder, build nothing
#
# The result is CACHE/openssl-3.6.3 (CACHE: see README.md): static libraries and headers. A finished build
# is marked by the file "installed", written last.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"
# shellcheck source-path=SCRIPTDIR source=from_crates.sh
. "$here/from_crates.sh"

name=openssl
version=3.6.3
crate=300.6.1              # of openssl-src; Debian 12's OpenSSL 3.0 has no ML-DSA
recipe="$version recipe 1" # raise the number whenever the build below changes

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

target() {
  case $(uname -m) in
    x86_64) echo linux-x86_64 ;;
    aarch64) echo linux-aarch64 ;;
    *) die "no OpenSSL target is known here for the processor $(uname -m); add it to target in $0" ;;
  esac
}

installed() { is_marked && [ -e "$prefix/lib/libcrypto.a" ]; }

install() {
  begin_build
  say "building OpenSSL (about 3 CPU minutes)"
  fetch_crate openssl-src "$crate" "$build/crate"
  (
    cd "$build/crate/openssl"
    # no-module: the crate lacks the generator files of the loadable providers; this puts the
    # legacy provider, which Cosmian KMS loads at start, into libcrypto.
    CFLAGS=-O1 logged perl ./Configure no-shared no-module no-dso enable-legacy no-tests no-apps \
      no-comp no-zlib --prefix="$prefix" --openssldir="$prefix/ssl" --libdir=lib "$(target)"
    logged make -j"$jobs" build_libs
    logged make install_dev
  )
  mkdir -p "$prefix/ssl" "$prefix/lib/ossl-modules" # what the libraries have baked in
  rm -rf "$build"
  end_build
}

install_once "$@"
