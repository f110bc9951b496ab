//! Where our log records go: the system's log or a file, one line each, and never standard output
//! or error, which belong to the program that has loaded us.
//!
//! Every record opens its target, writes and closes it again. So there is no descriptor that the
//! program could close and reuse for something else, none that a fork could share, and a log file
//! may be renamed, or the system's logger restarted, at any time.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, TryLockError};
use std::thread;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis;
use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::fs::OFlags;

use crate::config::{self, Target};
use crate::model::text::steers;

/// The name under which the system's log shows us.
const IDENT: &str = "kmip_p11";

/// Our own crate's records alone are written: what another crate logs may hold a secret.
const OURS: &str = env!("CARGO_CRATE_NAME");

const SYSTEM_LOG: &str = "/dev/log";

/// `LOG_AUTHPRIV` (`syslog(3)`), shifted: records name keys and servers, which not everybody should see.
const AUTHPRIV: u8 = 10 << 3;

/// What the system's loggers take in one datagram, with room for the head of the line.
const LONGEST_MESSAGE: usize = 4096;

/// How long a system's logger that does not read may hold up a call.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long [`start`] waits for records that other threads are just beginning.
const TRIES: usize = 50;

static LOGGER: Logger = Logger(RwLock::new(None));

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log file cannot be opened for appending.
    #[error("log.target: {}: {reason}; correct the path or its permissions, or write \"syslog\"", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The program has a logger of its own in this copy of the `log` crate; it stays.
    #[error("the program that uses this library has its own logger")]
    Taken,
    /// Another thread held the logger all the time, or did when this process was forked.
    #[error("the logger is in use by another thread")]
    Busy,
}

