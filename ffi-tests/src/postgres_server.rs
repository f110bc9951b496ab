//! A PostgreSQL server of a test's own: a fresh cluster on a Unix socket and on a loopback port, with TLS by an authority of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::process::{Daemon, PATIENCE, children_of, is_alive, run, wait_for};
use crate::scratch::Scratch;
use crate::tool;

/// The password of every role that has one.
pub const PASSWORD: &str = "open-barley";

/// Who may log in how, over TCP: alice and bob by password over TLS, carol by a certificate, and dave by
/// password without TLS. Over the socket everybody is believed.
const DOORS: &str = "
local     all all               trust
hostssl   all alice,bob 127.0.0.1/32 scram-sha-256
hostssl   all carol 127.0.0.1/32 cert
hostnossl all dave  127.0.0.1/32 scram-sha-256
";

/// Bob has no right to anything but to log in.
const ROLES: &str = "
CREATE ROLE alice LOGIN PASSWORD 'open-barley';
CREATE ROLE bob LOGIN PASSWORD 'open-barley';
CREATE ROLE carol LOGIN;
CREATE ROLE dave LOGIN PASSWORD 'open-barley';
";

/// A running server; ended on drop, and if the test program ends in whatever way.
pub struct PostgresServer {
    scratch: Scratch,
    port: u16,
    /// The user that the server runs as: it refuses to run as root.
    uid: Option<(u32, u32)>,
    daemon: Mutex<Option<Daemon>>,
}

impl Default for PostgresServer {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresServer {
    /// A server with the roles alice, bob, carol and dave, and no database of theirs.
    pub fn new() -> Self {
        let server = Self {
            scratch: Scratch::new(),
            port: free_port(),
            uid: uid(),
            daemon: Mutex::new(None),
        };
        server.make_cluster();
        server.start();
        server.sql("postgres", ROLES);
        server
    }

