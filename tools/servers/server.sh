#!/usr/bin/env bash
# Start and stop a real KMIP server on the loopback address, with mutual TLS.
#
#   server.sh start pykmip|cosmian --dir DIR [--port N] [--parent PID]
#   server.sh stop DIR
#   server.sh pki DIR
#
# start: makes keys and certificates in DIR (kept by later starts), starts the server in the
#   background on a free port or N, waits until it accepts TLS, writes DIR/env.sh and prints one
#   line "READY kind=... dir=... host=... port=... pid=...". The server keeps nothing of the
#   caller's input and output open.
#   --parent PID: the server is ended soon after process PID is gone.
# stop: ends the server of DIR, if one runs, and waits until it is gone. The data stay in DIR.
# pki: makes the keys and certificates only, as start does.
#
# The programs come from install-pykmip.sh and install-cosmian.sh. See README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$here/common.sh"

host=127.0.0.1
ready_seconds=60 # a start takes 1 to 2 s; a busy CI machine may need many times that

usage() { sed -n '2,17s/^# \{0,1\}//p' "$0"; }

# --- processes -----------------------------------------------------------------------------------

# Prints the start time of a live process. A zombie is not alive: nobody may ever reap it.
start_time() { # pid
  local line
  { IFS= read -r line; } 2>/dev/null <"/proc/$1/stat" || return 1
  # The name in parentheses may hold anything; the fields after it are state, ppid, pgrp, ...
  read -ra line <<<"${line##*) }"
  [ "${line[0]}" != Z ] && [ "${line[0]}" != X ] && printf '%s\n' "${line[19]}"
}

