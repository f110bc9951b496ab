#!/usr/bin/env bash
# From nothing to an ssh login with a key that lives on a KMIP server, on Debian 12, as root:
# installs what it needs, builds, starts a throw-away KMIP server (PyKMIP) and an sshd, both on
# loopback, makes a key on the server, logs in with it, and ends everything that it started.
#
#   examples/quickstart-kmip.sh [--built DIRECTORY]
#
# With --built, the programs in that directory are used instead of being built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/lab.sh
. examples/lab.sh

# Called at every exit: nothing that was started here outlives the script.
clean_up_more() {
  tools/servers/server.sh stop "$lab/kmip" >/dev/null 2>&1 || true
}

start_kmip_server() {
  # What it leaves in its folder for temporary files goes with the lab.
  TMPDIR=$lab tools/servers/server.sh start pykmip --dir "$lab/kmip" --parent $$
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

built=$(built_option "$@")
[ "$(id -u)" -eq 0 ] || fail "run it as root: it installs packages and starts an sshd"

say '1. Installing what is missing, and building'
[ -n "$built" ] || install_packages gcc libc6-dev
install_packages openssl openssh-server openssh-client python3 python3-venv
tools/servers/install-pykmip.sh
programs "$built"

open_lab

say '2. A throw-away KMIP server, and the configuration that names it'
start_kmip_server
write_configuration
cat "$KMIP_P11_CONFIG"

say '3. A key, made on the server'
"$kmip_ssh" key generate quickstart --type rsa:3072
"$kmip_ssh" key public quickstart >"$lab/quickstart.pub"

say '4. An sshd that lets this key in'
mkdir -p "$lab/sshd"
cp "$lab/quickstart.pub" "$lab/sshd/authorized_keys"
start_sshd
cat "$lab/sshd/authorized_keys"

say '5. The login: ssh, unmodified, with the key on the server'
prove_login "$lab/quickstart.pub"

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
