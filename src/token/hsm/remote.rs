//! A device whose module is in a process of its own: it may crash or hang there, and costs a call.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::device::{Device, Fault, FaultKind, Opening, Reply, Request, VOCABULARY};
use super::{frame, module};
use crate::config::{Content, HsmProcess, open_trusted};

/// The program that loads the module.
const PROGRAM: &str = "kmip-p11-hsm";

/// Where it is looked for, if not beside our own file.
const PLACES: [&str; 3] = ["/usr/libexec", "/usr/local/libexec", "/usr/lib/kmip-p11"];

/// How long a process that was told to end may take, before it is no longer waited for.
const FAREWELL: Duration = Duration::from_millis(200);

const OTHER_BUILD: &str = "it is of another build than this library; install the two together";

/// A token of a module in another process, which is started when it is first asked.
pub struct Remote {
    opening: Opening,
    process: HsmProcess,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    host: Option<Arc<Host>>,
    /// There was another process before, which took all sessions with it.
    was_lost: bool,
}

/// A running process, and streams to it that nobody uses now.
struct Host {
    child: Mutex<Child>,
    control: UnixStream,
    idle: Mutex<Vec<UnixStream>>,
}

impl Remote {
    /// A device for that token; starts nothing yet.
    pub fn new(opening: Opening, process: HsmProcess) -> Self {
        Self {
            opening,
            process,
            place: Mutex::default(),
        }
    }

    fn host(&self) -> Result<Arc<Host>, Fault> {
        let mut place = self.place.lock();
        if let Some(host) = &place.host {
            return Ok(Arc::clone(host));
        }
        let program = self.program()?;
        let until = Instant::now() + self.process.deadline;
        let host = Host::start(&program, &self.opening, until).map_err(|error| {
            let said = format!("{} cannot be started: {error}", program.display());
            Fault::new(FaultKind::NoAnswer, said)
        })?;
        let host = Arc::new(host);
        place.host = Some(Arc::clone(&host));
        match std::mem::take(&mut place.was_lost) {
            true => Err(Fault::new(
                FaultKind::SessionsLost,
                "the module's process is a new one",
            )),
            false => Ok(host),
        }
    }

    fn program(&self) -> Result<PathBuf, Fault> {
        let found = match &self.process.program {
            Some(program) => Some(program.clone()),
            None => {
                let own = module::own_path();
                let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
                let mut places = beside.into_iter().chain(PLACES.map(PathBuf::from));
                places.find_map(|place| Some(place.join(PROGRAM)).filter(|it| it.is_file()))
            }
        };
        let missing = || {
            let said = format!("there is no {PROGRAM}; install it, or write hsm.program");
            Fault::new(FaultKind::NoAnswer, said)
        };
        let program = found.ok_or_else(missing)?;
        match open_trusted(&program, Content::Public) {
            Ok(_) => Ok(program),
            Err(fault) => Err(Fault::new(FaultKind::NoAnswer, fault.to_string())),
        }
    }

    /// The process is of no use any more: the next call starts another.
    fn lost(&self, host: &Arc<Host>, error: &io::Error) -> Fault {
        let mut place = self.place.lock();
        if place.host.as_ref().is_some_and(|it| Arc::ptr_eq(it, host)) {
            place.host = None;
            place.was_lost = true;
        }
        drop(place);
        let said = match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                host.end();
                format!(
                    "it did not answer within {:?} (hsm.deadline); its process was ended",
                    self.process.deadline
                )
            }
            _ => format!("its process ended ({})", host.end()),
        };
        Fault::new(FaultKind::NoAnswer, said)
    }
}

impl Device for Remote {
    fn ask(&self, request: &Request) -> Result<Reply, Fault> {
        let host = self.host()?;
        let until = Instant::now() + self.process.deadline;
        match host.exchange(request, until) {
            Ok(answer) => answer,
            Err(error) => Err(self.lost(&host, &error)),
        }
    }
}

impl Host {
    fn start(program: &Path, opening: &Opening, until: Instant) -> io::Result<Self> {
        let (control, other) = UnixStream::pair()?;
        let child = Command::new(program)
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()?;
        let host = Self {
            child: Mutex::new(child),
            control,
            idle: Mutex::default(),
        };
        if frame::read(&host.control, Some(until))? != Some(VOCABULARY) {
            return Err(io::Error::other(OTHER_BUILD));
        }
        frame::write(&host.control, opening, Some(until))?;
        Ok(host)
    }

    fn exchange(&self, request: &Request, until: Instant) -> io::Result<Result<Reply, Fault>> {
        let idle = self.idle.lock().pop();
        let stream = match idle {
            Some(stream) => stream,
            None => {
                let (ours, theirs) = UnixStream::pair()?;
                frame::send_stream(&self.control, &theirs)?;
                ours
            }
        };
        frame::write(&stream, request, Some(until))?;
        let answer = frame::read(&stream, Some(until))?;
        let answer = answer.ok_or(ErrorKind::UnexpectedEof)?;
        self.idle.lock().push(stream);
        Ok(answer)
    }

    /// Ends it, if it has not ended; what is known of its end.
    fn end(&self) -> String {
        let mut child = self.child.lock();
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL {
            match child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) => {
                    let _ = child.kill();
                    thread::sleep(Duration::from_millis(1));
                }
                // The host program waits for all children itself.
                Err(_) => break,
            }
        }
        "nothing is known of its end".into()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::TokenChoice;

    #[test]
    fn a_program_of_another_build_is_called_so() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join(PROGRAM);
        // A frame of one byte, the number 7, and then nothing more.
        fs::write(
            &program,
            "#!/bin/sh\nprintf '\\001\\000\\000\\000\\007' >&0\nexec sleep 60\n",
        )
        .unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let opening = Opening {
            module: "/nowhere.so".into(),
            token: TokenChoice::default(),
            sessions: 1,
        };
        let process = HsmProcess {
            program: Some(program),
            deadline: Duration::from_secs(10),
        };
        let fault = Remote::new(opening, process)
            .ask(&Request::Token)
            .unwrap_err();
        assert!(fault.said.contains("of another build"), "{}", fault.said);
    }
}
