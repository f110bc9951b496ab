//! What all connections of a fake server share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use kmip_p11::kmip::Version;
use rustls::ServerConfig;

use super::fault::Script;
use super::pki::Pki;
use super::tally::Counter;
use super::vault::Vault;

/// The server behind its connections.
pub struct State {
    /// The versions it speaks, the preferred one first.
    pub versions: Mutex<Vec<Version>>,
    /// Whom it lets in: a name and a password; anybody, if nobody is named.
    pub user: Option<(&'static str, &'static str)>,
    /// What goes wrong.
    pub script: Script,
    /// What was asked.
    pub counter: Counter,
    /// Where its certificates come from.
    pub pki: Arc<Pki>,
    /// TLS as it should be.
    pub tls: Arc<ServerConfig>,
    /// TLS that takes nobody's certificate.
    pub refusing_tls: Arc<ServerConfig>,
    /// The answer that was given last.
    pub last: Mutex<Vec<u8>>,
    /// The objects, which other servers may have as well.
    pub vault: Arc<Mutex<Vault>>,
    /// It ends as if its process had been killed: what was asked is done, and nobody is told.
    pub killed: AtomicBool,
}

impl State {
    /// The objects, to be looked at or changed.
    pub fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().expect("nothing panics with it")
    }

    /// The versions, to be looked at or changed.
    pub fn versions(&self) -> MutexGuard<'_, Vec<Version>> {
        self.versions.lock().expect("nothing panics with it")
    }
}
