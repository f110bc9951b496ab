//! Traffic: what went over the wire, so that tests and tools can hold us to our round trips.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Counts since the client was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// TCP connections that were established.
    pub connections: u64,
    /// Those of them that resumed a TLS session, so that no certificates were exchanged.
    pub resumed: u64,
    /// KMIP messages that were sent.
    pub requests: u64,
    /// Writes to sockets: TLS handshakes included.
    pub writes: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

/// The counts while they grow, and what else the wire has taught all connections of a client.
#[derive(Default, Debug)]
pub(in crate::kmip) struct Counter {
    /// A server of the client's fails when a TLS session is to be resumed.
    sessions_are_poison: AtomicBool,
    connections: AtomicU64,
    resumed: AtomicU64,
    requests: AtomicU64,
    writes: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counter {
    pub fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub fn resumed(&self) {
        self.resumed.fetch_add(1, Relaxed);
    }

    pub fn may_resume(&self) -> bool {
        !self.sessions_are_poison.load(Relaxed)
    }

    pub fn resume_no_more(&self) {
        self.sessions_are_poison.store(true, Relaxed);
    }

    pub fn requested(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub fn wrote(&self, bytes: usize) {
        self.writes.fetch_add(1, Relaxed);
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    pub fn read(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub fn traffic(&self) -> Traffic {
        Traffic {
            connections: self.connections.load(Relaxed),
            resumed: self.resumed.load(Relaxed),
            requests: self.requests.load(Relaxed),
            writes: self.writes.load(Relaxed),
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
        }
    }
}
