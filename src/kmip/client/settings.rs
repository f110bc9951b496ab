//! Settings: which servers there are, and how they are to be reached.

use crate::kmip::credential::Credential;
use crate::kmip::version::Version;
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A server to connect to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServerAddress {
    /// A name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port; 5696 is KMIP's, that of [`Transport::Https`] usually 443.
    pub port: u16,
    /// How messages travel.
    pub transport: Transport,
}

/// How messages travel to a server. Always over TLS.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// One TTLV message after the other (KMIP 1.4 section 10).
    Tls,
    /// Each message is the body of a POST request (KMIP Additional Message Encodings 1.0 section 2).
    Https {
        /// The path that is posted to, from its first slash on; it may have a query.
        path: String,
        /// The form of the bodies.
        encoding: Encoding,
    },
}

/// The form of messages in HTTP bodies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Encoding {
    /// TTLV, as `application/octet-stream`.
    Ttlv,
    /// JSON, as `application/json` (KMIP Additional Message Encodings 1.0 section 4).
    Json,
}

impl ServerAddress {
    /// The port that is registered for KMIP.
    pub const KMIP_PORT: u16 = 5696;
}

/// `host:port`, or `https://host:port/path`.
impl fmt::Display for ServerAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Transport::Https { .. } = self.transport {
            out.write_str("https://")?;
        }
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(out, "{}:{}", self.host, self.port)?;
        }
        match &self.transport {
            Transport::Tls => Ok(()),
            Transport::Https { path, .. } => out.write_str(path),
        }
    }
}

/// Which of several servers a call goes to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Order {
    /// The first that serves; an earlier one again as soon as it does.
    #[default]
    Ordered,
    /// The least busy one; of several such, each in its turn.
    Balanced,
}

/// How to reach the servers. Not shown by Debug: there are secrets in it.
#[derive(Clone)]
pub struct Settings {
    /// Servers with the same objects.
    pub servers: Vec<ServerAddress>,
    /// Which of them a call goes to.
    pub order: Order,
    /// From [`crate::kmip::TlsFiles::load`].
    pub tls: Arc<ClientConfig>,
    /// The name in the servers' certificates, if it is not the host.
    pub server_name: Option<String>,
    /// Who the client is, said in every message besides its certificate.
    pub credentials: Vec<Credential>,
    /// The protocol version to use; if none, the highest that both sides speak.
    pub version: Option<Version>,
    /// How long a call may take, connecting and repeating included. Only the resolver is not bound by it.
    pub deadline: Duration,
    /// Bytes of the largest answer that is accepted.
    pub maximum_response_size: usize,
    /// How long a connection may be idle and still be used again.
    pub maximum_idle: Duration,
    /// How long a connection is used at all.
    pub maximum_age: Duration,
    /// How many connections there are at most, to all servers together; at least one.
    pub connections: usize,
    /// What is sent as `Authorization: Bearer`, to [`Transport::Https`] servers only.
    pub bearer_token: Option<Zeroizing<String>>,
}

impl Settings {
    /// Settings with a deadline of 10 s, answers of 16 MiB, and 16 connections that may be idle for 60 s
    /// and 10 minutes old, to the servers in their order.
    pub fn new(servers: Vec<ServerAddress>, tls: Arc<ClientConfig>) -> Settings {
        Settings {
            servers,
            order: Order::Ordered,
            tls,
            server_name: None,
            credentials: Vec::new(),
            version: None,
            deadline: Duration::from_secs(10),
            maximum_response_size: 16 << 20,
            maximum_idle: Duration::from_secs(60),
            maximum_age: Duration::from_secs(600),
            connections: 16,
            bearer_token: None,
        }
    }
}
