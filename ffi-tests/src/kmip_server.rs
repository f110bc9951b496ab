//! Real KMIP servers: started by `tools/servers/server.sh`, one of each kind for a test program.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::own_process::Surroundings;
use crate::process::{Finished, run};
use crate::scratch::Scratch;

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// PyKMIP: signs with RSA alone, and hashes what it signs. Lets keys out.
    PyKmip,
    /// Cosmian KMS: signs with every type of key, digests too.
    Cosmian,
}

/// A test's server and name.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The server.
    pub server: ServerKind,
    /// The path of the test, as the test program names it.
    pub test: &'static str,
}

impl Case {
    /// From the path that `module_path!` gives, which begins with the program's name.
    pub fn new(server: ServerKind, path: &'static str) -> Self {
        let test = path.split_once("::").map_or(path, |(_program, test)| test);
        Self { server, test }
    }
}

/// Where a server is and how to prove who we are: all that a slot needs to know of it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// "host:port".
    pub address: String,
    /// The certificates that sign the server's.
    pub ca: PathBuf,
    /// Our certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A running server; ended on drop.
pub struct KmipServer {
    kind: ServerKind,
    scratch: Scratch,
    facts: HashMap<String, String>,
}

impl ServerKind {
    fn name(self) -> &'static str {
        match self {
            ServerKind::PyKmip => "pykmip",
            ServerKind::Cosmian => "cosmian",
        }
    }

    /// False if the tests with Cosmian, whose build takes minutes, are not wanted: said aloud.
    pub fn is_wanted(self, test: &str) -> bool {
        let skipped = std::env::var("KMIP_P11_SKIP_COSMIAN").is_ok_and(|value| value == "1");
        if self == ServerKind::Cosmian && skipped {
            println!("NOT RUN, for KMIP_P11_SKIP_COSMIAN=1: {test}");
            return false;
        }
        true
    }

    /// Whether the server itself makes the signatures that OpenSSH asks for.
    pub fn signs_digests(self) -> bool {
        self == ServerKind::Cosmian
    }

    /// The server that all tests of this program share. It ends with the program.
    pub fn shared(self) -> &'static KmipServer {
        static PYKMIP: OnceLock<KmipServer> = OnceLock::new();
        static COSMIAN: OnceLock<KmipServer> = OnceLock::new();
        let place = match self {
            ServerKind::PyKmip => &PYKMIP,
            ServerKind::Cosmian => &COSMIAN,
        };
        place.get_or_init(|| {
            let server = KmipServer::start(self);
            at_exit::end(server.scratch.path());
            server
        })
    }
}

impl KmipServer {
    /// A server of the caller's own.
    pub fn start(kind: ServerKind) -> Self {
        let scratch = Scratch::new();
        start(kind, scratch.path(), None);
        let facts = facts(scratch.path());
        Self {
            kind,
            scratch,
            facts,
        }
    }

    /// As a user of it sees it: alice, bob, carol, noeku or stranger.
    pub fn endpoint(&self, client: &str) -> Endpoint {
        endpoint(self.scratch.path(), &self.facts, client)
    }

    /// Its URL, if it speaks KMIP over HTTPS too (Cosmian).
    pub fn url(&self) -> String {
        let (host, port) = (self.fact("KMIP_HOST"), self.fact("KMIP_HTTPS_PORT"));
        format!("https://{host}:{port}/kmip")
    }

    /// Ends it; what it keeps is still there.
    pub fn stop(&self) {
        stop(self.scratch.path());
    }

    /// Starts it again, at the same port and with what it kept.
    pub fn start_again(&self) {
        start(self.kind, self.scratch.path(), Some(self.fact("KMIP_PORT")));
    }

    fn fact(&self, name: &str) -> &str {
        let fact = self.facts.get(name);
        fact.unwrap_or_else(|| panic!("env.sh does not set {name}"))
    }
}

