//! The address of a KMIP server: `host`, `host:port`, `[address]:port` or `https://host:port/path`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The port of a URL that names none.
const HTTPS_PORT: u16 = 443;

/// Where KMIP is posted to if a URL says nothing of it, by the profiles of KMIP for HTTPS.
const KMIP_PATH: &str = "/kmip";

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Of an https URL: its path, with the leading slash and the query if any. None: TTLV over TLS.
    pub path: Option<String>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_some() {
            f.write_str("https://")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port)?,
            false => write!(f, "{}:{}", self.host, self.port)?,
        }
        f.write_str(self.path.as_deref().unwrap_or_default())
    }
}

impl Server {
    /// Reads an address or an https URL; an address without a port of its own gets `default_port`.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let scheme = |scheme: &str| {
            text.get(..scheme.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
        };
        if scheme("http://") {
            return Err(format!(
                "{text:?}: passwords and keys would travel in the clear; only https:// is spoken"
            ));
        }
        match scheme("https://") {
            true => Self::of_url(text, text.get("https://".len()..).unwrap_or_default()),
            false => Self::of_address(text, text, default_port),
        }
    }

    /// `rest` is what stands behind the scheme.
    fn of_url(text: &str, rest: &str) -> Result<Self, String> {
        let (address, path) = match rest.find(['/', '?', '#']) {
            Some(end) => rest.split_at(end),
            None => (rest, KMIP_PATH),
        };
        Ok(Self {
            path: Some(url_path(text, path)?),
            ..Self::of_address(text, address, HTTPS_PORT)?
        })
    }

    fn of_address(text: &str, address: &str, default_port: u16) -> Result<Self, String> {
        let (host, written) = split(address).ok_or_else(|| not_an_address(text))?;
        let port = written.map_or(Ok(default_port), |digits| port_of(text, digits))?;
        Ok(Self {
            host: host_name(host).map_err(|_| not_an_address(text))?,
            port,
            path: None,
        })
    }
}

/// A path goes into the first line of a request as it is, so nothing may end or split that line.
fn url_path(text: &str, path: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '<' | '>' | '\\');
    if path.starts_with('/') && path.chars().all(plain) {
        return Ok(path.to_owned());
    }
    Err(format!(
        "{text:?}: the path must begin with \"/\" and be of letters, digits and the other characters of URLs, \
         without \"#\""
    ))
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
    if text.contains("://") && digits.starts_with("//") {
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
        true => format!("{text:?} is not an https URL of a server"),
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
            "https://",
            "https://host:0/kmip",
            "https://user@host/kmip",
            "https://host/kmip#x",
            "https://host?x",
            "https://host/a b",
            "https://host/\r\nx",
            "user@host",
            "bücher.example",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn https_urls_are_read() {
        for (written, meant) in [
            (
                "https://kms.example.org",
                "https://kms.example.org:443/kmip",
            ),
            ("https://kms:9998/kmip/2_1", "https://kms:9998/kmip/2_1"),
            ("HTTPS://[::1]:1/", "https://[::1]:1/"),
            ("https://kms/k?tenant=a", "https://kms:443/k?tenant=a"),
        ] {
            assert_eq!(shown(written).as_deref(), Ok(meant));
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        assert_eq!(
            shown("kmip://host:5696"),
            Err("\"kmip://host:5696\" is not an https URL of a server".into())
        );
        assert!(
            shown("http://host/kmip")
                .unwrap_err()
                .contains("in the clear")
        );
    }
}
