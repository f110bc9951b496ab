//! Keys on a server: made by it, or made here and registered where it cannot make them.

use kmip_p11::config::{self, Config};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{self, NewKey, SharedToken};

use crate::configuration::Configuration;

/// Every type of key, RSA of each size that servers make.
pub const EVERY_TYPE: [(&str, KeyType); 7] = [
    ("rsa2048", KeyType::Rsa(2048)),
    ("rsa3072", KeyType::Rsa(3072)),
    ("rsa4096", KeyType::Rsa(4096)),
    ("p256", KeyType::Ec(Curve::P256)),
    ("p384", KeyType::Ec(Curve::P384)),
    ("p521", KeyType::Ec(Curve::P521)),
    ("ed25519", KeyType::Ed25519),
];

/// The types by which OpenSSH 9.2 can log in from a token.
pub const LOGIN_TYPES: [(&str, KeyType); 4] = [
    ("rsa", KeyType::Rsa(2048)),
    ("p256", KeyType::Ec(Curve::P256)),
    ("p384", KeyType::Ec(Curve::P384)),
    ("p521", KeyType::Ec(Curve::P521)),
];

/// The administrator's view of a slot.
pub struct Keyring {
    token: SharedToken,
    group: String,
}

impl Keyring {
    /// Of the slot with that label; new keys go into that object group.
    #[track_caller]
    pub fn of(configuration: &Configuration, label: &str, group: &str) -> Self {
        Self::from(Config::load_from(configuration.path()), label, group)
    }

    /// Of that slot in the configuration that the environment names, for a body in a process of
    /// its own; new keys go into a group that the slot shows.
    #[track_caller]
    pub fn of_environment(label: &str) -> Self {
        let config = Config::load();
        let slots = config.iter().flat_map(|config| &config.slots);
        let mut slots = slots.filter(|slot| slot.label == label);
        let group = slots.find_map(|slot| slot.keys.groups.first().cloned());
        Self::from(config, label, &group.unwrap_or_default())
    }

    #[track_caller]
    fn from(config: Result<Config, config::Error>, label: &str, group: &str) -> Self {
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let mut slots = config.slots.iter();
        let slot = slots.find(|slot| slot.label == label).expect("such a slot");
        let token = token::open(slot);
        let group = group.to_owned();
        Self { token, group }
    }

    /// A key ready for use, called NAME@GROUP: the server's own where it makes such keys.
    #[track_caller]
    pub fn make(&self, name: &str, key_type: KeyType) -> Key {
        let wanted = self.wanted(name, key_type);
        match self.token.generate(&wanted) {
            Ok(key) => key,
            Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => {
                self.import(name, &PrivateKey::generate(key_type).expect("a usual type"))
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// A key that is made here and registered.
    #[track_caller]
    pub fn import(&self, name: &str, private: &PrivateKey) -> Key {
        let wanted = self.wanted(name, private.public().key_type());
        let key = self.token.import(private, &wanted);
        key.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A key that nobody may use yet.
    #[track_caller]
    pub fn make_inactive(&self, name: &str, key_type: KeyType) {
        let private = PrivateKey::generate(key_type).expect("a usual type");
        let wanted = NewKey {
            activate: false,
            ..self.wanted(name, key_type)
        };
        let made = self.token.import(&private, &wanted);
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// The only key that programs see.
    #[track_caller]
    pub fn only_key(&self) -> Key {
        let mut found = self.token.find().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.keys.len(), 1);
        found.keys.remove(0)
    }

    /// One key of each of these types, by these names.
    pub fn make_all(&self, types: &[(&str, KeyType)]) -> Vec<Key> {
        types
            .iter()
            .map(|(name, kind)| self.make(name, *kind))
            .collect()
    }

    /// The token itself, for what has no name here.
    pub fn token(&self) -> &SharedToken {
        &self.token
    }

    /// Names are unique among all keys that a user of the server sees, groups or not.
    fn wanted(&self, name: &str, key_type: KeyType) -> NewKey {
        let groups = Some(&self.group).filter(|group| !group.is_empty());
        NewKey {
            groups: groups.cloned().into_iter().collect(),
            ..NewKey::new(format!("{name}@{}", self.group), key_type)
        }
    }
}

/// A name that no other test of this run has used on a shared server.
pub fn fresh_group() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("group-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