impl Drop for KmipServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server that a body in a process of its own stops and starts.
impl Surroundings for KmipServer {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("KMIP_P11_TEST_SERVER", self.scratch.path().into()),
            ("KMIP_P11_TEST_KIND", self.kind.name().into()),
            ("KMIP_P11_TEST_PORT", self.fact("KMIP_PORT").into()),
            ("KMIP_P11_TEST_LOG", self.fact("KMIP_LOG").into()),
        ]
    }
}

/// The server that the parent of this process has given to it.
pub struct LentServer;

impl LentServer {
    /// As a user of it sees it.
    pub fn endpoint(&self, client: &str) -> Endpoint {
        let directory = PathBuf::from(variable("KMIP_P11_TEST_SERVER"));
        endpoint(&directory, &facts(&directory), client)
    }

    /// Ends it.
    pub fn stop(&self) {
        stop(Path::new(&variable("KMIP_P11_TEST_SERVER")));
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(variable("KMIP_P11_TEST_LOG")).unwrap_or_default()
    }

    /// Starts it again.
    pub fn start_again(&self) {
        let kind = match variable("KMIP_P11_TEST_KIND").as_str() {
            "pykmip" => ServerKind::PyKmip,
            _ => ServerKind::Cosmian,
        };
        let dir = variable("KMIP_P11_TEST_SERVER");
        let port = variable("KMIP_P11_TEST_PORT");
        start(kind, Path::new(&dir), Some(&port));
    }
}

/// Certificates and keys alone, for slots behind which no server runs.
pub fn certificates(scratch: &Scratch, address: &str) -> Endpoint {
    script(&["pki", &scratch.path().display().to_string()]).text();
    Endpoint {
        address: address.to_owned(),
        ca: scratch.file("ca.crt"),
        certificate: scratch.file("alice.crt"),
        key: scratch.file("alice.key"),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the parent has not set {name}"))
}

fn start(kind: ServerKind, dir: &Path, port: Option<&str>) {
    let dir = dir.display().to_string();
    let parent = std::process::id().to_string();
    let mut arguments = vec!["start", kind.name(), "--dir", &dir, "--parent", &parent];
    arguments.extend(port.into_iter().flat_map(|port| ["--port", port]));
    let started = script(&arguments);
    let installer = format!("tools/servers/install-{}.sh", kind.name());
    assert!(
        started.status.success(),
        "{} did not start (tools/test.sh installs it, by {installer})\n{}",
        kind.name(),
        started.report()
    );
}

fn stop(dir: &Path) {
    let _ = script(&["stop", &dir.display().to_string()]);
}

fn script(arguments: &[&str]) -> Finished {
    run(Command::new(script_path()).args(arguments))
}

fn script_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/servers/server.sh")
}

/// `NAME=value` lines; the values here need no quotes.
fn facts(directory: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(directory.join("env.sh")).unwrap_or_default();
    let facts = text.lines().filter_map(|line| line.split_once('='));
    facts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn endpoint(directory: &Path, facts: &HashMap<String, String>, client: &str) -> Endpoint {
    let fact = |name: &str| {
        let fact = facts.get(name);
        fact.unwrap_or_else(|| panic!("env.sh does not set {name}"))
    };
    Endpoint {
        address: format!("{}:{}", fact("KMIP_HOST"), fact("KMIP_PORT")),
        ca: directory.join("ca.crt"),
        certificate: directory.join(format!("{client}.crt")),
        key: directory.join(format!("{client}.key")),
    }
}

/// Rust drops no static: what a test program shares is ended when the program exits. If it is
/// killed, the watchdog of `server.sh start --parent` ends the server.
mod at_exit {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);

    /// Ends the server of that folder, and removes the folder, at the exit of this process.
    pub(super) fn end(folder: &Path) {
        extern "C" fn end_all() {
            let Ok(mut folders) = FOLDERS.lock() else {
                return;
            };
            for folder in folders.drain(..) {
                super::stop(&folder);
                let _ = std::fs::remove_dir_all(folder);
            }
        }
        let mut folders = FOLDERS.lock().expect("nothing panics while it is held");
        folders.push(folder.to_owned());
        if folders.len() == 1 {
            // SAFETY: a function of this program, which is never unloaded.
            unsafe { libc::atexit(end_all) };
        }
    }
}
