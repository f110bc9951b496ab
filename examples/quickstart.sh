#!/usr/bin/env bash
# From nothing to an ssh login with a managed key, without a server and without a configuration file:
# installs what is missing (as root, on Debian 12), builds, makes a keystore and a key in it, starts an
# sshd on loopback, logs in, and ends and removes everything that it started and made.
#
#   examples/quickstart.sh [--built DIRECTORY]
#
# With --built, the programs in that directory are used instead of being built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=examples/lab.sh
. examples/lab.sh

built=$(built_option "$@")

say '1. Installing what is missing, and building'
[ -n "$built" ] || install_packages gcc libc6-dev
install_packages openssh-server openssh-client
programs "$built"

open_lab
# The keystore of whoever runs this stays as it is: this one is in a folder of its own.
export XDG_DATA_HOME=$lab/data XDG_CONFIG_HOME=$lab/config HOME=$lab
unset KMIP_P11_CONFIG
[ ! -e /etc/kmip-p11/config.toml ] ||
  fail "this machine has /etc/kmip-p11/config.toml, which says where keys are; use kmip-ssh as it is"

say '2. A keystore'
# Nobody can be asked for a PIN here, so a file opens it. "kmip-ssh init" alone asks for a PIN.
"$kmip_ssh" init --seal file

say '3. A key in it'
"$kmip_ssh" key generate quickstart --type ecdsa
"$kmip_ssh" key public quickstart >"$lab/quickstart.pub"

say '4. An sshd that lets this key in'
mkdir -p "$lab/sshd"
cp "$lab/quickstart.pub" "$lab/sshd/authorized_keys"
start_sshd
cat "$lab/sshd/authorized_keys"

say '5. The login: ssh, unmodified, with the key in the keystore'
prove_login "$lab/quickstart.pub"

say 'That was it. For yourself:'
cat <<TEXT
  sudo install -m 0644 target/release/libkmip_p11.so /usr/local/lib/
  sudo install -m 0755 target/release/kmip-ssh /usr/local/bin/
  kmip-ssh init                                # asks for a PIN, and makes your keystore
  kmip-ssh key generate mykey --type ecdsa     # prints the line for authorized_keys
  ssh -I /usr/local/lib/libkmip_p11.so user@host
With keys on a KMIP server: examples/quickstart-kmip.sh
TEXT
