//! `slot.kmip`: the KMIP servers behind a slot and how to reach them.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::choice::choice;
use super::complaint::{Complaint, read, read_or};
use super::connections::Connections;
use super::contradiction;
use super::credentials::Credentials;
use super::duration::duration;
use super::file_path::Base;
use super::server::Server;
use super::syntax;
use super::tls::Tls;

/// The port that IANA has given to KMIP.
const PORT: u16 = 5696;

/// Long enough for a distant server, and far below the two minutes that sshd gives a login.
const DEADLINE: Duration = Duration::from_secs(5);

const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

const VERSIONS: [(&str, Protocol); 8] = [
    ("auto", Protocol::Auto),
    ("1.0", Protocol::Version { major: 1, minor: 0 }),
    ("1.1", Protocol::Version { major: 1, minor: 1 }),
    ("1.2", Protocol::Version { major: 1, minor: 2 }),
    ("1.3", Protocol::Version { major: 1, minor: 3 }),
    ("1.4", Protocol::Version { major: 1, minor: 4 }),
    ("2.0", Protocol::Version { major: 2, minor: 0 }),
    ("2.1", Protocol::Version { major: 2, minor: 1 }),
];

const ORDERS: [(&str, Order); 2] = [("ordered", Order::Ordered), ("balanced", Order::Balanced)];

const ENCODINGS: [(&str, Encoding); 2] = [("ttlv", Encoding::Ttlv), ("json", Encoding::Json)];

const PINS: [(&str, Pin); 3] = [
    ("password", Pin::Password),
    ("token", Pin::Token),
    ("key_passphrase", Pin::KeyPassphrase),
];

/// The servers behind a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kmip {
    /// Servers with the same objects; at least one.
    pub servers: Vec<Server>,
    /// Which of them are used.
    pub order: Order,
    /// The form of messages to https servers.
    pub encoding: Encoding,
    /// Which version to speak.
    pub protocol: Protocol,
    /// How long a whole call may take: connecting, all servers, the answer. 1 ms to 10 min.
    pub deadline: Duration,
    /// How many connections there are, and for how long.
    pub connections: Connections,
    /// How the two sides of a connection prove who they are.
    pub tls: Tls,
    /// What else proves who we are.
    pub credentials: Credentials,
    /// What the PIN is; if none, no login is required.
    pub pin: Option<Pin>,
}

/// Which KMIP version to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The highest that both sides know.
    #[default]
    Auto,
    /// This one only.
    Version {
        /// 1 or 2.
        major: u8,
        /// 0 to 4.
        minor: u8,
    },
}

/// How several servers are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first that works.
    #[default]
    Ordered,
    /// All that work, in turn.
    Balanced,
}

/// The form of the messages of https servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Binary, as over plain TLS.
    #[default]
    Ttlv,
    /// JSON.
    Json,
}

/// What the PIN of `C_Login` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// The password of `kmip.username`.
    Password,
    /// The bearer token.
    Token,
    /// The passphrase of `kmip.tls.client_key`.
    KeyPassphrase,
}

impl Kmip {
    /// `slot` is where to point if a key is missing.
    pub(super) fn read(
        written: &syntax::Kmip,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        let port = read_or(written.port.as_ref(), PORT, |number| port(*number))?;
        let servers = servers(written, port, slot.clone())?;
        let encoding = read_or(written.encoding.as_ref(), Encoding::Ttlv, |text| {
            choice(text, &ENCODINGS, "an encoding")
        })?;
        let pin = written.pin.as_ref().map(|pin| {
            let pin_of = |text: &String| choice(text, &PINS, "a secret that a PIN can be");
            read(pin, pin_of)
        });
        let pin = pin.transpose()?;
        let kmip = Self {
            order: read_or(written.order.as_ref(), Order::Ordered, |text| {
                choice(text, &ORDERS, "known")
            })?,
            protocol: read_or(written.protocol.as_ref(), Protocol::Auto, |text| {
                protocol(text)
            })?,
            deadline: read_or(written.deadline.as_ref(), DEADLINE, |text| {
                duration(text, &DEADLINES)
            })?,
            connections: Connections::read(written)?,
            tls: Tls::read(&written.tls, slot.clone(), base)?,
            credentials: Credentials::read(written, base)?,
            servers,
            encoding,
            pin,
        };
        kmip.check(written, slot)?;
        Ok(kmip)
    }

    fn check(&self, written: &syntax::Kmip, place: Range<usize>) -> Result<(), Complaint> {
        contradiction::Slot {
            written,
            servers: &self.servers,
            encoding: self.encoding,
            pin: self.pin,
            place,
        }
        .check()
    }
}

fn servers(
    written: &syntax::Kmip,
    port: u16,
    slot: Range<usize>,
) -> Result<Vec<Server>, Complaint> {
    const KEY: &str = "slot.kmip.servers";
    let list = written
        .servers
        .as_ref()
        .ok_or_else(|| Complaint::missing(slot, KEY))?;
    if list.get_ref().is_empty() {
        return Err(Complaint::about(list, "no server is named"));
    }
    list.get_ref()
        .iter()
        .map(|text| read(text, |text| Server::parse(text, port)))
        .collect()
}

fn port(number: i64) -> Result<u16, String> {
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("{number} is not a port"))
}

fn protocol(text: &str) -> Result<Protocol, String> {
    choice(text, &VERSIONS, "a version of KMIP that we speak")
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Version { major, minor } => write!(f, "{major}.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_range() {
        assert_eq!(port(1), Ok(1));
        assert_eq!(port(65535), Ok(65535));
        for number in [0, -1, 65536, i64::MAX] {
            assert!(port(number).is_err(), "{number}");
        }
    }

    #[test]
    fn versions_show_as_they_are_written() {
        for (name, version) in VERSIONS {
            assert_eq!(protocol(name), Ok(version));
            assert_eq!(version.to_string(), name);
        }
        assert!(protocol("1.5").is_err());
        assert!(
            protocol("Auto")
                .unwrap_err()
                .contains("did you mean \"auto\"?")
        );
    }
}
