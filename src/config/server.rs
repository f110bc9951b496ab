//! The address of a KMIP server: `host`, `host:port`, `[address]:port`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Server {
    /// Reads an address; without a port of its own it gets `default_port`.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (host, written) = split(text).ok_or_else(|| not_an_address(text))?;
        let port = written.map_or(Ok(default_port), |digits| port_of(text, digits))?;
        Ok(Self {
            host: host_name(host).map_err(|_| not_an_address(text))?,
            port,
        })
    }
}

/// A host name or an IP address.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_label =
        |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(allowed);
    let is_name = text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label);
    if is_name || text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a host name (letters, digits, \"-\" and \".\") or an IP address"
    ))
}

/// The host, and the port's digits if there are any.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return if rest.is_empty() {
            Some((host, None))
        } else {
            Some((host, Some(rest.strip_prefix(':')?)))
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn port_of(text: &str, digits: &str) -> Result<u16, String> {
    if text.contains("://") {
        return Err(not_an_address(text));
    }
    let port = digits
        .parse()
        .ok()
        .filter(|port| *port != 0 && !digits.starts_with('+'));
    port.ok_or_else(|| format!("{text:?}: the port must be a whole number from 1 to 65535"))
}

fn not_an_address(text: &str) -> String {
    match text.contains("://") {
        true => format!("{text:?} is a URL, not an address"),
        false => format!("{text:?} is not an address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        Server::parse(text, 5696).map(|server| server.to_string())
    }

    #[test]
    fn addresses_are_read() {
        for (written, meant) in [
            ("kmip1.example.org", "kmip1.example.org:5696"),
            ("kmip1.example.org:5697", "kmip1.example.org:5697"),
            ("localhost", "localhost:5696"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("[::1]:65535", "[::1]:65535"),
            ("[2001:db8::1]", "[2001:db8::1]:5696"),
            ("::1", "[::1]:5696"),
        ] {
            assert_eq!(shown(written).as_deref(), Ok(meant));
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            ":5696",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "host:x",
            "a b",
            "a..b",
            "[::1",
            "[::1]5",
            "[host]:1",
            "::1:99999",
            "https://host",
            "https://host:1",
            "user@host",
            "bücher.example",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_url_is_called_one() {
        assert_eq!(
            shown("kmip://host:5696"),
            Err("\"kmip://host:5696\" is a URL, not an address".into())
        );
    }
}
