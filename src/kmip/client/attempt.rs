//! Attempts: a server is chosen, the batch is sent, and sent once more if the way there failed and that does no harm.

use super::effort::Effort;
use super::group::Choice;
use super::pool::{Lent, Seat};
use super::{Answer, Client};
use crate::kmip::connection::{Connection, Target};
use crate::kmip::deadline::Deadline;
use crate::kmip::enums::ResultReason;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::message::{self, Header, Reply};
use crate::kmip::refusal::Refusal;
use crate::kmip::request::Request;
use crate::kmip::ttlv::{Frame, Limits};
use crate::kmip::version::Version;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A connection, and the seat that it needs.
pub(super) struct Line {
    pub connection: Connection,
    pub seat: Seat,
}

/// The tries of one attempt.
#[derive(Default)]
struct Course {
    /// Servers that this attempt has met and is done with.
    failed: Vec<usize>,
    /// The batch went out so many times, and last to this server.
    sent: usize,
    last: usize,
    /// The last server may be tried a second time, once.
    second: bool,
    /// An idle connection failed: from now on only new ones are used.
    fresh: bool,
}

/// Where a try went, and what came of it.
struct Try {
    server: usize,
    /// Over a connection that had been idle.
    was_idle: bool,
    /// There was so little time that to be late is no fault of the server.
    hasty: bool,
    result: Whole,
}

type Whole = Result<Vec<Answer>, Error>;

