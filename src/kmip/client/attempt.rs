//! Attempts: a connection is found, the batch is sent, and sent once more if the connection failed and that does no harm.

use super::effort::Effort;
use super::{Answer, Client};
use crate::kmip::connection::{Connection, Target};
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::message::{self, Reply};
use crate::kmip::request::Request;
use crate::kmip::ttlv::{Frame, Limits};
use crate::kmip::version::Version;
use std::io;
use std::sync::atomic::Ordering;

/// A connection and the place of its server in the settings.
pub(super) struct Line {
    pub connection: Connection,
    pub server: usize,
}

impl Client {
    /// At most two attempts; with several servers the first leaves half of the time for the second, unless other servers have
    /// used up their part by not being there.
    pub(super) fn attempt(
        &self,
        effort: Effort<'_>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        effort.check().map_err(|kind| kind.at(&self.server()))?;
        let (idle, turn) = (self.pool.take(), self.preferred());
        let was_idle = idle.is_some();
        let line = idle.map_or_else(|| self.connect(effort.deadline), Ok)?;
        let server = line.server;
        let several = self.settings.servers.len() > 1;
        // A first contact tries several connections by itself, and has then learnt that none is better.
        let acquainted = self.settings.version.is_some() || self.agreement(server).is_some();
        let again = (acquainted || several) && requests.iter().all(Request::may_be_repeated);
        let others_are_left = several && (was_idle || server == turn);
        let first = match again && others_are_left {
            true => effort.half(),
            false => effort,
        };
        let error = match self.converse(line, first, requests) {
            Err(error) if self.another_may_do_better(&error) => error,
            other => return other,
        };
        self.pool.forget(server);
        // That an idle connection was closed says nothing of the server.
        if !(was_idle && matches!(error.kind, ErrorKind::Closed { .. })) {
            self.pass_over(server);
        }
        if effort.deadline.has_passed() || !again {
            return Err(error);
        }
        log::debug!("{error}; once more over a new connection");
        let line = self.connect(effort.deadline)?;
        let server = line.server;
        let result = self.converse(line, effort, requests);
        if matches!(&result, Err(error) if self.another_may_do_better(error)) {
            self.pass_over(server);
        }
        result
    }

    /// Whether the failure is the connection's, or the server's but not that of all servers. That a certificate is refused
    /// shows only here with TLS 1.3, and when connecting with TLS 1.2.
    fn another_may_do_better(&self, error: &Error) -> bool {
        let of_this_server = matches!(
            error.kind,
            ErrorKind::CertificateRefused { .. }
                | ErrorKind::Tls { .. }
                | ErrorKind::CredentialsRefused { .. }
                | ErrorKind::NoSuchPath { .. }
                | ErrorKind::Redirected { .. }
                | ErrorKind::HttpStatus { .. }
        );
        error.is_connection_failure() || (of_this_server && self.settings.servers.len() > 1)
    }

    /// A new connection to the server that last worked, or else to the next one that can be reached.
    pub(super) fn connect(&self, deadline: Deadline) -> Result<Line, Error> {
        let servers = self.settings.servers.len();
        let first = self.preferred();
        let none = io::Error::new(io::ErrorKind::InvalidInput, "no server is configured");
        let mut failure = ErrorKind::Unreachable { source: none }.at(&self.server_name(0));
        for tried in 0..servers {
            let server = (first + tried) % servers;
            match self.connect_to(server, deadline.share(servers - tried)) {
                Ok(line) => {
                    self.preferred.store(server, Ordering::Relaxed);
                    return Ok(line);
                }
                Err(error) if tried + 1 < servers => log::warn!("{error}; trying the next server"),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(super) fn connect_to(&self, server: usize, deadline: Deadline) -> Result<Line, Error> {
        let missing = || ErrorKind::Unreachable {
            source: io::ErrorKind::InvalidInput.into(),
        };
        let address = self
            .settings
            .servers
            .get(server)
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
            .map_err(|kind| kind.at(&self.server_name(server)))?;
        Ok(Line { connection, server })
    }

    /// One message and its reply. The connection comes back if it may be used again.
    pub(super) fn exchange(
        &self,
        line: Line,
        effort: Effort<'_>,
        version: Version,
        requests: &[&Request],
    ) -> Result<(Reply, Line), Error> {
        let Line { connection, server } = line;
        let limits = Limits {
            bytes: self.settings.maximum_response_size,
            ..Limits::default()
        };
        let id = self.next_message();
        let sent_and_read = || {
            let request = message::encode(version, id, requests)?;
            effort.spend()?;
            self.counter.requested();
            let (reply, connection) =
                connection.exchange(&request, limits.bytes, effort.deadline)?;
            let frame = Frame::parse(reply, &limits).map_err(|invalid| ErrorKind::Malformed {
                what: invalid.to_string(),
            })?;
            Ok((
                message::decode(&frame, id, requests)?,
                Line { connection, server },
            ))
        };
        sent_and_read().map_err(|kind: ErrorKind| kind.at(&self.server_name(server)))
    }
}
