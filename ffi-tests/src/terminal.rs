//! A terminal with a program on it, and somebody who reads and types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process::PATIENCE;
use crate::tool;

/// A program that has a terminal; when this is dropped, it is hung up on.
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    heard: usize,
    child: Child,
}

impl Terminal {
    /// Starts a program with the environment and directory of `command`. All that it reads and
    /// writes is the terminal, which is also the one that controls it.
    pub fn start(command: &Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let ours = ours.expect("a terminal can be opened");
        grantpt(&ours)
            .and_then(|()| unlockpt(&ours))
            .expect("it is ours");
        let name = ptsname(&ours, vec![]).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(&name, flags, Mode::empty()).expect("its other end");
        let child = on_terminal(command, &theirs).spawn();
        let keyboard = File::from(ours);
        let reader = keyboard.try_clone().expect("a descriptor");
        Self {
            screen: shown_by(reader),
            keyboard,
            seen: vec![],
            heard: 0,
            child: child.expect("setsid can be started"),
        }
    }

    /// Waits until the screen has shown this text since the last time.
    #[track_caller]
    pub fn wait_until_it_says(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = self.seen.get(self.heard..).unwrap_or_default();
            let seen = String::from_utf8_lossy(new).into_owned();
            if seen.contains(text) {
                self.heard = self.seen.len();
                return;
            }
            let Some(more) = self.more(deadline) else {
                panic!("the terminal never said {text:?}:\n{seen}");
            };
            self.seen.extend(more);
        }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .expect("a terminal takes a line");
    }

    /// All that was shown until the program's end, and how it ended.
    #[track_caller]
    pub fn end(mut self) -> (String, ExitStatus) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(more) = self.more(deadline) {
            self.seen.extend(more);
        }
        let text = String::from_utf8_lossy(&self.seen).into_owned();
        assert!(Instant::now() < deadline, "it does not end:\n{text}");
        let status = self
            .child
            .wait()
            .unwrap_or(ExitStatus::from_raw(libc::SIGKILL));
        (text, status)
    }

    /// What is shown next; `None` at the end and after the deadline.
    fn more(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.screen
            .recv_timeout(left.max(Duration::from_millis(1)))
            .ok()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // `setsid --wait` is the program's parent or has become it; both hear the hang-up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same program in a session of its own that this terminal controls.
fn on_terminal(command: &Command, terminal: &OwnedFd) -> Command {
    let mut setsid = Command::new(tool::path("setsid"));
    setsid.args(["--ctty", "--wait"]);
    setsid.arg(command.get_program()).args(command.get_args());
    setsid.env_clear();
    for (name, value) in command.get_envs() {
        setsid.env(name, value.expect("no variable is removed: there are none"));
    }
    setsid.env("TERM", "xterm");
    if let Some(directory) = command.get_current_dir() {
        setsid.current_dir(directory);
    }
    let end = || Stdio::from(terminal.try_clone().expect("a descriptor"));
    setsid.stdin(end()).stdout(end()).stderr(end());
    setsid
}

/// Reads until nobody has the other end open any more, which Linux tells as an error.
fn shown_by(mut terminal: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = terminal.read(&mut buffer) {
            let shown = buffer.iter().take(length).copied().collect();
            if sender.send(shown).is_err() {
                return;
            }
        }
    });
    receiver
}
