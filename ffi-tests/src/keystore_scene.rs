//! A keystore of a test's own: its files, the configuration that names it, and a user of it.

use std::ffi::OsString;
use std::path::PathBuf;

use kmip_p11::config::{Backend, Config, Keystore};
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::keystore::create;
use kmip_p11::token::{self, NewKey, SharedToken};

use crate::configuration::Configuration;
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::scene::LABEL;
use crate::scratch::Scratch;

/// What opens those that are sealed by a PIN.
pub const PIN: &str = "open sesame";

/// A keystore, made but for its keys.
pub struct KeystoreScene {
    /// The configuration with its slot.
    pub configuration: Configuration,
    /// Where its files are.
    pub files: Scratch,
    pin: Option<&'static str>,
}

impl KeystoreScene {
    /// Sealed by [`PIN`].
    pub fn by_pin() -> Self {
        Self::new(Some(PIN), "keystore.seal = \"pin\"")
    }

    /// Sealed by a credential file.
    pub fn by_file() -> Self {
        let lines = "keystore.seal = \"file\"\nkeystore.seal_file = \"FILES/credential\"";
        Self::new(None, lines)
    }

    /// With these lines about its seal, in which FILES stands for the directory of its files.
    pub fn new(pin: Option<&'static str>, lines: &str) -> Self {
        let files = Scratch::new();
        let text = format!(
            "[log]\nlevel = \"debug\"\ntarget = \"FILES/log\"\n[[slot]]\nlabel = {LABEL:?}\n\
             keystore.path = \"FILES/keystore.db\"\n{lines}\n"
        );
        let text = text.replace("FILES", &files.path().display().to_string());
        let scene = Self {
            configuration: Configuration::of_text(&text),
            files,
            pin,
        };
        create(LABEL, &scene.config(), pin).unwrap_or_else(|error| panic!("{error}"));
        scene
    }

    /// What the configuration says of it.
    pub fn config(&self) -> Keystore {
        match self.slot().backend {
            Backend::Keystore(keystore) => keystore,
            other => panic!("{other:?}"),
        }
    }

    fn slot(&self) -> kmip_p11::config::Slot {
        let config = Config::load_from(self.configuration.path());
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        config.slots.into_iter().next().expect("one slot")
    }

    /// Its database.
    pub fn path(&self) -> PathBuf {
        self.files.file("keystore.db")
    }

    /// The opened token in this process, which must not load the library as well: two SQLite in one
    /// process would take each other's locks away.
    pub fn token(&self) -> SharedToken {
        let token = token::open(&self.slot());
        if let Some(pin) = self.pin {
            token.login(pin).unwrap_or_else(|error| panic!("{error}"));
        }
        token
    }

    /// The same with these keys in it.
    pub fn with(self, types: &[(&str, KeyType)]) -> Self {
        let token = self.token();
        for (name, key_type) in types {
            let made = token.generate(&NewKey::new(*name, *key_type));
            made.unwrap_or_else(|error| panic!("{error}"));
        }
        self
    }

    /// The keys that it shows.
    pub fn keys(&self) -> Vec<Key> {
        let found = self.token().find();
        found.unwrap_or_else(|error| panic!("{error}")).keys
    }

    /// What the library has logged so far.
    pub fn log(&self) -> String {
        self.files.read("log")
    }

    /// Somebody whose OpenSSH uses it, and who types this if he is asked.
    pub fn user(&self, pin: &str) -> User {
        User::of(&self.configuration).answering(pin)
    }
}

impl Surroundings for KeystoreScene {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}
