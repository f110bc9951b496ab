//! Attempts: a connection is found, the batch is sent, and sent once more if the connection failed and that does no harm.

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
    /// At most two attempts.
    pub(super) fn attempt(
        &self,
        deadline: Deadline,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let line = self
            .pool
            .take()
            .map_or_else(|| self.connect(deadline), Ok)?;
        let server = line.server;
        // A first contact tries several connections by itself, and has then learnt that none is better.
        let acquainted = self.settings.version.is_some() || self.agreement(server).is_some();
        match self.converse(line, deadline, requests) {
            Err(error) if error.is_connection_failure() => {
                self.pool.forget(server);
                let may_repeat = acquainted && requests.iter().all(Request::may_be_repeated);
                if deadline.has_passed() || !may_repeat {
                    return Err(error);
                }
                log::debug!("{error}; once more over a new connection");
                self.converse(self.connect(deadline)?, deadline, requests)
            }
            other => other,
        }
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
        deadline: Deadline,
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
            self.counter.requested();
            let (reply, connection) = connection.exchange(&request, limits.bytes, deadline)?;
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