impl Client {
    /// Each server is tried once, and the one that the batch reached twice if it was the only one. All tries share the deadline.
    pub(super) fn attempt(&self, effort: Effort<'_>, requests: &[Request]) -> Whole {
        effort.check().map_err(|kind| kind.at(&self.server()))?;
        if self.settings.servers.is_empty() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "no server is configured");
            return Err(ErrorKind::Unreachable { source }.at("(none)"));
        }
        let (mut course, mut overloaded) = (Course::default(), None);
        loop {
            let tried = self.try_one(effort, &mut course, requests)?;
            let again = self.judge(effort, &mut course, &tried, requests);
            match (again, tried.result) {
                (true, Err(error)) if error.is_connection_failure() => log::debug!("{error}"),
                (true, result) => overloaded = Some(result),
                // What an overloaded server said tells more than that others cannot be reached.
                (false, Err(error)) if error.is_connection_failure() => {
                    return overloaded.unwrap_or(Err(error));
                }
                (false, result) => return result,
            }
        }
    }

    /// An error if there was no try, since all connections are in use.
    fn try_one(
        &self,
        effort: Effort<'_>,
        course: &mut Course,
        requests: &[Request],
    ) -> Result<Try, Error> {
        let mut choice = Choice::default();
        let lent = self.pool.lend(effort.deadline, course.fresh, |seats| {
            let busy = |server| seats.busy(server);
            choice = self.group.choose(&course.failed, busy, Instant::now());
            choice.server
        });
        let lent = lent.map_err(|kind| kind.at(&self.server()))?;
        let (server, part) = (choice.server, self.part(effort, course, choice));
        let (was_idle, time) = (matches!(lent, Lent::Idle(_)), part.left());
        effort.commit(false);
        let line = match lent {
            Lent::Idle(line) => Ok(line),
            Lent::Fresh(seat, replaced) => {
                drop(replaced);
                self.connect(seat, part)
            }
        };
        let result = line.and_then(|line| {
            (course.sent, course.last) = (course.sent + 1, server);
            // What must not be sent twice gets all the time there is.
            let repeatable = are_repeatable(requests);
            let until = if repeatable { part } else { effort.deadline };
            self.converse(line, effort.until(until), requests)
        });
        Ok(Try {
            server,
            was_idle,
            hasty: time < self.settings.deadline / 8,
            result,
        })
    }

    /// The deadline of a try. It leaves as much time for each server that may have to be tried after it; a server that has
    /// failed lately gets less.
    fn part(&self, effort: Effort<'_>, course: &Course, choice: Choice) -> Deadline {
        let left = self.group.left(&course.failed);
        let parts = if choice.trial { left.max(4) } else { left };
        effort.deadline.share(parts)
    }

    /// Whether there has to be another try; remembers what this one showed of the server.
    fn judge(
        &self,
        effort: Effort<'_>,
        course: &mut Course,
        tried: &Try,
        requests: &[Request],
    ) -> bool {
        if let Some(refusal) = self.overload(&tried.result) {
            self.blame(tried, &format!("is overloaded: {refusal}"));
            course.failed.push(tried.server);
            return is_untouched(&tried.result, requests) && self.group.left(&course.failed) > 0;
        }
        match &tried.result {
            Err(error) if self.another_may_do_better(error) => {
                self.pool.forget(tried.server);
                course.fresh = true;
                // That an idle connection was closed says nothing of the server.
                if !(tried.was_idle && matches!(error.kind, ErrorKind::Closed { .. })) {
                    self.blame(tried, &error.kind.to_string());
                    course.failed.push(tried.server);
                }
                is_harmless(effort, &error.kind, requests)
                    && !effort.deadline.has_passed()
                    && self.goes_on(course)
            }
            // It has spoken, if not well.
            _ => {
                self.praise(tried.server);
                false
            }
        }
    }

    /// Whether a server is left to be tried. The last one counts once more if the batch reached no other; but a first contact
    /// tries several connections by itself, and has then learnt that none is better.
    fn goes_on(&self, course: &mut Course) -> bool {
        if self.group.left(&course.failed) > 0 {
            return true;
        }
        let several = self.settings.servers.len() > 1;
        let acquainted = self.settings.version.is_some() || self.agreement(course.last).is_some();
        let again = course.sent == 1 && !course.second && (acquainted || several);
        if again {
            course.second = true;
            course.failed.retain(|server| *server != course.last);
        }
        again
    }

    /// Whether the failure is the connection's, or the server's but not that of all servers. That a certificate is refused
    /// shows only here with TLS 1.3, and when connecting with TLS 1.2.
    fn another_may_do_better(&self, error: &Error) -> bool {
        let of_this_server = matches!(
            error.kind,
            ErrorKind::CertificateRefused { .. }
                | ErrorKind::ServerNotTrusted { .. }
                | ErrorKind::Tls { .. }
                | ErrorKind::VersionUnsupported { .. }
        );
        error.is_connection_failure() || (of_this_server && self.settings.servers.len() > 1)
    }

    /// The refusal that says that a server has enough to do, if there are others.
    fn overload<'a>(&self, result: &'a Whole) -> Option<&'a Refusal> {
        let refusal = match result {
            Ok(answers) => answers
                .iter()
                .find_map(|answer| answer.as_ref().err().filter(is_overload)),
            Err(Error {
                kind: ErrorKind::Refused(refusal),
                ..
            }) => Some(refusal).filter(is_overload),
            Err(_) => None,
        };
        refusal.filter(|_| self.settings.servers.len() > 1)
    }

    fn blame(&self, tried: &Try, reason: &str) {
        let late = matches!(
            &tried.result,
            Err(Error {
                kind: ErrorKind::Timeout { .. },
                ..
            })
        );
        if late && tried.hasty {
            return;
        }
        let pause = self.group.fails(tried.server, reason, Instant::now());
        if let (Some(pause), [_, _, ..]) = (pause, self.settings.servers.as_slice()) {
            let name = self.server_name(tried.server);
            log::warn!("server {name} {reason}; it is skipped for {pause:.1?}");
        }
    }

    fn praise(&self, server: usize) {
        if let (Some(trouble), [_, _, ..]) =
            (self.group.works(server), self.settings.servers.as_slice())
        {
            let name = self.server_name(server);
            log::info!(
                "server {name} serves again after {} failures",
                trouble.failures
            );
        }
    }

    /// A new connection to a server, when one was lost in the middle of a conversation.
    pub(super) fn reconnect(&self, server: usize, deadline: Deadline) -> Result<Line, Error> {
        match self.pool.lend(deadline, true, |_| server) {
            Ok(Lent::Idle(line)) => Ok(line),
            Ok(Lent::Fresh(seat, replaced)) => {
                drop(replaced);
                self.connect(seat, deadline)
            }
            Err(kind) => Err(kind.at(&self.server_name(server))),
        }
    }

    fn connect(&self, seat: Seat, deadline: Deadline) -> Result<Line, Error> {
        let missing = || ErrorKind::Unreachable {
            source: io::ErrorKind::InvalidInput.into(),
        };
        let address = self
            .settings
            .servers
            .get(seat.server)
            .ok_or_else(|| missing().at("(none)"))?;
        let target = Target {
            host: &address.host,
            port: address.port,
            name: self
                .settings
                .server_name
                .as_deref()
                .unwrap_or(&address.host),
            tls: &self.settings.tls,
            counter: &self.counter,
        };
        let connection = Connection::open(&target, deadline)
            .map_err(|kind| kind.at(&self.server_name(seat.server)))?;
        Ok(Line { connection, seat })
    }

    /// One message and its reply. The connection comes back if it may be used again.
    pub(super) fn exchange(
        &self,
        line: Line,
        effort: Effort<'_>,
        version: Version,
        requests: &[&Request],
    ) -> Result<(Reply, Line), Error> {
        let Line { connection, seat } = line;
        let server = seat.server;
        let limits = Limits {
            bytes: self.settings.maximum_response_size,
            ..Limits::default()
        };
        let id = self.next_message();
        let header = Header {
            version,
            credentials: &self.settings.credentials,
            // Unasked PyKMIP sends no more than 1 MiB, and says so only when it has done all that a batch asks.
            maximum_response_size: u32::try_from(limits.bytes).ok(),
        };
        let sent_and_read = || {
            let request = message::encode(header, id, requests)?;
            effort.spend()?;
            self.counter.requested();
            if requests.iter().any(|request| !request.may_be_repeated()) {
                effort.commit(true);
            }
            let (reply, connection) =
                connection.exchange(&request, limits.bytes, effort.deadline)?;
            let frame = Frame::parse(reply, &limits).map_err(|invalid| ErrorKind::Malformed {
                what: invalid.to_string(),
            })?;
            let reply = message::decode(&frame, id, requests)?;
            self.last.store(server, Ordering::Relaxed);
            Ok((reply, Line { connection, seat }))
        };
        sent_and_read().map_err(|kind: ErrorKind| kind.at(&self.server_name(server)))
    }
}

fn are_repeatable(requests: &[Request]) -> bool {
    requests.iter().all(Request::may_be_repeated)
}

/// Whether the requests may be sent again after this failure: they do no harm twice, or were certainly not acted upon.
fn is_harmless(effort: Effort<'_>, kind: &ErrorKind, requests: &[Request]) -> bool {
    // With a TLS error it depends on when it came, which it does not say.
    let certain = !kind.may_have_happened() && !matches!(kind, ErrorKind::Tls { .. });
    are_repeatable(requests) || !effort.is_committed() || certain
}

/// The same for a server that refused some of them.
fn is_untouched(result: &Whole, requests: &[Request]) -> bool {
    let refused = |answer: &Answer| matches!(answer, Err(refusal) if is_overload(&refusal));
    let none_done = |answers: &Vec<Answer>| answers.iter().all(refused);
    are_repeatable(requests) || result.as_ref().map_or(true, none_done)
}

fn is_overload(refusal: &&Refusal) -> bool {
    refusal.reason == ResultReason::SERVER_LIMIT_EXCEEDED
}
