//! Programs that run to their end within a time limit, and daemons that end with their test.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::scratch::Scratch;
use crate::tool;

/// Much more than anything here takes, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a program came to.
#[derive(Debug)]
pub struct Finished {
    /// How it was called.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Finished {
    /// Its output as text, if it ended well; else the test fails with all that it said.
    #[track_caller]
    pub fn text(&self) -> String {
        assert!(self.status.success(), "{}", self.report());
        String::from_utf8(self.stdout.clone()).expect("the output is text")
    }

    /// The same for a program that has to fail: what it wrote to its standard error.
    #[track_caller]
    pub fn complaint(&self) -> &str {
        let by_itself = self.status.code().is_some_and(|code| code != 0);
        assert!(by_itself, "{}", self.report());
        &self.stderr
    }

    /// All there is to say about it.
    pub fn report(&self) -> String {
        format!(
            "{}\n{} after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.status,
            self.took,
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        )
    }
}

/// Runs a program to its end, which comes within [`PATIENCE`] or fails the test.
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    run_with_input(command, b"")
}

/// The same with something on its standard input.
#[track_caller]
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Finished {
    run_within(PATIENCE, command, input)
}

/// The same within another limit.
#[track_caller]
pub fn run_within(limit: Duration, command: &mut Command, input: &[u8]) -> Finished {
    let scratch = Scratch::new();
    // Files, not pipes: a grandchild that keeps one open makes nobody wait.
    let (mut stdout, mut stderr) = (both_ways(&scratch, "out"), both_ways(&scratch, "err"));
    let stdin = File::open(scratch.write("in", input)).expect("the input was just written");
    let shown = format!("{command:?}");
    let start = Instant::now();
    let child = command
        .stdin(stdin)
        .stdout(stdout.try_clone().expect("a descriptor"))
        .stderr(stderr.try_clone().expect("a descriptor"))
        .process_group(0)
        .spawn();
    let mut child = Group(child.unwrap_or_else(|error| panic!("{shown}: {error}")));
    let status = wait_for(limit, || child.0.try_wait().expect("our own child"));
    let finished = Finished {
        status: status.unwrap_or(ExitStatus::from_raw(libc::SIGKILL)),
        stdout: content(&mut stdout),
        stderr: String::from_utf8_lossy(&content(&mut stderr)).into_owned(),
        took: start.elapsed(),
        command: shown,
    };
    assert!(status.is_some(), "hangs: {}", finished.report());
    finished
}

/// Asks again and again until there is an answer, or for as long as `limit`.
pub fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        match ask() {
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            answer => return answer,
        }
    }
}

fn both_ways(scratch: &Scratch, name: &str) -> File {
    let options = File::options()
        .read(true)
        .append(true)
        .create(true)
        .open(scratch.file(name));
    options.expect("a new file in an own directory")
}

fn content(file: &mut File) -> Vec<u8> {
    let mut bytes = vec![];
    file.rewind().expect("a file can be rewound");
    file.read_to_end(&mut bytes).expect("a file can be read");
    bytes
}

/// A process and all that it started in its process group.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.0.try_wait() {
            return; // it has been waited for, so its number may be another's by now
        }
        let group = self.0.id() as libc::pid_t;
        // SAFETY: kill takes numbers only; the group's leader has not been waited for.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        let _ = self.0.wait();
    }
}

/// A program that runs until it is dropped, or until this process ends in whatever way.
pub struct Daemon {
    // A shell that leads the group and waits on a pipe from us: it kills the group when we are gone.
    leash: Group,
    scratch: Scratch,
}

/// `$1` gets the program's number. Its standard input is empty, its output goes to one file.
const LEASH: &str = r#"
pidfile=$1 log=$2; shift 2
"$@" </dev/null >"$log" 2>&1 &
echo $! >"$pidfile"
read -r _
kill -KILL 0
"#;

impl Daemon {
    /// Starts a program, with the environment and directory of `command`.
    pub fn start(command: &Command) -> Self {
        let scratch = Scratch::new();
        let mut shell = Command::new(tool::path("sh"));
        shell.args(["-c", LEASH, "leash"]);
        shell.args([scratch.file("pid"), scratch.file("log")]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear();
        for (name, value) in command.get_envs() {
            shell.env(name, value.expect("no variable is removed: there are none"));
        }
        if let Some(directory) = command.get_current_dir() {
            shell.current_dir(directory);
        }
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null());
        let leash = shell.stderr(Stdio::null()).process_group(0).spawn();
        let leash = Group(leash.expect("a shell can be started"));
        Self { leash, scratch }
    }

    /// Its number.
    pub fn pid(&self) -> libc::pid_t {
        let number = || self.scratch.read("pid").trim().parse().ok();
        wait_for(PATIENCE, number).expect("the shell writes the number at once")
    }

    /// All that it wrote so far.
    pub fn log(&self) -> String {
        self.scratch.read("log")
    }

    /// Waits until its log has this text.
    #[track_caller]
    pub fn wait_until_it_says(&self, text: &str) {
        let said = || self.log().contains(text).then_some(());
        let said = wait_for(PATIENCE, said);
        assert!(said.is_some(), "it never said {text:?}:\n{}", self.log());
    }

    /// Waits until it takes connections on a socket of that path; the file is there a moment before.
    #[track_caller]
    pub fn wait_until_it_listens_on(&self, socket: &Path) {
        let there = wait_for(PATIENCE, || UnixStream::connect(socket).ok());
        assert!(there.is_some(), "no {}:\n{}", socket.display(), self.log());
    }

    /// True while it runs.
    pub fn is_alive(&self) -> bool {
        is_alive(self.pid())
    }

    /// Ends it without a chance to say goodbye.
    pub fn kill(&mut self) {
        let group = self.leash.0.id() as libc::pid_t;
        // SAFETY: kill takes numbers only; the group's leader is our child and was not waited for.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        let _ = self.leash.0.wait();
    }
}

/// True if there is a process of that number that has not ended.
pub fn is_alive(pid: libc::pid_t) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which stands in parentheses and may hold anything.
    let state = state
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// The numbers of a process's children, whichever of its threads has started them.
pub fn children_of(pid: libc::pid_t) -> Vec<libc::pid_t> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut children = vec![];
    for task in tasks.into_iter().flatten().flatten() {
        let numbers = std::fs::read_to_string(task.path().join("children"));
        let numbers = numbers.unwrap_or_default();
        children.extend(
            numbers
                .split_whitespace()
                .filter_map(|it| it.parse::<libc::pid_t>().ok()),
        );
    }
    children
}
