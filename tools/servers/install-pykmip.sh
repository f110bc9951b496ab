#!/usr/bin/env bash
# Install the PyKMIP server 0.11.0 into a virtual environment of its own, for tests and quickstart.
#
#   install-pykmip.sh            install it unless it is there
#   install-pykmip.sh --where    print its folder, install nothing
#
# The result is CACHE/pykmip-0.11.0 (CACHE: see README.md). A finished installation is marked by
# the file "installed", written last; an unfinished or broken one is made anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

version=0.11.0
# Pinned: PyKMIP names ciphers at start-up that later releases of cryptography announce to remove.
packages=("pykmip==$version" cryptography==50.0.2 sqlalchemy==2.1.9)

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

runs() { PYTHONWARNINGS=ignore "$prefix/bin/python" -c 'import kmip.services.server' 2>/dev/null; }

case ${1:-} in
  '' | --where) ;;
  -h | --help) usage; exit 0 ;;
  *) die "unknown argument '$1'; see $0 --help" ;;
esac

# The caller's Python settings would lead imports out of the environment.
unset PYTHONPATH PYTHONHOME
cache=$(make_cache)
prefix=$cache/pykmip-$version
install_venv "${1:-}" "$prefix"
