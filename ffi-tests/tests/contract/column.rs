//! A column of the matrix: one transport and one version of a server, and a client that speaks just that.

use std::time::Duration;

use ffi_tests::kmip_server::Endpoint;
use kmip_p11::kmip::{Client, Encoding, ServerAddress, Settings, TlsFiles, Transport, Version};

/// How messages travel.
#[derive(Debug, Clone)]
pub enum Way {
    /// TTLV over TLS.
    Ttlv,
    /// TTLV over HTTPS, to this URL.
    Https(String),
    /// JSON over HTTPS, to this URL.
    Json(String),
}

impl Way {
    /// Its name in the matrix.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ttlv => "ttlv",
            Self::Https(_) => "https",
            Self::Json(_) => "json",
        }
    }

    fn address(&self, endpoint: &Endpoint) -> ServerAddress {
        let (place, transport) = match self {
            Self::Ttlv => (endpoint.address.as_str(), Transport::Tls),
            Self::Https(url) => posted(url, Encoding::Ttlv),
            Self::Json(url) => posted(url, Encoding::Json),
        };
        let (host, port) = place.rsplit_once(':').expect("host:port");
        ServerAddress {
            host: host.to_owned(),
            port: port.parse().expect("a port"),
            transport,
        }
    }
}

fn posted(url: &str, encoding: Encoding) -> (&str, Transport) {
    let rest = url.strip_prefix("https://").expect("an https URL");
    let (place, path) = rest.split_once('/').expect("a URL with a path");
    let path = format!("/{path}");
    (place, Transport::Https { path, encoding })
}

/// A client of that server; it agrees on a version itself if none is given.
pub fn client(endpoint: &Endpoint, way: &Way, version: Option<Version>) -> Client {
    let files = TlsFiles {
        ca: endpoint.ca.clone(),
        client_cert: Some(endpoint.certificate.clone()),
        client_key: Some(endpoint.key.clone()),
        ..TlsFiles::default()
    };
    let tls = files.load().expect("the files of a test server");
    let mut settings = Settings::new(vec![way.address(endpoint)], tls);
    settings.version = version;
    settings.deadline = Duration::from_secs(20);
    Client::new(settings)
}