# True while a process of the group lives that carries our token in its environment. A number alone
# proves nothing: the kernel gives it to somebody else later.
group_alive() { # pgid token
  local stat fields pid
  kill -0 -- "-$1" 2>/dev/null || return 1
  for stat in /proc/[0-9]*/stat; do
    { IFS= read -r fields; } 2>/dev/null <"$stat" || continue
    read -ra fields <<<"${fields##*) }"
    [ "${fields[2]}" = "$1" ] || continue
    pid=${stat#/proc/} pid=${pid%/stat}
    if grep -qzx "KMIP_P11_SERVER=$2" "/proc/$pid/environ" 2>/dev/null; then return 0; fi
  done
  return 1
}

wait_group_gone() { # pgid token tenths-of-a-second
  local i
  for ((i = 0; i < $3; i++)); do
    group_alive "$1" "$2" || return 0
    sleep 0.1
  done
  ! group_alive "$1" "$2"
}

end_group() { # pgid token kind
  group_alive "$1" "$2" || return 0
  # PyKMIP needs 10 s and more to obey SIGTERM, and leaves its helpers behind when only it is killed.
  if [ "$3" != pykmip ]; then
    kill -TERM -- "-$1" 2>/dev/null || true
    ! wait_group_gone "$1" "$2" 20 || return 0
  fi
  kill -KILL -- "-$1" 2>/dev/null || true
  wait_group_gone "$1" "$2" 100 ||
    die "process group $1 is still there 10 s after SIGKILL; see: ps -o pid,stat,wchan,args -g $1"
}

# Sets pid, token and kind from DIR/server.pid; false when there is none.
read_pid_file() { # dir
  pid='' token='' kind=''
  [ -s "$1/server.pid" ] || return 1
  read -r pid token kind <"$1/server.pid" || true
  [[ $pid =~ ^[0-9]+$ && -n $token ]]
}

# Ends the whole group when the process that wanted the server, or the server itself, is gone.
watch_parent() { # parent parent-start server server-start
  while [ "$(start_time "$1")" = "$2" ] && [ "$(start_time "$3")" = "$4" ]; do sleep 1; done
  kill -KILL -- "-$3" # this process is of the group too
}

# --- keys and certificates -----------------------------------------------------------------------

ec_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
rsa_key() { openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"; }

make_ca() { # base name
  ec_key "$1.key"
  openssl req -x509 -new -key "$1.key" -days 365 -sha256 -subj "/O=kmip-p11 test/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -out "$1.crt"
}

# Exactly one CN: it is the user's name on both servers, and PyKMIP refuses two.
make_cert() { # base ca cn extension...
  local base=$1 ca=$2 cn=$3
  shift 3
  printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature "$@" >"$base.ext"
  openssl req -new -key "$base.key" -subj "/O=kmip-p11 test/CN=$cn" -out "$base.csr"
  openssl x509 -req -in "$base.csr" -CA "$ca.crt" -CAkey "$ca.key" -CAcreateserial -days 365 -sha256 \
    -extfile "$base.ext" -out "$base.crt"
  rm -f "$base.csr" "$base.ext"
}

make_pki() { # dir
  umask 077
  mkdir -p "$1"
  cd "$1"
  # Certificates are kept, for a user owns keys by name; but not when they are about to expire.
  if [ -e pki.done ] && openssl x509 -checkend 86400 -noout -in server.crt >/dev/null 2>&1; then return 0; fi
  rm -f pki.done
  make_ca ca 'kmip-p11 test CA'
  make_ca stranger-ca 'some other CA'
  ec_key server.key # ECDSA: with an RSA certificate PyKMIP and rustls have no cipher suite in common
  make_cert server ca localhost extendedKeyUsage=serverAuth subjectAltName=DNS:localhost,IP:127.0.0.1
  local name
  for name in alice bob noeku stranger; do ec_key "$name.key"; done
  rsa_key carol.key
  for name in alice bob carol; do make_cert "$name" ca "$name" extendedKeyUsage=clientAuth; done
  make_cert noeku ca noeku
  make_cert stranger stranger-ca stranger extendedKeyUsage=clientAuth
  # The same keys in the older PEM forms: BEGIN EC PRIVATE KEY, BEGIN RSA PRIVATE KEY.
  openssl pkey -in alice.key -traditional -out alice.sec1.key
  openssl pkey -in carol.key -traditional -out carol.pkcs1.key
  chmod 600 ./*.key # also those left by an interrupted run under another umask
  : >pki.done
}

# --- the two servers -----------------------------------------------------------------------------

program() { # kind
  local cache
  cache=$(cache_dir)
  case $1 in
    pykmip) echo "$cache/pykmip-0.11.0/bin/pykmip-server" ;;
    cosmian) echo "$cache/cosmian-5.28.0/bin/cosmian_kms" ;;
  esac
}

configure_pykmip() {
  mkdir -p policies # a policy_path that does not exist kills PyKMIP's policy monitor
  cat >server.conf <<CONF
[server]
hostname=$host
port=$port
certificate_path=$dir/server.crt
key_path=$dir/server.key
ca_path=$dir/ca.crt
auth_suite=TLS1.2
policy_path=$dir/policies
enable_tls_client_auth=True
logging_level=INFO
database_path=$dir/pykmip.sqlite
CONF
}

configure_cosmian() {
  mkdir -p cosmian/data cosmian/tmp
  cat >server.conf <<CONF
default_username = "admin"
[db]
database_type = "sqlite"
sqlite_path = "$dir/cosmian/sqlite"
clear_database = false
[tls]
tls_cert_file = "$dir/server.crt"
tls_key_file = "$dir/server.key"
tls_chain_file = "$dir/ca.crt"
clients_ca_cert_file = "$dir/ca.crt"
[socket_server]
socket_server_start = true
socket_server_port = $port
socket_server_hostname = "$host"
[http]
port = $https_port
hostname = "$host"
api_token_id = "kmip-p11-test-api-token"
[workspace]
root_data_path = "$dir/cosmian/data"
tmp_path = "$dir/cosmian/tmp"
[logging]
rust_log = "info,cosmian_kms=info"
CONF
}

# Becomes the server: leader of a new process group, with the watchdog as its only companion.
serve() { # kind dir token [parent parent-start]
  local kind=$1 dir=$2 token=$3 fd
  for fd in /proc/self/fd/*; do # a caller's pipe left open here would keep its reader waiting
    fd=${fd##*/}
    if [ "$fd" -gt 2 ] && [ "$fd" != 255 ]; then eval "exec $fd>&-"; fi # 255: bash's own, not inherited
  done
  printf '%s %s %s\n' "$$" "$token" "$kind" >"$dir/server.pid"
  if [ -n "${4:-}" ]; then watch_parent "$4" "$5" "$$" "$(start_time "$$")" & fi
  case $kind in
    pykmip)
      unset PYTHONPATH PYTHONHOME
      export PYTHONWARNINGS=ignore
      exec "$(program pykmip)" -f "$dir/server.conf" -l "$dir/server.log"
      ;;
    cosmian)
      OPENSSL_CONF=$(dirname "$(dirname "$(program cosmian)")")/openssl/ssl/openssl.cnf
      export OPENSSL_CONF
      exec "$(program cosmian)" -c "$dir/server.conf"
      ;;
  esac
}

