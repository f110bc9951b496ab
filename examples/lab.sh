# What the quickstarts share, to be sourced: packages, programs, an sshd on loopback, and the login.
# shellcheck shell=bash

say() {
  printf '\n\033[1m%s\033[0m\n' "$*"
}

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Installs those of the packages named that are missing; only root can.
install_packages() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || fail "these packages are missing, and only root can install them: ${missing[*]}"
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Sets provider and kmip_ssh: built here, or those in the directory that is named.
programs() {
  local built=${1:-}
  if [ -z "$built" ]; then
    command -v cargo >/dev/null || fail "cargo is missing; install Rust first"
    cargo build --release --quiet -p kmip-ssh
    # On its own, since cargo optimises a library across crates only if it is the one thing built.
    cargo rustc --release --quiet --lib --crate-type cdylib -p kmip-p11
    built=$PWD/target/release
  fi
  provider=$built/libkmip_p11.so
  kmip_ssh=$built/kmip-ssh
  [ -f "$provider" ] && [ -x "$kmip_ssh" ] || fail "there is no libkmip_p11.so and kmip-ssh in $built"
}

# Makes the directory lab, which goes at every exit, together with the sshd. A clean_up_more of the
# script's own is called before.
open_lab() {
  lab=$(mktemp -d)
  trap close_lab EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

close_lab() {
  trap - EXIT
  [ -z "${sshd_pid:-}" ] || kill "$sshd_pid" 2>/dev/null || true
  if declare -F clean_up_more >/dev/null; then clean_up_more; fi
  rm -rf "$lab"
}

# An sshd on loopback that lets the user of this script in, by the keys in $lab/sshd/authorized_keys.
start_sshd() {
  mkdir -p "$lab/sshd"
  [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f "$lab/sshd/host_key"
  local try
  for try in 1 2 3 4 5; do
    ssh_port=$(shuf -i 20000-32000 -n 1)
    write_sshd_config
    /usr/sbin/sshd -D -f "$lab/sshd/config" -E "$lab/sshd/log" &
    sshd_pid=$!
    if sshd_answers; then
      echo "[127.0.0.1]:$ssh_port $(cat "$lab/sshd/host_key.pub")" >"$lab/known_hosts"
      return
    fi
    kill "$sshd_pid" 2>/dev/null || true
  done
  cat "$lab/sshd/log" >&2
  fail "sshd did not start in $try tries; its log is above"
}

write_sshd_config() {
  cat >"$lab/sshd/config" <<SSHD
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $lab/sshd/host_key
PidFile none
AuthorizedKeysFile $lab/sshd/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
SSHD
}

sshd_answers() {
  local _
  for _ in $(seq 50); do
    kill -0 "$sshd_pid" 2>/dev/null || return 1
    ssh-keyscan -p "$ssh_port" 127.0.0.1 2>/dev/null | grep -qF "$(cut -d ' ' -f 2 "$lab/sshd/host_key.pub")" && return
    sleep 0.1
  done
  return 1
}

# ssh, unmodified, with nothing to identify by but the module.
log_in() {
  ssh -F none -I "$provider" -p "$ssh_port" -o BatchMode=yes -o IdentityAgent=none \
    -o IdentitiesOnly=no -o UserKnownHostsFile="$lab/known_hosts" "$(id -un)@127.0.0.1" "$@"
}

# Logs in, and looks whether it was by the key in that file.
prove_login() {
  local answer fingerprint
  answer=$(log_in 'echo "logged in as $(id -un)"') || true
  echo "$answer"
  [ "$answer" = "logged in as $(id -un)" ] || fail "the login did not happen; sshd's log: $(cat "$lab/sshd/log")"
  fingerprint=$(ssh-keygen -lf "$1" | cut -d ' ' -f 2)
  grep -q "Accepted publickey for .* $fingerprint" "$lab/sshd/log" ||
    fail "sshd accepted another key than $fingerprint; its log: $(cat "$lab/sshd/log")"
  grep "Accepted publickey" "$lab/sshd/log"
}

# The directory behind --built, or nothing.
built_option() {
  case "${1:-}" in
    '') ;;
    --built)
      [ -d "${2:-}" ] || fail "--built wants a directory with libkmip_p11.so and kmip-ssh"
      (cd "$2" && pwd)
      ;;
    *) fail "$1 is not known; the one option is --built DIRECTORY" ;;
  esac
}