    /// One that all tests of this program share. It ends with the program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    fn make_cluster(&self) {
        let path = self.scratch.path();
        let enterable = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(path, enterable).expect("our own directory");
        for name in ["data", "run"] {
            std::fs::create_dir(self.scratch.file(name)).expect("a new directory");
            self.give(&self.scratch.file(name));
        }
        self.write_certificates();
        let data = self.scratch.file("data");
        let mut command = self.command("initdb");
        command.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "-E",
            "UTF8",
        ]);
        run(command.arg("-D").arg(&data)).text();
        std::fs::write(data.join("pg_hba.conf"), DOORS).expect("the cluster's own file");
    }

    /// Files that the server reads and clients get: ca.crt, server.crt, carol.crt, and those of a stranger.
    fn write_certificates(&self) {
        let (ours, issuer) = authority("ours");
        let (theirs, stranger) = authority("a stranger's");
        self.scratch.write("ca.crt", ours);
        self.scratch.write("stranger.crt", theirs);
        let certify = |name: &str, issuer: &Issuer<'static, KeyPair>, file: &str| {
            let key = KeyPair::generate().expect("a P-256 key");
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let mut wanted = CertificateParams::new(names).expect("plain names");
            wanted.distinguished_name.push(DnType::CommonName, name);
            let certificate = wanted.signed_by(&key, issuer).expect("a certificate");
            self.scratch
                .write(&format!("{file}.crt"), certificate.pem());
            self.scratch
                .write(&format!("{file}.key"), key.serialize_pem());
        };
        certify("server", &issuer, "server");
        certify("carol", &issuer, "carol");
        certify("carol", &stranger, "impostor");
        for file in ["server.crt", "server.key", "ca.crt"] {
            let copy = self.scratch.file("run").join(file);
            std::fs::copy(self.scratch.file(file), &copy).expect("a copy");
            self.give(&copy);
        }
    }

    fn give(&self, path: &Path) {
        if let Some((uid, gid)) = self.uid {
            chown(path, Some(uid), Some(gid)).expect("root may");
        }
    }

    /// A program of PostgreSQL, as the user that it runs as.
    fn command(&self, name: &str) -> Command {
        let program = binaries().join(name);
        match self.uid {
            None => {
                let mut command = tool::command("env");
                command.arg(program);
                command
            }
            Some((uid, gid)) => {
                let mut command = tool::command("setpriv");
                command.arg(format!("--reuid={uid}"));
                command.args([&format!("--regid={gid}"), "--clear-groups", "--"]);
                command.arg(program);
                command
            }
        }
    }

    /// Starts it, at the same port and with what it kept.
    pub fn start(&self) {
        self.start_with("on");
    }

    /// The same, and it refuses to encrypt.
    pub fn start_without_tls(&self) {
        self.start_with("off");
    }

    fn start_with(&self, tls: &str) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.scratch.file("data"));
        let run = self.scratch.file("run");
        let file = |name: &str| run.join(name).display().to_string();
        let settings = [
            ("port", self.port.to_string()),
            ("listen_addresses", "127.0.0.1".into()),
            ("unix_socket_directories", run.display().to_string()),
            ("fsync", "off".into()),
            ("ssl", tls.into()),
            ("ssl_cert_file", file("server.crt")),
            ("ssl_key_file", file("server.key")),
            ("ssl_ca_file", file("ca.crt")),
            ("log_checkpoints", "off".into()),
        ];
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let daemon = Daemon::start(&command);
        daemon.wait_until_it_says("database system is ready to accept connections");
        *self.daemon.lock().expect("nothing panics while it is held") = Some(daemon);
    }

    fn with_daemon<T>(&self, look: impl FnOnce(&Daemon) -> T) -> T {
        let daemon = self.daemon.lock().expect("nothing panics while it is held");
        look(daemon.as_ref().expect("it runs"))
    }

    /// Ends it as an administrator does who is in a hurry: connections are told.
    pub fn stop(&self) {
        let pid = self.with_daemon(Daemon::pid);
        send(pid, libc::SIGINT);
        let gone = wait_for(PATIENCE, || (!is_alive(pid)).then_some(()));
        assert!(gone.is_some(), "{}", self.log());
        *self.daemon.lock().expect("nothing panics while it is held") = None;
    }

    /// Stops all of its processes where they are; they go on when the answer is dropped.
    pub fn freeze(&self) -> Frozen {
        let pid = self.with_daemon(Daemon::pid);
        let all: Vec<_> = [pid].into_iter().chain(children_of(pid)).collect();
        all.iter().for_each(|pid| send(*pid, libc::SIGSTOP));
        Frozen(all)
    }

    /// What it logged since it was started.
    pub fn log(&self) -> String {
        self.with_daemon(Daemon::log)
    }

    /// Runs statements as the superuser, and returns the values that they give.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let mut command = self.command("psql");
        command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]);
        command.arg("-h").arg(self.scratch.file("run"));
        command.args(["-p", &self.port.to_string(), "-d", database]);
        run(command.args(["-c", statements]))
            .text()
            .trim()
            .to_owned()
    }

    /// A new database that belongs to alice.
    pub fn make_database(&self, name: &str) {
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER alice"));
    }

    /// A new database that belongs to alice, with a name that no other has.
    pub fn new_database(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("keys{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.make_database(&name);
        name
    }

    /// The connection string for a role over the socket.
    pub fn by_socket(&self, role: &str, database: &str) -> String {
        let run = self.scratch.file("run");
        let (run, port) = (run.display(), self.port);
        format!("host={run} port={port} user={role} dbname={database}")
    }

    /// The connection string for a role over TCP.
    pub fn by_tcp(&self, role: &str, database: &str) -> String {
        let port = self.port;
        format!("host=localhost hostaddr=127.0.0.1 port={port} user={role} dbname={database}")
    }

    /// A file: ca.crt, carol.crt, carol.key, impostor.crt, impostor.key, stranger.crt.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PostgresServer {
    /// Its shared memory is given back only if it may end by itself.
    fn drop(&mut self) {
        let daemon = self.daemon.get_mut();
        let Ok(Some(daemon)) = daemon.map(Option::take) else {
            return;
        };
        let pid = daemon.pid();
        send(pid, libc::SIGQUIT);
        wait_for(PATIENCE, || (!is_alive(pid)).then_some(()));
    }
}

/// Processes that stand still.
pub struct Frozen(Vec<libc::pid_t>);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| send(*pid, libc::SIGCONT));
    }
}

fn send(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(pid, signal) };
}

/// An authority's certificate in PEM, and what signs with it.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a P-256 key");
    let mut wanted = CertificateParams::new([]).expect("no names, none wrong");
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.distinguished_name.push(DnType::CommonName, name);
    let certificate = wanted.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(wanted, key))
}

/// Free when it was looked for.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// The user `postgres`, if this is root.
fn uid() -> Option<(u32, u32)> {
    let number = |option: &str| {
        let output = run(tool::command("id").args([option, "postgres"])).text();
        output.trim().parse().expect("a number")
    };
    rustix::process::geteuid()
        .is_root()
        .then(|| (number("-u"), number("-g")))
}

/// Where Debian puts the programs of the newest version that is installed.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let versions = versions.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse::<u32>().ok()?;
        let programs = entry.path().join("bin");
        programs
            .join("initdb")
            .is_file()
            .then_some((number, programs))
    });
    let newest = versions.max();
    let (_, programs) =
        newest.expect("PostgreSQL is not installed: run tools/test.sh, which installs it");
    programs
}
