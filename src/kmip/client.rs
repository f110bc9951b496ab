//! The client: batches of requests go out, answers come back, whatever connections, versions and attempts that takes.

mod attempt;
mod effort;
mod halving;
mod negotiation;
mod pool;
mod settings;

pub use negotiation::ServerInfo;
pub use settings::{Encoding, ServerAddress, Settings, Transport};

use super::connection::{Counter, Traffic};
use super::deadline::Deadline;
use super::error::Error;
use super::message::MessageId;
use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use super::version::Version;
use effort::Effort;
use negotiation::Agreement;
use parking_lot::Mutex;
use pool::Pool;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

/// What one request of a batch came to.
pub type Answer = Result<Response, Refusal>;

/// Speaks to one of several servers that hold the same objects. Blocks; may be used by several threads at once, each of which
/// then has a connection of its own.
pub struct Client {
    settings: Settings,
    pool: Pool,
    /// What was agreed with each server.
    agreements: Vec<Mutex<Option<Arc<Agreement>>>>,
    /// The server that last worked.
    preferred: AtomicUsize,
    messages: AtomicU32,
    counter: Arc<Counter>,
}

impl Client {
    /// No connection is made before the first call.
    pub fn new(settings: Settings) -> Client {
        Client {
            pool: Pool::new(settings.idle_connections, settings.maximum_idle),
            agreements: settings.servers.iter().map(|_| Mutex::new(None)).collect(),
            preferred: AtomicUsize::new(0),
            messages: AtomicU32::new(1),
            counter: Arc::default(),
            settings,
        }
    }

    /// Sends the requests as one batch and returns the answers in the same order.
    ///
    /// Requests that [may be repeated](Request::may_be_repeated) are sent once more over a new connection if the connection
    /// fails, and in halves if the server refuses them together or its answer is too large or unreadable.
    ///
    /// # Errors
    /// If there is no usable answer as a whole; a request that the server refuses is a [`Refusal`] in its place.
    pub fn call(&self, requests: &[Request]) -> Result<Vec<Answer>, Error> {
        self.call_within(Deadline::after(self.settings.deadline).0, requests)
    }

    /// Like [`Client::call`], with a deadline of the caller's.
    pub fn call_within(
        &self,
        deadline: Instant,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        if requests.is_empty() {
            Ok(Vec::new())
        } else {
            Effort::spent_by(Deadline(deadline), |effort| self.whole(effort, requests))
        }
    }

    /// The version in use with the server that last worked, once it is known.
    pub fn version(&self) -> Option<Version> {
        self.settings
            .version
            .or_else(|| Some(self.agreement(self.preferred())?.version))
    }

    /// What the server that last worked told about itself, once it has.
    pub fn server_info(&self) -> Option<ServerInfo> {
        Some(self.agreement(self.preferred())?.info.clone())
    }

    /// The servers of the settings, in their order.
    pub fn servers(&self) -> &[ServerAddress] {
        &self.settings.servers
    }

    /// `host:port` of the server that last worked.
    pub fn server(&self) -> String {
        self.server_name(self.preferred())
    }

    /// What went over the wire since the client was made.
    pub fn traffic(&self) -> Traffic {
        self.counter.traffic()
    }

    fn preferred(&self) -> usize {
        self.preferred.load(Ordering::Relaxed)
    }

    /// Lets the next connection go to the server after this one, if it was this one's turn.
    fn pass_over(&self, server: usize) {
        let next = (server + 1) % self.settings.servers.len().max(1);
        let turn =
            self.preferred
                .compare_exchange(server, next, Ordering::Relaxed, Ordering::Relaxed);
        if let (Ok(_), true) = (turn, next != server) {
            log::debug!("server {} comes next", self.server_name(next));
        }
    }

    fn agreement(&self, server: usize) -> Option<Arc<Agreement>> {
        self.agreements.get(server)?.lock().clone()
    }

    fn next_message(&self) -> MessageId {
        MessageId(self.messages.fetch_add(1, Ordering::Relaxed))
    }

    /// `host:port` of a server, for messages.
    fn server_name(&self, server: usize) -> String {
        self.settings
            .servers
            .get(server)
            .map_or_else(|| "(none)".to_owned(), ServerAddress::to_string)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self
            .settings
            .servers
            .iter()
            .map(ServerAddress::to_string)
            .collect();
        write!(out, "Client({})", servers.join(", "))
    }
}