# --- start ---------------------------------------------------------------------------------------

port_busy() { (exec 3<>"/dev/tcp/$host/$1") 2>/dev/null; }

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
  local p
  while :; do
    p=$((20000 + RANDOM % 12000))
    if ! port_busy "$p"; then
      printf '%s\n' "$p"
      return 0
    fi
  done
}

accepts_tls() { # port
  timeout 5 openssl s_client -connect "$host:$1" -CAfile ca.crt -verify_return_error \
    -cert alice.crt -key alice.key </dev/null >/dev/null 2>&1
}

launch() {
  rm -f server.pid
  : >server.out # the last try's traceback must not be taken for this one's
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  KMIP_P11_SERVER=$token setsid "$here/server.sh" serve "$kind" "$dir" "$token" \
    ${parent:+"$parent" "$parent_start"} >server.out 2>&1 </dev/null 9>&- &
  # Without job control a background process leads no group, so setsid keeps its number.
  pid=$!
  # Only then does the group exist by which the server can be ended.
  while [ ! -s server.pid ] && start_time "$pid" >/dev/null; do sleep 0.02; done
}

# 0 when the server answers, 1 when it ended or failed, 2 when it stays silent.
wait_ready() {
  local deadline=$((SECONDS + ready_seconds))
  while [ "$SECONDS" -lt "$deadline" ]; do
    start_time "$pid" >/dev/null || return 1
    # PyKMIP that failed to start prints this and then hangs for ever on its helper process.
    ! grep -q '^Traceback' server.out || return 1
    # Cosmian opens its HTTPS port after the KMIP port, and ends when that port is taken.
    if accepts_tls "$port" && { [ "$kind" != cosmian ] || accepts_tls "$https_port"; }; then return 0; fi
    sleep 0.1
  done
  return 2
}

write_env() {
  printf '%s=%q\n' KMIP_SERVER_KIND "$kind" KMIP_DIR "$dir" KMIP_HOST "$host" KMIP_PORT "$port" \
    KMIP_CA "$dir/ca.crt" KMIP_CERT "$dir/alice.crt" KMIP_KEY "$dir/alice.key" \
    KMIP_PID "$pid" KMIP_LOG "$dir/$logfile" >env.sh.new
  [ "$kind" != cosmian ] || printf 'KMIP_HTTPS_PORT=%q\n' "$https_port" >>env.sh.new
  mv env.sh.new env.sh # whoever waits for the file sees it whole
}

show_logs() {
  local file
  for file in server.out server.log; do
    if [ -s "$file" ]; then
      printf -- '--- end of %s/%s\n' "$dir" "$file" >&2
      tail -n 20 "$file" >&2
    fi
  done
}

# An interrupted start leaves nothing behind. The number alone first: setsid may not have run yet.
abandon() {
  if [ -z "${pid:-}" ]; then return 0; fi
  kill "$pid" 2>/dev/null || true
  end_group "$pid" "$token" "$kind"
}

