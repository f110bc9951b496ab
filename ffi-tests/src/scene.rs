//! The usual scene of a test: a slot on a server, for keys of this test alone, and a user of it.

use std::ffi::OsString;

use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::KeyType;

use crate::configuration::{Configuration, SlotEntry};
use crate::keys::{Keyring, fresh_group};
use crate::kmip_server::{KmipServer, ServerKind, certificates};
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::scratch::Scratch;

/// The label of the usual slot.
pub const LABEL: &str = "ssh keys";

/// A slot that shows the keys of one object group.
pub struct Scene {
    /// The configuration with that slot.
    pub configuration: Configuration,
    /// Whoever makes the keys.
    pub keyring: Keyring,
    /// The object group.
    pub group: String,
    slot: SlotEntry,
}

impl Scene {
    /// On the server that the whole test program shares.
    pub fn on(kind: ServerKind) -> Self {
        Self::at(kind.shared(), kind)
    }

    /// On a server of the test's own. PyKMIP cannot sign what OpenSSH needs signed, so there the
    /// slot lets keys be used locally.
    pub fn at(server: &KmipServer, kind: ServerKind) -> Self {
        Self::of(server, |slot| match kind.signs_digests() {
            true => slot,
            false => slot.local_use(),
        })
    }

    /// With a slot of the caller's making.
    pub fn of(server: &KmipServer, adapt: impl FnOnce(SlotEntry) -> SlotEntry) -> Self {
        let group = fresh_group();
        let slot = SlotEntry::new(LABEL, server.endpoint("alice")).group(&group);
        let slot = adapt(slot);
        let configuration = Configuration::new(std::slice::from_ref(&slot));
        let keyring = Keyring::of(&configuration, LABEL, &group);
        Self {
            configuration,
            keyring,
            group,
            slot,
        }
    }

    /// With these keys in it.
    pub fn with(self, types: &[(&str, KeyType)]) -> Self {
        self.keyring.make_all(types);
        self
    }

    /// The slot, for a configuration that has it among others or narrows it.
    pub fn slot(&self) -> SlotEntry {
        self.slot.clone()
    }

    /// Makes a key.
    pub fn make(&self, name: &str, key_type: KeyType) -> Key {
        self.keyring.make(name, key_type)
    }

    /// Somebody whose OpenSSH uses that slot.
    pub fn user(&self) -> User {
        User::of(&self.configuration)
    }
}

impl Surroundings for Scene {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}

/// A slot whose server nobody is: what needs no server must work all the same.
pub struct NoServer {
    /// The configuration with that slot.
    pub configuration: Configuration,
    _certificates: Scratch,
}

impl Default for NoServer {
    fn default() -> Self {
        Self::new()
    }
}

impl NoServer {
    /// A slot called "nobody".
    pub fn new() -> Self {
        let files = Scratch::new();
        let endpoint = certificates(&files, "127.0.0.1:1");
        Self {
            configuration: Configuration::new(&[SlotEntry::new("nobody", endpoint)]),
            _certificates: files,
        }
    }
}

impl Surroundings for NoServer {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}
