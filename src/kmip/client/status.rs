//! Status: how the servers are doing, for people who look.

use super::Client;
use super::settings::ServerAddress;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a client knows of one of its servers now.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// Which server.
    pub address: ServerAddress,
    /// Whether it serves.
    pub condition: Condition,
    /// Connections that stand or are being made.
    pub open: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// The certificate that it has shown last, in DER.
    pub certificate: Option<Arc<[u8]>>,
}

/// Whether a server serves, as far as is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Nothing speaks against it; perhaps it was never asked.
    Usable,
    /// It has failed, and is passed over if there is another.
    Skipped {
        /// Until it is tried again; zero if the next call does, or one is doing so.
        for_another: Duration,
        /// Failures in a row.
        failures: u32,
        /// The last one.
        reason: String,
    },
}

impl Client {
    /// All servers, in the order of the settings.
    pub fn status(&self) -> Vec<ServerStatus> {
        let servers = self.servers().iter().enumerate();
        let status = servers.map(|(server, address)| {
            let (open, idle) = self.pool.count(server);
            ServerStatus {
                address: address.clone(),
                condition: self.condition(server),
                open,
                idle,
                certificate: self
                    .certificates
                    .get(server)
                    .and_then(|it| it.lock().clone()),
            }
        });
        status.collect()
    }

    /// Keeps what a server has shown, if it is something else than before.
    pub(super) fn note_certificate(&self, server: usize, shown: Option<&[u8]>) {
        if let (Some(known), Some(shown)) = (self.certificates.get(server), shown) {
            let mut known = known.lock();
            if known.as_deref() != Some(shown) {
                *known = Some(shown.into());
            }
        }
    }

    fn condition(&self, server: usize) -> Condition {
        match self.group.trouble(server) {
            None => Condition::Usable,
            Some(trouble) => Condition::Skipped {
                for_another: trouble.pause_left(Instant::now()),
                failures: trouble.failures,
                reason: trouble.reason,
            },
        }
    }
}

impl fmt::Display for ServerStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            condition,
            open,
            idle,
            certificate: _,
        } = self;
        write!(
            out,
            "{address}: {condition}; {open} connections, {idle} idle"
        )
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable => out.write_str("usable"),
            Self::Skipped {
                for_another,
                failures,
                reason,
            } => {
                write!(
                    out,
                    "skipped for another {for_another:.1?} after {failures} failures (it {reason})"
                )
            }
        }
    }
}
