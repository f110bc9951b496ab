//! `slot.kmip`: the KMIP servers behind a slot and how to reach them.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use super::complaint::{Complaint, read, read_or};
use super::duration::duration;
use super::file_path::Base;
use super::server::{Server, host_name};
use super::suggestion;
use super::syntax::{self, Text};

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

/// The servers behind a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kmip {
    /// Tried in this order; at least one.
    pub servers: Vec<Server>,
    /// Which version to speak.
    pub protocol: Protocol,
    /// How long a whole call may take: connecting, all servers, the answer. 1 ms to 10 min.
    pub deadline: Duration,
    /// How the two sides prove who they are.
    pub tls: Tls,
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

/// TLS files and names. The files may have changed since they were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file: the certificates that sign the servers'.
    pub ca: PathBuf,
    /// PEM file: our certificate and its chain.
    pub client_cert: PathBuf,
    /// PEM file: the certificate's private key.
    pub client_key: PathBuf,
    /// The name to expect in the server's certificate; the host's if `None`.
    pub server_name: Option<String>,
}

impl Kmip {
    /// `slot` is where to point if a key is missing.
    pub(super) fn read(
        written: &syntax::Kmip,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        let port = read_or(written.port.as_ref(), PORT, |number| port(*number))?;
        Ok(Self {
            servers: servers(written, port, slot.clone())?,
            protocol: read_or(written.protocol.as_ref(), Protocol::Auto, |text| {
                protocol(text)
            })?,
            deadline: read_or(written.deadline.as_ref(), DEADLINE, |text| {
                duration(text, &DEADLINES)
            })?,
            tls: Tls::read(&written.tls, slot, base)?,
        })
    }
}

impl Tls {
    fn read(written: &syntax::Tls, slot: Range<usize>, base: &Base) -> Result<Self, Complaint> {
        let path = |text: &Option<Text>, key| match text {
            Some(text) => read(text, |text| base.resolve(text)),
            None => Err(Complaint::missing(slot.clone(), key)),
        };
        let server_name = written.server_name.as_ref();
        Ok(Self {
            ca: path(&written.ca, "slot.kmip.tls.ca")?,
            client_cert: path(&written.client_cert, "slot.kmip.tls.client_cert")?,
            client_key: path(&written.client_key, "slot.kmip.tls.client_key")?,
            server_name: server_name
                .map(|name| read(name, |name| host_name(name)))
                .transpose()?,
        })
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
    let found = VERSIONS.iter().find(|(name, _)| *name == text);
    found.map(|(_, protocol)| *protocol).ok_or_else(|| {
        let question = suggestion::question(text, ["auto"]);
        format!("{text:?} is not a version of KMIP that we speak{question}")
    })
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
