#!/usr/bin/env bash
# From nothing to an ssh login with a key that lives on a KMIP server, on Debian 12, as root:
# installs what it needs, builds, starts a throw-away KMIP server (PyKMIP) and an sshd, both on
# loopback, makes a key on the server, logs in with it, and ends everything that it started.
#
#   examples/quickstart.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() {
  printf '\n\033[1m%s\033[0m\n' "$*"
}

fail() {
  echo "quickstart.sh: $*" >&2
  exit 1
}

packages=(gcc libc6-dev openssl openssh-server openssh-client python3 python3-venv)

install_packages() {
  local package missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Called at every exit: nothing that was started here outlives the script.
clean_up() {
  trap - EXIT
  [ -z "${sshd_pid:-}" ] || kill "$sshd_pid" 2>/dev/null || true
  tools/servers/server.sh stop "$lab/kmip" >/dev/null 2>&1 || true
  rm -rf "$lab"
}

start_kmip_server() {
  tools/servers/server.sh start pykmip --dir "$lab/kmip" --parent $$
  # shellcheck source=/dev/null
  . "$lab/kmip/env.sh"
}

write_configuration() {
  export KMIP_P11_CONFIG=$lab/config.toml
  cat >"$KMIP_P11_CONFIG" <<TOML
[log]
target = "$lab/kmip-p11.log"

[[slot]]
label = "quickstart"
kmip.servers = ["$KMIP_HOST:$KMIP_PORT"]
kmip.tls.ca = "$KMIP_CA"
kmip.tls.client_cert = "$KMIP_CERT"
kmip.tls.client_key = "$KMIP_KEY"
# PyKMIP cannot sign the digests that ssh gives; it lets keys out, and this allows their use here.
# A server that signs digests needs no such line, and its keys never leave it.
keys.local_use = true
TOML
  chmod 600 "$KMIP_P11_CONFIG"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_sshd() {
  ssh_port=$(free_port)
  mkdir -p /run/sshd "$lab/sshd"
  ssh-keygen -q -t ed25519 -N '' -f "$lab/sshd/host_key"
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
  echo "[127.0.0.1]:$ssh_port $(cat "$lab/sshd/host_key.pub")" >"$lab/known_hosts"
  /usr/sbin/sshd -D -f "$lab/sshd/config" -E "$lab/sshd/log" &
  sshd_pid=$!
  for _ in $(seq 100); do
    ssh-keyscan -p "$ssh_port" 127.0.0.1 >/dev/null 2>&1 && return
    kill -0 "$sshd_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$lab/sshd/log" >&2
  fail "sshd did not start; its log is above"
}

log_in() {
  ssh -F none -I "$provider" -p "$ssh_port" -o BatchMode=yes -o IdentityAgent=none \
    -o IdentitiesOnly=no -o UserKnownHostsFile="$lab/known_hosts" root@127.0.0.1 "$@"
}

[ "$(id -u)" -eq 0 ] || fail "run it as root: it installs packages and starts an sshd"
command -v cargo >/dev/null || fail "cargo is missing; install Rust first"

say '1. Installing what is missing, and building'
install_packages
tools/servers/install-pykmip.sh
cargo build --release --quiet -p kmip-ssh
# On its own, since cargo optimises a library across crates only if it is the one thing built.
cargo rustc --release --quiet --lib --crate-type cdylib -p kmip-p11
provider=$PWD/target/release/libkmip_p11.so
kmip_ssh=$PWD/target/release/kmip-ssh

lab=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say '2. A throw-away KMIP server, and the configuration that names it'
start_kmip_server
write_configuration
cat "$KMIP_P11_CONFIG"

say '3. A key, made on the server'
"$kmip_ssh" key generate quickstart --type rsa:3072
"$kmip_ssh" key public quickstart >"$lab/quickstart.pub"

say '4. An sshd that lets this key in'
start_sshd
cp "$lab/quickstart.pub" "$lab/sshd/authorized_keys"
cat "$lab/sshd/authorized_keys"

say '5. The login: ssh, unmodified, with the key on the server'
answer=$(log_in 'echo "logged in as $(id -un)"')
echo "$answer"
[ "$answer" = "logged in as root" ] || fail "the login did not happen; the log of the library: $(cat "$lab/kmip-p11.log" 2>/dev/null)"
fingerprint=$(ssh-keygen -lf "$lab/quickstart.pub" | cut -d ' ' -f 2)
grep -q "Accepted publickey for root .* RSA $fingerprint" "$lab/sshd/log" ||
  fail "sshd accepted another key than $fingerprint; its log: $(cat "$lab/sshd/log")"
grep "Accepted publickey" "$lab/sshd/log"

say 'That was it. With your own KMIP server:'
cat <<TEXT
  install -m 0644 target/release/libkmip_p11.so /usr/local/lib/
  install -m 0755 target/release/kmip-ssh /usr/local/bin/
  mkdir -p ~/.config/kmip-p11 && cp examples/config.toml ~/.config/kmip-p11/
  \$EDITOR ~/.config/kmip-p11/config.toml       # the server, the CA, your client certificate
  kmip-ssh doctor                              # checks all of it, and says what to change
  kmip-ssh key generate mykey --type ecdsa     # prints the line for authorized_keys
  ssh -I /usr/local/lib/libkmip_p11.so user@host
TEXT
