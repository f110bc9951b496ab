# shellcheck shell=bash
# Shared by the scripts of this folder; sourced, never run.

me=$(basename "$0")

say() { printf '%s: %s\n' "$me" "$*"; }
die() {
  printf '%s: %s\n' "$me" "$*" >&2
  exit 1
}

# Where the servers live: outside the source tree, so that a clean checkout finds them again.
cache_dir() {
  if [ -n "${KMIP_P11_CACHE:-}" ]; then
    printf '%s\n' "$KMIP_P11_CACHE"
  elif [ -n "${XDG_CACHE_HOME:-}" ]; then
    printf '%s/kmip-p11\n' "$XDG_CACHE_HOME"
  elif [ -n "${HOME:-}" ]; then
    printf '%s/.cache/kmip-p11\n' "$HOME"
  else
    printf '/var/cache/kmip-p11\n' # a system service or a bare CI shell has no HOME
  fi
}

# Creates the cache and prints its absolute path: both servers bake paths in, and tools change folder.
make_cache() {
  local cache
  cache=$(cache_dir)
  mkdir -p "$cache" ||
    die "cannot create the cache folder $cache; set KMIP_P11_CACHE to a folder that you can write"
  (cd "$cache" && pwd)
}

# Installs the Debian packages named, or says which command does.
apt_install() {
  command -v apt-get >/dev/null ||
    die "these are missing and this is not a Debian system, install them yourself: $*"
  [ "$(id -u)" = 0 ] || die "Debian packages are missing; run: sudo apt-get install $*"
  say "installing Debian packages: $*"
  # An old package list names files that are gone, so refresh it, but only when first needed.
  apt-get update -qq >&2 || die "apt-get update failed; the packages needed are: $*"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
    die "apt-get install $* failed; see its message above"
}

# Holds one lock for the rest of the script: two builds in one place would spoil each other.
take_lock() { # file
  exec 9>"$1" || die "cannot write the lock file $1; check the rights of its folder"
  if ! flock -n 9; then
    say "another run is at work (lock $1), waiting for it"
    flock 9
  fi
}

# Debian splits off what venv needs: without python3-venv "import venv" works, ensurepip does not.
can_make_venv() { "$1" -c 'import sys, venv, ensurepip; ensurepip.version(); sys.exit(sys.version_info < (3, 8))' 2>/dev/null; }

# Prints a Python that can make virtual environments. /usr/bin/python3 comes second: where the PATH's
# python3 is another one, installing python3-venv would not help that one.
find_python() {
  local candidate
  for candidate in ${KMIP_P11_PYTHON:-} "$(command -v python3 || true)" /usr/bin/python3; do
    if [ -n "$candidate" ] && can_make_venv "$candidate"; then
      # A pyenv shim depends on the current folder; the real path does not.
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

# Prints where a virtual environment is, or makes it with the caller's `packages` unless it is there; the caller's
# `runs` tries whether they can be loaded. What follows the folder goes to pip.
install_venv() { # argument prefix pip-options...
  local argument=$1 prefix=$2
  shift 2
  if [ "$argument" = --where ]; then
    printf '%s\n' "$prefix"
  elif venv_is_there "$prefix"; then
    say "already there: $prefix"
  else
    take_lock "$prefix.lock"
    # Another run may have installed it meanwhile. Nothing started from here may keep the lock.
    venv_is_there "$prefix" || make_venv "$prefix" "$@" 9>&-
  fi
}

# The marker alone is no proof: the Python below the environment may have been upgraded away.
venv_is_there() { # prefix
  [ "$(cat "$1/installed" 2>/dev/null)" = "${packages[*]}" ] && runs
}

make_venv() { # prefix pip-options...
  local prefix=$1 python log=$1-install.log
  shift
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
      env -u PIP_USER -u PIP_TARGET -u PIP_PREFIX \
        "$prefix/bin/python" -m pip install --disable-pip-version-check --no-input "$@" "${packages[@]}"
  } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "the installation into $prefix failed; check the network and pip's settings (whole output: $log)"
  fi
  runs || die "the packages were installed into $prefix but cannot be loaded by $prefix/bin/python"
  printf '%s\n' "${packages[*]}" >"$prefix/installed"
  say "done: $prefix ($(du -sh "$prefix" | cut -f1))"
}