/// Sends records where the configuration says, from now on. May be called again at any time.
///
/// # Errors
/// [`Error::File`] if the log file cannot be written: then nothing is logged. [`Error::Taken`] and
/// [`Error::Busy`]: then everything stays as it was. No error is a reason not to go on working.
pub fn start(config: &config::Log) -> Result<(), Error> {
    let (sink, outcome) = match Sink::open(&config.target) {
        Ok(sink) => (sink, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let level = sink.as_ref().map_or(LevelFilter::Off, |_| config.level);
    LOGGER.send_to(sink)?;
    install()?;
    log::set_max_level(level);
    outcome
}

/// Makes [`LOGGER`] the logger of our copy of the `log` crate, unless it is that already.
fn install() -> Result<(), Error> {
    let is_ours = || std::ptr::addr_eq(log::logger(), &raw const LOGGER);
    match log::set_logger(&LOGGER) {
        Err(_) if !is_ours() => Err(Error::Taken),
        _ => Ok(()),
    }
}

/// The current target behind a lock that nobody waits for: after a fork in a program with threads
/// it might never be released, and a lost record is better than a login that hangs.
struct Logger(RwLock<Option<Arc<Sink>>>);

impl Logger {
    fn send_to(&self, sink: Option<Sink>) -> Result<(), Error> {
        let sink = sink.map(Arc::new);
        for _ in 0..TRIES {
            let mut current = match self.0.try_write() {
                Ok(current) => current,
                Err(TryLockError::Poisoned(current)) => current.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
            };
            *current = sink;
            return Ok(());
        }
        Err(Error::Busy)
    }

    fn sink(&self) -> Option<Arc<Sink>> {
        match self.0.try_read() {
            Ok(current) => current.clone(),
            Err(TryLockError::Poisoned(current)) => current.into_inner().clone(),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        target == OURS
            || target
                .strip_prefix(OURS)
                .is_some_and(|rest| rest.starts_with("::"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata())
            && let Some(sink) = self.sink()
        {
            // There is nobody to tell that a record was lost.
            let _ = sink.write(record.level(), &one_line(record));
        }
    }

    fn flush(&self) {}
}

/// A target.
#[derive(Debug, PartialEq, Eq)]
enum Sink {
    /// The socket of the system's logger.
    System(PathBuf),
    File(PathBuf),
}

impl Sink {
    /// A missing system's logger is no error: many containers have none.
    fn open(target: &Target) -> Result<Option<Self>, Error> {
        match target {
            Target::None => Ok(None),
            Target::Syslog => Ok(Some(Self::System(SYSTEM_LOG.into()))),
            Target::File(path) => match append_to(path) {
                Ok(_) => Ok(Some(Self::File(path.clone()))),
                Err(reason) => Err(Error::File {
                    path: path.clone(),
                    reason,
                }),
            },
        }
    }

    fn write(&self, level: Level, message: &str) -> io::Result<()> {
        // Asked for each record: a fork changes it.
        let pid = std::process::id();
        match self {
            Self::System(socket) => send(socket, &system_line(level, pid, message)),
            Self::File(path) => {
                append_to(path)?.write_all(file_line(level, pid, message).as_bytes())
            }
        }
    }
}

/// `<priority>ident[pid]: message` without a time: the system's logger sets its own, and would
/// have to guess the time zone of ours.
fn system_line(level: Level, pid: u32, message: &str) -> String {
    format!("<{}>{IDENT}[{pid}]: {message}", AUTHPRIV | severity(level))
}

fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

fn file_line(level: Level, pid: u32, message: &str) -> String {
    let time = format_rfc3339_millis(SystemTime::now());
    format!("{time} {IDENT}[{pid}] {level} {message}\n")
}

fn send(socket: &Path, line: &str) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_write_timeout(Some(PATIENCE))?;
    sender.send_to(line.as_bytes(), socket).map(drop)
}

/// Opens a log file. Links and pipes are refused: a link could lead to a file that we must not
/// touch, a pipe could keep us waiting, and `/dev/stdout` is not ours.
fn append_to(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}

/// The message in one line: what a server or a file name slipped in cannot look like another
/// record, or steer a terminal.
fn one_line(record: &Record<'_>) -> String {
    let mut line = Line(String::new());
    match write!(line, "{}", record.args()) {
        Ok(()) => line.0,
        Err(_) => line.0 + " [cut]",
    }
}

/// Takes text up to [`LONGEST_MESSAGE`] bytes, with control characters escaped.
struct Line(String);

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.chars()
            .try_for_each(|character| self.write_char(character))
    }

    fn write_char(&mut self, character: char) -> std::fmt::Result {
        if self.0.len() >= LONGEST_MESSAGE {
            return Err(std::fmt::Error);
        }
        if steers(character) {
            self.0.extend(character.escape_default());
        } else {
            self.0.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::Mutex;

    fn escaped(text: &str) -> String {
        one_line(&Record::builder().args(format_args!("{text}")).build())
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(escaped("key \"ä\" not found"), "key \"ä\" not found");
        assert_eq!(escaped("a\nJan 1 forged"), "a\\nJan 1 forged");
        assert_eq!(
            escaped("\u{1b}[2J\u{2028}\u{202e}\0"),
            "\\u{1b}[2J\\u{2028}\\u{202e}\\u{0}"
        );
    }

    #[test]
    fn a_message_has_an_end() {
        let long = escaped(&"ä".repeat(LONGEST_MESSAGE));
        assert_eq!(long.len(), LONGEST_MESSAGE + " [cut]".len());
        assert_eq!(escaped(&"a".repeat(LONGEST_MESSAGE)).len(), LONGEST_MESSAGE);
    }

    #[test]
    fn only_our_records_count() {
        let counts = |target| LOGGER.enabled(&Metadata::builder().target(target).build());
        assert!(counts("kmip_p11") && counts("kmip_p11::token::kmip"));
        assert!(!counts("rustls::client") && !counts("kmip_p11x"));
    }

    #[test]
    fn the_system_gets_priority_ident_and_pid() {
        assert_eq!(
            system_line(Level::Warn, 42, "slow"),
            "<84>kmip_p11[42]: slow"
        );
        assert_eq!(system_line(Level::Error, 42, "x"), "<83>kmip_p11[42]: x");
        assert_eq!(system_line(Level::Info, 42, "x"), "<86>kmip_p11[42]: x");
        assert_eq!(system_line(Level::Debug, 42, "x"), "<87>kmip_p11[42]: x");
    }

    #[test]
    fn the_systems_logger_receives_a_datagram() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("log");
        let receiver = UnixDatagram::bind(&socket).unwrap();
        Sink::System(socket).write(Level::Warn, "slow").unwrap();
        let mut buffer = [0; 100];
        let length = receiver.recv(&mut buffer).unwrap();
        let expected = format!("<84>kmip_p11[{}]: slow", std::process::id());
        assert_eq!(&buffer[..length], expected.as_bytes());
    }

    #[test]
    fn a_logger_that_does_not_read_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("log");
        let _receiver = UnixDatagram::bind(&socket).unwrap();
        let begun = std::time::Instant::now();
        let sink = Sink::System(socket);
        let full = (0..10_000).any(|_| sink.write(Level::Warn, "slow").is_err());
        assert!(full && begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_missing_logger_is_no_error_to_start_with() {
        assert_eq!(
            Sink::open(&Target::Syslog).unwrap(),
            Some(Sink::System("/dev/log".into()))
        );
        assert!(
            Sink::System("/nonexistent/log".into())
                .write(Level::Error, "x")
                .is_err()
        );
    }

    #[test]
    fn only_a_regular_file_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        assert!(append_to(&file).is_ok());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        symlink(&file, &link).unwrap();
        assert!(append_to(&link).is_err());
        assert!(append_to(directory.path()).is_err());
        assert!(append_to(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn nobody_waits_for_a_lock() {
        let logger = Logger(RwLock::new(Some(Arc::new(Sink::System("/x".into())))));
        let _held = logger.0.write().unwrap();
        assert_eq!(logger.sink(), None);
        assert!(matches!(logger.send_to(None), Err(Error::Busy)));
    }

    /// The process has one logger: tests that start it take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn start_file(path: &Path, level: LevelFilter) -> Result<(), Error> {
        start(&config::Log {
            level,
            target: Target::File(path.to_owned()),
        })
    }

    #[test]
    fn logging_starts_again_with_another_file_and_level() {
        let _turn = TURN.lock();
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (directory.path().join("1"), directory.path().join("2"));
        start_file(&first, LevelFilter::Warn).unwrap();
        log::warn!("one");
        log::info!("no");
        start_file(&second, LevelFilter::Info).unwrap();
        log::info!("two\nlines");
        start(&config::Log {
            level: LevelFilter::Debug,
            target: Target::None,
        })
        .unwrap();
        log::error!("no");
        let first = fs::read_to_string(first).unwrap();
        let second = fs::read_to_string(second).unwrap();
        let pid = std::process::id();
        let mine = |text: &str, end: &str| text.lines().filter(|line| line.ends_with(end)).count();
        assert_eq!(mine(&first, &format!(" kmip_p11[{pid}] WARN one")), 1);
        assert_eq!(
            mine(&second, &format!(" kmip_p11[{pid}] INFO two\\nlines")),
            1
        );
        assert_eq!(mine(&format!("{first}{second}"), " no"), 0);
        let time = second.lines().next().unwrap().split(' ').next().unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
    }

    #[test]
    fn a_log_file_that_cannot_be_written_is_an_error() {
        let _turn = TURN.lock();
        let error = start_file(Path::new("/nonexistent/log"), LevelFilter::Warn).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("log.target: /nonexistent/log: No such file"),
            "{error}"
        );
        assert_eq!(LOGGER.sink(), None);
    }

    #[test]
    fn a_renamed_file_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let sink = Sink::File(path.clone());
        sink.write(Level::Warn, "one").unwrap();
        fs::rename(&path, directory.path().join("log.1")).unwrap();
        sink.write(Level::Warn, "two").unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("WARN two\n"));
    }
}
