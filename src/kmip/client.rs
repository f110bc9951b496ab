//! The client: batches of requests go out, answers come back, whatever connections and versions that takes.

use super::error::{Error, ErrorKind};
use super::refusal::Refusal;
use super::request::Request;
use super::response::{Capabilities, Response};
use super::version::Version;
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one request of a batch came to.
pub type Answer = Result<Response, Refusal>;

/// A server to connect to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServerAddress {
    /// A name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port; 5696 is KMIP's.
    pub port: u16,
}

impl ServerAddress {
    /// The port that is registered for KMIP.
    pub const KMIP_PORT: u16 = 5696;
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)
        } else {
            write!(out, "{}:{}", self.host, self.port)
        }
    }
}

/// How to reach the servers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Servers with the same objects, the preferred one first.
    pub servers: Vec<ServerAddress>,
    /// From [`super::TlsFiles::load`].
    pub tls: Arc<ClientConfig>,
    /// The name in the servers' certificates, if it is not the host.
    pub server_name: Option<String>,
    /// The protocol version to use; if none, the highest that both sides speak.
    pub version: Option<Version>,
    /// How long a call may take, connecting and repeating included. Only the resolver is not bound by it.
    pub deadline: Duration,
    /// Bytes of the largest answer that is accepted.
    pub maximum_response_size: usize,
    /// How long a connection may be idle and still be used again.
    pub maximum_idle: Duration,
    /// How many idle connections are kept.
    pub idle_connections: usize,
}

impl Settings {
    /// Settings with a deadline of 10 s, answers of 16 MiB, and 8 connections that may be idle for 60 s.
    pub fn new(servers: Vec<ServerAddress>, tls: Arc<ClientConfig>) -> Settings {
        Settings {
            servers,
            tls,
            server_name: None,
            version: None,
            deadline: Duration::from_secs(10),
            maximum_response_size: 16 << 20,
            maximum_idle: Duration::from_secs(60),
            idle_connections: 8,
        }
    }
}

/// What a server told about itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ServerInfo {
    /// The versions it speaks, if it said so.
    pub versions: Vec<Version>,
    /// What it can do, if it said so.
    pub capabilities: Capabilities,
}

/// Speaks to one of several servers that hold the same objects. Blocks; may be used by several threads at once.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
}

impl Client {
    /// No connection is made before the first call.
    pub fn new(settings: Settings) -> Client {
        Client { settings }
    }

    /// Sends the requests as one batch and returns the answers in the same order.
    ///
    /// # Errors
    /// If there is no usable answer as a whole; a request that the server refuses is a [`Refusal`] in its place.
    pub fn call(&self, requests: &[Request]) -> Result<Vec<Answer>, Error> {
        self.call_within(Instant::now() + self.settings.deadline, requests)
    }

    /// Like [`Client::call`], with a deadline of the caller's.
    pub fn call_within(
        &self,
        deadline: Instant,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let _ = (deadline, requests);
        Err(ErrorKind::Malformed {
            what: "not connected yet".to_owned(),
        }
        .at(""))
    }

    /// The version in use, once it is known.
    pub fn version(&self) -> Option<Version> {
        self.settings.version
    }

    /// What the server told about itself, once it has.
    pub fn server_info(&self) -> Option<Arc<ServerInfo>> {
        None
    }
}
