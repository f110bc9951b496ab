//! The client: batches of requests go out, answers come back, whatever connections, versions and attempts that takes.

mod acquaintance;
mod attempt;
mod effort;
mod group;
mod halving;
mod negotiation;
mod pool;
mod settings;
mod status;
mod verdict;

pub use acquaintance::Acquaintance;
pub use negotiation::ServerInfo;
pub use settings::{Encoding, Order, ServerAddress, Settings, Transport};
pub use status::{Condition, ServerStatus};

use super::connection::{Counter, Traffic};
use super::deadline::Deadline;
use super::error::Error;
use super::message::MessageId;
use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use super::version::Version;
use effort::Effort;
use group::Group;
use negotiation::Agreement;
use parking_lot::Mutex;
use pool::{Limits, Pool};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

/// What one request of a batch came to.
pub type Answer = Result<Response, Refusal>;

/// Speaks to servers that hold the same objects: to whichever serves. Blocks; may be used by several threads at once, each of
/// which then has a connection of its own, or waits for one if there are as many as there may be.
pub struct Client {
    settings: Settings,
    pool: Pool,
    group: Group,
    /// What was agreed with each server.
    agreements: Vec<Mutex<Option<Arc<Agreement>>>>,
    /// The certificate that each server has shown, in DER.
    certificates: Vec<Mutex<Option<Arc<[u8]>>>>,
    /// The server that answered last.
    last: AtomicUsize,
    messages: AtomicU32,
    counter: Arc<Counter>,
}

impl Client {
    /// No connection is made before the first call.
    pub fn new(settings: Settings) -> Client {
        let servers = settings.servers.len();
        let limits = Limits {
            most: settings.connections,
            idle: settings.maximum_idle,
            age: settings.maximum_age,
        };
        Client {
            pool: Pool::new(limits, servers),
            group: Group::new(settings.order, servers),
            agreements: settings.servers.iter().map(|_| Mutex::new(None)).collect(),
            certificates: settings.servers.iter().map(|_| Mutex::new(None)).collect(),
            last: AtomicUsize::new(0),
            messages: AtomicU32::new(1),
            counter: Arc::default(),
            settings,
        }
    }

    /// Sends the requests as one batch and returns the answers in the same order.
    ///
    /// Requests that [may be repeated](Request::may_be_repeated) are sent once more over a new connection, or to another server,
    /// if the connection fails; and in halves if the server refuses them together or its answer is too large or unreadable.
    /// Others are sent once more only if it is certain that no server has acted upon them.
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

    /// Like [`Client::call_within`], and which server it was that answered. Some servers, not all, may be `avoided`.
    pub fn call_others(
        &self,
        deadline: Instant,
        avoided: &[usize],
        requests: &[Request],
    ) -> (Result<Vec<Answer>, Error>, Option<usize>) {
        Effort::spent_by(Deadline(deadline), |effort| {
            let effort = effort.avoiding(avoided);
            let answers = self.whole(effort, requests);
            (answers, effort.answerer())
        })
    }

    /// The version in use with the server that answered last, once it is known.
    pub fn version(&self) -> Option<Version> {
        self.settings
            .version
            .or_else(|| Some(self.agreement(self.last())?.version))
    }

    /// What the server that answered last told about itself, once it has.
    pub fn server_info(&self) -> Option<ServerInfo> {
        Some(self.agreement(self.last())?.info.clone())
    }

    /// The servers of the settings, in their order.
    pub fn servers(&self) -> &[ServerAddress] {
        &self.settings.servers
    }

    /// `host:port` of the server that answered last.
    pub fn server(&self) -> String {
        self.server_name(self.last())
    }

    /// The place of the server that answered last among [`Client::servers`].
    pub fn last_server(&self) -> usize {
        self.last()
    }

    /// A server's address and what it called itself, if it did: another name is another server.
    pub fn identity(&self, server: usize) -> String {
        let known = self.agreement(server);
        let vendor = known.and_then(|known| known.info.capabilities.vendor_identification.clone());
        let name = self.server_name(server);
        match vendor {
            Some(vendor) => format!("{name} {vendor}"),
            None => name,
        }
    }

    /// What went over the wire since the client was made.
    pub fn traffic(&self) -> Traffic {
        self.counter.traffic()
    }

    fn last(&self) -> usize {
        self.last.load(Ordering::Relaxed)
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
