//! A private sshd on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use super::user::new_key_file;
use crate::process::Daemon;
use crate::scratch::Scratch;
use crate::tool;

/// How an sshd is to be.
#[derive(Debug, Default)]
pub struct Setup {
    lines: Vec<String>,
    authorized: String,
    host_keys: bool,
}

/// A running sshd, ended on drop.
pub struct Sshd {
    daemon: Daemon,
    scratch: Scratch,
    port: u16,
}

impl Setup {
    /// One that lets in who has a private key to these public-key lines.
    pub fn authorizing(lines: &[String]) -> Self {
        Self {
            authorized: lines.join("\n") + "\n",
            ..Self::with_host_key()
        }
    }

    /// One that lets nobody in, with a host key of its own.
    pub fn with_host_key() -> Self {
        Self {
            host_keys: true,
            ..Self::default()
        }
    }

    /// One whose lines name its host keys.
    pub fn without_own_host_key(mut self) -> Self {
        self.host_keys = false;
        self
    }

    /// Adds a line to its configuration.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Starts it.
    pub fn start(self) -> Sshd {
        let scratch = Scratch::new();
        let authorized = scratch.write("authorized_keys", &self.authorized);
        make_privilege_separation_directory();
        let port = free_port();
        let mut lines = vec![
            format!("Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no"),
            "StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no".into(),
            "KbdInteractiveAuthentication no\nLogLevel VERBOSE\nPrintMotd no".into(),
            format!("AuthorizedKeysFile {}", authorized.display()),
        ];
        if self.host_keys {
            let host_key = new_key_file(&scratch, "host_key", "ed25519");
            lines.push(format!("HostKey {}", host_key.display()));
        }
        lines.extend(self.lines);
        let configuration = scratch.write("sshd_config", lines.join("\n") + "\n");
        // It starts itself again for each connection, for which it wants an absolute path.
        let mut command = tool::command("sshd");
        command.arg("-D").arg("-e").arg("-f").arg(configuration);
        let daemon = Daemon::start(&command);
        daemon.wait_until_it_says("Server listening on");
        Sshd {
            daemon,
            scratch,
            port,
        }
    }
}

impl Sshd {
    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where ssh is told to go: the user of the tests, there is no other.
    pub fn destination(&self) -> String {
        format!("{}@127.0.0.1", tool::user())
    }

    /// The host as `known_hosts` names it.
    pub fn known_as(&self) -> String {
        format!("[127.0.0.1]:{}", self.port)
    }

    /// A line of `known_hosts` with its own key.
    pub fn known_hosts(&self) -> String {
        format!("{} {}", self.known_as(), self.scratch.read("host_key.pub"))
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Waits until its log has this text.
    #[track_caller]
    pub fn wait_until_it_says(&self, text: &str) {
        self.daemon.wait_until_it_says(text);
    }
}

/// A port that was free a moment ago, below those from which outgoing connections are made.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..1000 {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 8000;
        let port = 12_000 + number as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free between 12000 and 20000");
}

/// sshd of root wants this empty directory, which is not there before a first start by the system.
fn make_privilege_separation_directory() {
    let directory = PathBuf::from("/run/sshd");
    if tool::user() == "root" && !directory.exists() {
        let made = std::fs::create_dir_all(&directory);
        made.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    }
}
