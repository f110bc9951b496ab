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
# shellcheck source-path=SCRIPTDIR source=from_crates.sh
. "$here/from_crates.sh"

name=cosmian
version=5.28.0
recipe="$version recipe 1" # raise the number whenever the program that is built below changes

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

fetch_sources() {
  [ ! -e "$build/sources.done" ] || return 0
  say "1/2 fetching the sources"
  # As a path package: cargo install drops the dev-dependency that the feature non-fips names.
  fetch_program cosmian_kms_server "$version" "$build/server"
  : >"$build/sources.done"
}

# The program is static: of OpenSSL it reads only the configuration at run time.
configure_openssl() {
  mkdir -p "$prefix/openssl/ssl"
  cat >"$prefix/openssl/ssl/openssl.cnf" <<'CONF'
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
  say "2/2 building the server (about 10 CPU minutes)"
  (
    cd "$build/server" || exit # "set -e" is off in here, since the result is looked at below
    OPENSSL_DIR=$("$here/install-openssl.sh" --where) || exit
    export OPENSSL_DIR OPENSSL_STATIC=1 OPENSSL_NO_VENDOR=1
    build_quickly
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

installed() { [ -x "$prefix/bin/cosmian_kms" ] && is_marked; }

runs() { OPENSSL_CONF=$prefix/openssl/ssl/openssl.cnf "$prefix/bin/cosmian_kms" --version 2>&1; }

install() {
  begin_build
  "$here/install-openssl.sh"
  fetch_sources
  configure_openssl
  build_server
  case $(runs) in
    *"$version"*) ;;
    *) die "the program built does not run: $(runs | head -n 5)" ;;
  esac
  rm -rf "$build"
  end_build
}

install_once "$@"