parse_start() {
  kind=${1:-} dir='' wanted_port='' parent='' parent_start=''
  case $kind in
    pykmip | cosmian) shift ;;
    *) die "start needs the kind of server, pykmip or cosmian, not '$kind'; see $0 --help" ;;
  esac
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "option $1 needs a value or is unknown; see $0 --help"
    case $1 in
      --dir) dir=$2 ;;
      --port) wanted_port=$2 ;;
      --parent) parent=$2 ;;
      *) die "unknown option $1; see $0 --help" ;;
    esac
    shift 2
  done
  [ -n "$dir" ] || die "start needs --dir DIR, a folder for the server's keys, data and log"
  if [ -n "$wanted_port" ]; then
    # 65535 is refused by PyKMIP
    if ! [[ $wanted_port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$wanted_port" -ge 65535 ]; then
      die "--port $wanted_port: it must be a number from 1 to 65534"
    fi
  fi
  if [ -n "$parent" ]; then
    if ! [[ $parent =~ ^[1-9][0-9]*$ ]] || ! parent_start=$(start_time "$parent"); then
      die "--parent $parent: there is no such process"
    fi
  fi
}

start() {
  parse_start "$@"
  # Absolute, for the folder changes below, and so that the server finds the same one.
  KMIP_P11_CACHE=$(make_cache)
  export KMIP_P11_CACHE
  [ -x "$(program "$kind")" ] || die "$(program "$kind") is missing; run $here/install-$kind.sh first"
  command -v openssl >/dev/null || apt_install openssl >&2
  umask 077
  mkdir -p "$dir" || die "cannot create the folder $dir given by --dir"
  cd "$dir"
  dir=$(pwd)
  case $dir in
    *[\"\\%$'\n']*) die "the path of --dir, $dir, holds a character that the servers' configuration files cannot" ;;
  esac
  chmod 700 .
  local wanted_kind=$kind
  take_lock "$dir/lock" >&2
  if read_pid_file "$dir" && group_alive "$pid" "$token"; then
    die "a server ($kind, process $pid) already runs in $dir; end it with: $here/server.sh stop $dir"
  fi
  pid='' token='' kind=$wanted_kind logfile=server.log
  [ "$kind" = pykmip ] || logfile=server.out # Cosmian logs to its standard output
  rm -f env.sh server.pid
  # A process of its own, since "set -e" does not work in a function whose failure is looked at.
  "$here/server.sh" pki "$dir" >pki.log 2>&1 9>&- || {
    tail -n 20 pki.log >&2
    die "openssl could not make the certificates in $dir; its output is above and in $dir/pki.log"
  }
  trap abandon EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  local try status
  for try in 1 2 3 4 5; do
    port=${wanted_port:-$(free_port)}
    ! port_busy "$port" || die "port $port on $host is in use by another program; choose another or leave --port out"
    https_port=$(free_port)
    [ "$https_port" != "$port" ] || continue
    "configure_$kind"
    launch
    status=0
    wait_ready || status=$?
    if [ "$status" = 0 ]; then
      write_env
      trap - EXIT
      echo "READY kind=$kind dir=$dir host=$host port=$port pid=$pid"
      return 0
    fi
    end_group "$pid" "$token" "$kind"
    pid=''
    # Another program may have taken the port in between; with a new port that mends itself.
    [ "$status" = 1 ] || break
  done
  rm -f server.pid
  show_logs
  [ "$status" = 1 ] || die "the $kind server in $dir did not accept TLS on port $port for $ready_seconds s; its output is above"
  die "the $kind server in $dir did not start, last on port $port ($try tries); its output is above"
}

# --- stop ----------------------------------------------------------------------------------------

stop() { # dir
  [ $# = 1 ] || die "stop needs the folder that was given to start; see $0 --help"
  read_pid_file "$1" || return 0
  end_group "$pid" "$token" "$kind"
  rm -f "$1/server.pid" "$1/env.sh"
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
  start) start "$@" ;;
  stop) stop "$@" ;;
  pki)
    [ $# = 1 ] || die "pki needs one folder; see $0 --help"
    command -v openssl >/dev/null || apt_install openssl >&2
    make_pki "$1"
    ;;
  serve) serve "$@" ;; # used by start only
  -h | --help) usage ;;
  *) die "unknown command '$command'; see $0 --help" ;;
esac
