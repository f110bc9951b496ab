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

runs() { "$prefix/bin/python" -c 'import pkcs11, PyKCS11' 2>/dev/null; }

case ${1:-} in
  '' | --where) ;;
  -h | --help) usage; exit 0 ;;
  *) die "unknown argument '$1'; see $0 --help" ;;
esac

# The caller's Python settings would lead imports out of the environment.
unset PYTHONPATH PYTHONHOME
cache=$(make_cache)
prefix=$cache/python-programs-1
install_venv "${1:-}" "$prefix" --only-binary :all: --no-deps
