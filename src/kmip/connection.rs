//! One connection to a server: a request goes out in one write, its reply comes back, or the connection is gone.

mod channel;
mod failure;
mod http;
mod plain;
mod socket;
mod traffic;

pub(super) use traffic::Counter;
pub use traffic::Traffic;

use super::client::Transport;
use super::deadline::Deadline;
use super::error::ErrorKind;
use super::wiped::Wiped;
use channel::Channel;
use http::Https;
use rustls::ClientConfig;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where to connect, and how.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    /// The name in the server's certificate.
    pub name: &'a str,
    pub transport: &'a Transport,
    /// For HTTPS only.
    pub bearer_token: Option<&'a Zeroizing<String>>,
    pub tls: &'a Arc<ClientConfig>,
    pub counter: &'a Arc<Counter>,
}

/// A connection between two exchanges. An exchange consumes it and gives it back only if all went well.
pub(super) enum Connection {
    Plain(Box<Channel>),
    Https(Box<Https>),
}

impl Connection {
    /// Connects and shakes hands; nothing of KMIP or HTTP is sent yet.
    pub fn open(target: &Target<'_>, deadline: Deadline) -> Result<Connection, ErrorKind> {
        Ok(match target.transport {
            Transport::Tls => Connection::Plain(Box::new(Channel::open(target, deadline)?)),
            Transport::Https { path, encoding } => {
                Connection::Https(Box::new(Https::open(target, path, *encoding, deadline)?))
            }
        })
    }

    /// Sends a request in TTLV and reads the one reply, of at most `limit` bytes as it comes in; it is given back in TTLV.
    pub fn exchange(
        mut self,
        request: &[u8],
        limit: usize,
        deadline: Deadline,
    ) -> Result<(Wiped, Connection), ErrorKind> {
        let reply = match &mut self {
            Self::Plain(channel) => plain::exchange(channel, request, limit, deadline),
            Self::Https(https) => https.exchange(request, limit, deadline),
        }?;
        Ok((reply, self))
    }

    /// The certificate that the server has shown, in DER.
    pub fn server_certificate(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(channel) => channel.server_certificate(),
            Self::Https(https) => https.server_certificate(),
        }
    }

    /// Whether the connection still stands, as far as can be known without asking the server.
    pub fn is_alive(&mut self) -> bool {
        match self {
            Self::Plain(channel) => channel.is_alive(),
            Self::Https(https) => https.is_alive(),
        }
    }
}
