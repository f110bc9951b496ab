//! Keystores in files, as a token shows them.

use std::path::{Path, PathBuf};

use super::*;
use crate::config::Keystore;
use crate::model::public_key::{Curve, KeyType};

/// A keystore in a directory of its own.
struct Scene {
    directory: tempfile::TempDir,
    config: Keystore,
}

fn sealed_by(seal: impl Fn(&Path) -> Seal) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let config = Keystore {
        database: Database::Sqlite(directory.path().join("store/keys.db")),
        seal: seal(directory.path()),
    };
    create("keys", &config, Some("1234")).unwrap();
    Scene { directory, config }
}

fn by_file() -> Scene {
    sealed_by(|directory| Seal::File(directory.join("credential")))
}

impl Scene {
    fn token(&self) -> KeystoreToken {
        KeystoreToken::new("keys", &self.config, KeyFilter::default())
    }

    fn path(&self) -> PathBuf {
        match &self.config.database {
            Database::Sqlite(path) => path.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Changes the file behind the token's back.
    fn sql(&self, sql: &str) -> usize {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.execute(sql, []).unwrap()
    }
}

fn new(name: &str) -> NewKey {
    NewKey::new(name, KeyType::Ed25519)
}

fn signs(token: &KeystoreToken, key: &Key) -> Result<()> {
    let scheme = SignScheme::usual(key.public.key_type());
    let input = SignInput::Message(b"m");
    let signature = token.sign(key, scheme, input)?;
    assert!(crate::crypto::verify(
        &key.public,
        scheme,
        input,
        &signature
    ));
    Ok(())
}

fn kind<T: std::fmt::Debug>(answer: Result<T>) -> (TokenErrorKind, String) {
    match answer.unwrap_err() {
        Error::Token(error) => (error.kind, error.reason),
        other => panic!("{other}"),
    }
}

#[test]
fn every_type_of_key_is_made_found_and_signs_in_another_process() {
    let scene = by_file();
    let [p256, p384, p521] = Curve::ALL.map(KeyType::Ec);
    let types = [KeyType::Rsa(2048), p256, p384, p521, KeyType::Ed25519];
    for (number, key_type) in types.into_iter().enumerate() {
        let wanted = NewKey::new(format!("key {number}"), key_type);
        let made = scene.token().generate(&wanted).unwrap();
        assert_eq!(made.public.key_type(), key_type);
    }
    let token = scene.token();
    let found = token.find().unwrap();
    assert_eq!((found.keys.len(), found.hidden.len()), (types.len(), 0));
    for key in &found.keys {
        signs(&token, key).unwrap();
    }
}

#[test]
fn a_pin_opens_and_a_wrong_one_does_not() {
    let scene = sealed_by(|_| Seal::Pin);
    let token = scene.token();
    assert!(token.info().login_required && token.info().public_is_open);
    assert_eq!(
        kind(token.generate(&new("a"))).0,
        TokenErrorKind::LoginRequired
    );
    assert_eq!(kind(token.login("1235")).0, TokenErrorKind::WrongPin);
    assert_eq!(token.info().pin_tries, PinTries::Fewer);
    token.login("1234").unwrap();
    assert_eq!(token.info().pin_tries, PinTries::All);
    let key = token.generate(&new("a")).unwrap();
    signs(&token, &key).unwrap();
    token.logout();
    assert_eq!(token.find().unwrap().keys, std::slice::from_ref(&key));
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::LoginRequired);
}

#[test]
fn there_is_no_second_keystore_in_one_place() {
    let scene = by_file();
    let key = scene.token().generate(&new("a")).unwrap();
    let (kind, reason) = kind(create("keys", &scene.config, None));
    assert_eq!(kind, TokenErrorKind::Denied);
    assert!(reason.contains("keys.db already"), "{reason}");
    signs(&scene.token(), &key).unwrap();
}

#[test]
fn what_is_made_is_for_us_alone() {
    use std::os::unix::fs::MetadataExt;
    let scene = by_file();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(scene.path()), 0o600);
    assert_eq!(mode(scene.path().parent().unwrap().into()), 0o700);
    assert_eq!(mode(scene.directory.path().join("credential")), 0o600);
}

#[test]
fn rows_cannot_be_swapped() {
    let scene = by_file();
    let keys = ["a", "b"].map(|name| scene.token().generate(&new(name)).unwrap());
    scene.sql("UPDATE keys SET name = 'c', sealed = (SELECT sealed FROM keys WHERE name = 'b') WHERE name = 'a'");
    scene.sql("UPDATE keys SET label = 'a' WHERE name = 'b'");
    for key in &keys {
        let (kind, reason) = kind(signs(&scene.token(), key));
        assert_eq!(kind, TokenErrorKind::Failed);
        assert!(reason.contains("altered"), "{reason}");
    }
}
