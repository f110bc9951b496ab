//! Errors: how a call to a server fails as a whole. What a server refuses of single requests is a [`Refusal`].

use super::refusal::Refusal;
use super::request::Unencodable;
use super::version::Version;
use std::fmt;
use std::io;

/// A failed call: which server, and how.
#[derive(Debug, thiserror::Error)]
#[error("server {server} {kind}")]
pub struct Error {
    /// `host:port`, or an https URL.
    pub server: String,
    /// How it failed.
    pub kind: ErrorKind,
}

/// How a call fails. The texts continue "server kmip1:5696 ...", on one line.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    /// No TCP connection.
    #[error("cannot be reached: {source}")]
    Unreachable {
        /// What the system said.
        source: io::Error,
    },
    /// Nothing was tried: the deadline passed while other calls had all connections.
    #[error(
        "was not asked: all {connections} connections are in use; raise kmip.connections, or kmip.deadline"
    )]
    Busy {
        /// How many there are.
        connections: usize,
    },
    /// The deadline passed.
    #[error("did not answer in time ({phase})")]
    Timeout {
        /// What was being waited for.
        phase: Phase,
    },
    /// The server does not accept our certificate. With TLS 1.3 this shows only when the first answer is read.
    #[error("refused the client certificate (alert {alert}); check tls.client_cert")]
    CertificateRefused {
        /// The alert in the words of RFC 8446.
        alert: String,
    },
    /// We do not accept the server's certificate.
    #[error("cannot be trusted: {reason}; check tls.ca and tls.server_name")]
    ServerNotTrusted {
        /// What is wrong with the certificate or the name.
        reason: String,
    },
    /// TLS failed otherwise.
    #[error("does not speak TLS with us: {reason}")]
    Tls {
        /// What failed.
        reason: String,
    },
    /// The connection ended.
    #[error("closed the connection ({phase}){}", because(source))]
    Closed {
        /// What was being waited for.
        phase: Phase,
        /// What the system said, if it was not a regular end.
        source: Option<io::Error>,
    },
    /// The answer cannot be understood.
    #[error("sent a malformed answer: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// The answer is to a question we did not ask.
    #[error("sent the reply to another request: {what}")]
    WrongReply {
        /// What differs.
        what: String,
    },
    /// The server refused the whole message.
    #[error("refused the whole message: {0}")]
    Refused(Refusal),
    /// HTTP 401 or 403.
    #[error(
        "refused our credentials (HTTP {status}{}); check tls.client_cert and the bearer token",
        words(what)
    )]
    CredentialsRefused {
        /// The status code.
        status: u16,
        /// The first words of the answer.
        what: String,
    },
    /// HTTP 404, 405 or 410.
    #[error("has no KMIP at the path {path} (HTTP {status}); correct the URL in kmip.servers")]
    NoSuchPath {
        /// The status code.
        status: u16,
        /// The path that was posted to.
        path: String,
    },
    /// HTTP 3xx. Requests and tokens go nowhere but where the configuration says.
    #[error(
        "sends us elsewhere (HTTP {status}{}); if it is right, write that URL into kmip.servers",
        to(location)
    )]
    Redirected {
        /// The status code.
        status: u16,
        /// Where to, if it says so.
        location: Option<String>,
    },
    /// Any other HTTP status but 200.
    #[error("answered with HTTP {status}{}", words(what))]
    HttpStatus {
        /// The status code.
        status: u16,
        /// The first words of the answer.
        what: String,
    },
    /// The bearer token or the path cannot be part of an HTTP request; nothing was sent.
    #[error("cannot be asked over HTTP: {reason}")]
    NotForHttp {
        /// What is wrong with which of them.
        reason: String,
    },
    /// There is no version of the protocol that both sides speak.
    #[error("speaks none of our KMIP versions, but {}", list(offered))]
    VersionUnsupported {
        /// What the server speaks.
        offered: Vec<Version>,
    },
    /// The answer is larger than we take.
    #[error("sent an answer of more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// So many messages went out for one call, and were answered badly, that it is no use to go on.
    #[error("gave no usable answer to {messages} messages of one call")]
    GaveUp {
        /// How many.
        messages: u32,
    },
    /// The version in use cannot express the request; nothing was sent.
    #[error("cannot be asked: {0}")]
    Unencodable(#[from] Unencodable),
}

/// What is done on a connection, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// TCP.
    Connecting,
    /// TLS.
    Handshake,
    /// The request leaves.
    Sending,
    /// Nothing of the answer is there yet.
    AwaitingReply,
    /// Some of the answer is there.
    Receiving,
}

impl Phase {
    /// What is being waited for, when so much of a reply is there.
    pub(super) fn of_reply(reply: &[u8]) -> Phase {
        match reply {
            [] => Phase::AwaitingReply,
            _ => Phase::Receiving,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connecting => "while connecting",
            Self::Handshake => "during the TLS handshake",
            Self::Sending => "while the request was sent",
            Self::AwaitingReply => "before any reply",
            Self::Receiving => "in the middle of the reply",
        })
    }
}

impl ErrorKind {
    /// Whether the way to the server failed, so that another connection or another server may do better. A gateway's word
    /// that the server behind it does not answer is such a failure.
    pub fn is_connection_failure(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Closed { .. }
                | Self::HttpStatus {
                    status: 502..=504,
                    ..
                }
        )
    }

    /// Whether a request may have been carried out although no answer says so. A message that did not leave as a whole is not;
    /// nor is one of a client that the server does not let in, even if it came together with the end of the handshake.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Timeout { phase } | Self::Closed { phase, .. } => {
                matches!(phase, Phase::AwaitingReply | Phase::Receiving)
            }
            Self::Malformed { .. } | Self::WrongReply { .. } | Self::TooLarge { .. } => true,
            Self::HttpStatus { status, .. } => *status >= 500,
            _ => false,
        }
    }

    pub(super) fn at(self, server: &str) -> Error {
        Error {
            server: server.to_owned(),
            kind: self,
        }
    }
}

impl Error {
    /// See [`ErrorKind::is_connection_failure`].
    pub fn is_connection_failure(&self) -> bool {
        self.kind.is_connection_failure()
    }
}

fn because(source: &Option<io::Error>) -> String {
    source
        .as_ref()
        .map_or_else(String::new, |error| format!(": {error}"))
}

fn words(what: &str) -> String {
    match what {
        "" => String::new(),
        what => format!(": {what}"),
    }
}

fn to(location: &Option<String>) -> String {
    location
        .as_ref()
        .map_or_else(String::new, |url| format!(", to {url}"))
}

fn list(versions: &[Version]) -> String {
    match versions {
        [] => "says of none that it does".to_owned(),
        several => several
            .iter()
            .take(Version::KNOWN.len())
            .map(Version::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
