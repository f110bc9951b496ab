//! Attempts: a server is chosen, the batch is sent, and sent once more if the way there failed and that does no harm.

use super::Client;
use super::effort::Effort;
use super::group::Choice;
use super::pool::{Lent, Seat};
use super::verdict::{Course, Try, Whole};
use crate::kmip::connection::{Connection, Target};
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::message::{self, Header, Reply};
use crate::kmip::request::Request;
use crate::kmip::ttlv::{Frame, Limits};
use crate::kmip::version::Version;
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A connection, and the seat that it needs.
pub(super) struct Line {
    pub connection: Connection,
    pub seat: Seat,
}

/// How long a try may take.
#[derive(Clone, Copy)]
struct Part {
    /// Until there is a connection.
    connected: Deadline,
    /// Until there is an answer.
    whole: Deadline,
}

/// A server takes a connection in a small part of this, or is away. A host that is down says nothing at all, and who logs in
/// would wait half of the deadline for it.
const CONNECTING: Duration = Duration::from_secs(1);

impl Client {
    /// Each server is tried once, and the one that the batch reached twice if it was the only one. All tries share the deadline.
    pub(super) fn attempt(&self, effort: Effort<'_>, requests: &[Request]) -> Whole {
        effort.check().map_err(|kind| kind.at(&self.server()))?;
        if self.settings.servers.is_empty() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "no server is configured");
            return Err(ErrorKind::Unreachable { source }.at("(none)"));
        }
        let (mut course, mut said) = (Course::avoiding(effort.avoided), None);
        loop {
            let tried = match self.try_one(effort, &mut course, requests) {
                Ok(tried) => tried,
                Err(busy) => return said.unwrap_or(Err(busy)),
            };
            let again = self.judge(effort, &mut course, &tried, requests);
            match (again, tried.result) {
                (true, Err(error)) if error.is_connection_failure() => log::debug!("{error}"),
                (true, result) => said = Some(result),
                // What a server said tells more than that others cannot be reached.
                (false, Err(error)) if error.is_connection_failure() => {
                    return said.unwrap_or(Err(error));
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
        let mut choice = None;
        let lent = self.pool.lend(effort.deadline, course.fresh, |seats| {
            let busy = |server| seats.busy(server);
            let choose = || self.group.choose(&course.failed, busy, Instant::now());
            choice.get_or_insert_with(choose).server
        });
        let lent = lent.map_err(|kind| kind.at(&self.server()))?;
        let choice = choice.unwrap_or_default();
        let part = self.part(effort, course, choice);
        let tried = self.try_with(lent, choice.server, effort, part, requests);
        if tried.sent {
            (course.sent, course.last) = (course.sent + 1, choice.server);
        }
        Ok(tried)
    }

    fn try_with(
        &self,
        lent: Lent,
        server: usize,
        effort: Effort<'_>,
        part: Part,
        requests: &[Request],
    ) -> Try {
        let (was_idle, time) = (matches!(lent, Lent::Idle(_)), part.whole.left());
        effort.commit(false);
        let line = self.line(lent, part.connected);
        let sent = line.is_ok();
        // What must not be sent twice gets all the time there is.
        let repeatable = are_repeatable(requests);
        let until = if repeatable {
            part.whole
        } else {
            effort.deadline
        };
        Try {
            server,
            was_idle,
            sent,
            hasty: time < self.settings.deadline / 8,
            result: line.and_then(|line| self.converse(line, effort.until(until), requests)),
        }
    }

    /// Asks one server, over a new connection, and no other: to see whether it serves.
    ///
    /// # Errors
    /// As [`Client::call`], but nothing is sent again.
    pub fn call_server(&self, server: usize, deadline: Instant, requests: &[Request]) -> Whole {
        Effort::spent_by(Deadline(deadline), |effort| {
            let lent = self.pool.lend(effort.deadline, true, |_| server);
            let lent = lent.map_err(|kind| kind.at(&self.server_name(server)))?;
            let part = Part {
                connected: effort.deadline,
                whole: effort.deadline,
            };
            let tried = self.try_with(lent, server, effort, part, requests);
            match &tried.result {
                Err(error) if self.another_may_do_better(error) => {
                    self.blame(&tried, &error.kind.to_string())
                }
                _ => self.praise(server),
            }
            tried.result
        })
    }

    /// A try leaves as much time for each server that may have to be tried after it; a server that has failed lately gets less.
    fn part(&self, effort: Effort<'_>, course: &Course, choice: Choice) -> Part {
        let left = self.group.left(&course.failed);
        let parts = if choice.trial { left.max(4) } else { left };
        let whole = effort.deadline.share(parts);
        let is_last = left == 1;
        Part {
            connected: if is_last {
                whole
            } else {
                whole.within(CONNECTING)
            },
            whole,
        }
    }

    /// Whether the failure is the connection's, or the server's but not that of all servers. That a certificate is refused
    /// shows only here with TLS 1.3, and when connecting with TLS 1.2.
    pub(super) fn another_may_do_better(&self, error: &Error) -> bool {
        let of_this_server = matches!(
            error.kind,
            ErrorKind::CertificateRefused { .. }
                | ErrorKind::ServerNotTrusted { .. }
                | ErrorKind::Tls { .. }
                | ErrorKind::VersionUnsupported { .. }
                | ErrorKind::CredentialsRefused { .. }
                | ErrorKind::NoSuchPath { .. }
                | ErrorKind::Redirected { .. }
                | ErrorKind::HttpStatus { .. }
        );
        error.is_connection_failure() || (of_this_server && self.settings.servers.len() > 1)
    }

    /// A new connection to a server, when one was lost in the middle of a conversation.
    pub(super) fn reconnect(&self, server: usize, deadline: Deadline) -> Result<Line, Error> {
        let lent = self.pool.lend(deadline, true, |_| server);
        let lent = lent.map_err(|kind| kind.at(&self.server_name(server)))?;
        self.line(lent, deadline)
    }

    fn line(&self, lent: Lent, deadline: Deadline) -> Result<Line, Error> {
        match lent {
            Lent::Idle(line) => Ok(line),
            Lent::Fresh(seat, replaced) => {
                drop(replaced);
                self.connect(seat, deadline)
            }
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
            transport: &address.transport,
            bearer_token: self.settings.bearer_token.as_ref(),
            tls: &self.settings.tls,
            counter: &self.counter,
        };
        let connection = Connection::open(&target, deadline)
            .map_err(|kind| kind.at(&self.server_name(seat.server)))?;
        self.note_certificate(seat.server, connection.server_certificate());
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
            effort.answered_by(server);
            Ok((reply, Line { connection, seat }))
        };
        sent_and_read().map_err(|kind: ErrorKind| kind.at(&self.server_name(server)))
    }
}

pub(super) fn are_repeatable(requests: &[Request]) -> bool {
    requests.iter().all(Request::may_be_repeated)
}
