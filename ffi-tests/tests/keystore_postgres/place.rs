//! A server with a database for a keystore, and the slots that name it.

use std::ffi::OsString;
use std::path::Path;

use ffi_tests::configuration::Configuration;
use ffi_tests::own_process::Surroundings;
use ffi_tests::postgres_server::{PASSWORD, PostgresServer};
use ffi_tests::scratch::Scratch;
use kmip_p11::config::{Backend, Config, Keystore, Slot};
use kmip_p11::error::{Error, Result, TokenErrorKind};
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::{self, NewKey, SharedToken, keystore};

pub const PIN: &str = "correct horse";

/// A server with the database `keys`, and the files that a client needs.
pub struct Place {
    pub server: PostgresServer,
    pub scratch: Scratch,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            server: PostgresServer::new(),
            scratch: Scratch::new(),
        };
        place.server.make_database("keys");
        place.scratch.write("password", format!("{PASSWORD}\n"));
        place.scratch.write("credential", "5a".repeat(32));
        place
    }

    /// The same with an empty keystore that a credential file opens.
    pub fn with_keystore() -> Self {
        let place = Self::new();
        place.create(None).expect("a keystore");
        place
    }

    pub fn create(&self, pin: Option<&str>) -> Result {
        let slot = self.socket(&[], pin.is_some());
        keystore::create("keys", keystore_of(&slot), pin)
    }

    pub fn text(&self, connection: &str, lines: &[String], pin: bool) -> String {
        let seal = match pin {
            true => "keystore.seal = \"pin\"".to_owned(),
            false => {
                let file = self.scratch.file("credential");
                format!("keystore.seal = \"file\"\nkeystore.seal_file = {file:?}")
            }
        };
        let lines = lines.join("\n");
        format!("[[slot]]\nlabel = \"keys\"\nkeystore.postgres = {connection:?}\n{seal}\n{lines}\n")
    }

    pub fn slot(&self, connection: &str, lines: &[String], pin: bool) -> Slot {
        let text = self.text(connection, lines, pin);
        let config = Config::parse(&text, Path::new("/config.toml"));
        let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
        config.slots.into_iter().next().expect("a slot")
    }

    /// As alice, whom the server believes.
    pub fn socket(&self, lines: &[String], pin: bool) -> Slot {
        self.slot(&self.server.by_socket("alice", "keys"), lines, pin)
    }

    pub fn token(&self) -> SharedToken {
        token::open(&self.socket(&[], false))
    }

    /// One that waits a second and no longer.
    pub fn hasty_token(&self) -> SharedToken {
        let connection = self.server.by_socket("alice", "keys") + " connect_timeout=1";
        token::open(&self.slot(&connection, &[], false))
    }

    /// Cuts all connections of alice.
    pub fn cut(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'alice'";
        self.server.sql("keys", cut);
    }

    pub fn line(&self, key: &str, path: &Path) -> String {
        format!("keystore.{key} = {path:?}")
    }

    pub fn ca(&self, file: &str) -> String {
        self.line("tls.ca", &self.server.file(file))
    }

    pub fn password(&self) -> String {
        self.line("password_file", &self.scratch.file("password"))
    }
}

/// What a process of its own is told.
pub struct Told(pub Configuration);

impl Surroundings for Told {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.0.environment()
    }
}

pub fn keystore_of(slot: &Slot) -> &Keystore {
    match &slot.backend {
        Backend::Keystore(keystore) => keystore,
        other => panic!("another back end: {}", other.kind()),
    }
}

pub fn ed25519(name: &str) -> NewKey {
    NewKey::new(name, KeyType::Ed25519)
}

pub fn names(token: &SharedToken) -> Vec<String> {
    let found = token.find().expect("a listing");
    found.keys.into_iter().map(|key| key.name).collect()
}

/// Its kind, and what it says.
#[track_caller]
pub fn failure<T>(done: Result<T>) -> (TokenErrorKind, String) {
    match done.map(drop) {
        Err(Error::Token(error)) => (error.kind, error.to_string()),
        other => panic!("no failure of a token: {other:?}"),
    }
}

#[track_caller]
pub fn says(done: Result<impl Sized>, kind: TokenErrorKind, words: &[&str]) {
    let (was, text) = failure(done);
    assert_eq!(was, kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains(PASSWORD) && !text.contains('\n'), "{text}");
}
