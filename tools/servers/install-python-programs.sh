#!/usr/bin/env bash
# Install python-pkcs11 and PyKCS11 into a virtual environment of their own, for the tests of programs.
#
#   install-python-programs.sh            install them unless they are there
#   install-python-programs.sh --where    print their folder, install nothing
#
# The result is CACHE/python-programs-1 (CACHE: see README.md). A finished installation is marked by
# the file "installed", written last; an unfinished or broken one is made anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

packages=(python-pkcs11==0.10.1 asn1crypto==1.5.1 pykcs11==1.5.20)

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

# The marker alone is no proof: the Python below the environment may have been upgraded away.
installed() {
  [ "$(cat "$prefix/installed" 2>/dev/null)" = "${packages[*]}" ] && runs
}
runs() { "$prefix/bin/python" -c 'import pkcs11, PyKCS11' 2>/dev/null; }

install() {
  local python log=$cache/python-programs-install.log
  python=$(find_python) || {
    apt_install python3 python3-venv
    python=$(find_python) ||
      die "found no Python 3.8 or newer that can make a virtual environment; name one in KMIP_P11_PYTHON"
  }
  say "installing ${packages[*]} with $python"
  # In its final place, since the scripts of a virtual environment name their interpreter by path.
  rm -rf "$prefix"
  if ! {
    "$python" -m venv "$prefix" &&
      "$prefix/bin/python" -m pip install --disable-pip-version-check --no-input --only-binary :all: \
        --no-deps "${packages[@]}"
  } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "the installation into $prefix failed; check the network and pip's settings (whole output: $log)"
  fi
  runs || die "the packages were installed into $prefix but cannot be loaded"
  printf '%s\n' "${packages[*]}" >"$prefix/installed"
  say "done: $prefix ($(du -sh "$prefix" | cut -f1))"
}

case ${1:-} in
  '' | --where) ;;
  -h | --help) usage; exit 0 ;;
  *) die "unknown argument '$1'; see $0 --help" ;;
esac

# The caller's Python settings would lead imports and pip out of the new environment.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX
cache=$(make_cache)
prefix=$cache/python-programs-1

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$prefix"
  exit 0
fi
if installed; then
  say "already there: $prefix"
  exit 0
fi
take_lock "$cache/python-programs-1.lock"
if installed; then
  say "installed by another run meanwhile: $prefix"
  exit 0
fi
install 9>&- # nothing started from here may keep the lock
