//! Keystores in files, as a token shows them.

mod copies;
mod faults;
mod format;
mod pins;
mod tampering;

use std::path::{Path, PathBuf};

use super::*;
use crate::config::KeyKind;
use crate::config::Keystore;
use crate::model::ml_dsa::ParameterSet;
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

/// A key in use has to be revoked first.
fn end(token: &KeystoreToken, key: &Key) {
    let why = Revocation {
        compromised: false,
        message: None,
    };
    token.revoke(key, &why).unwrap();
    token.destroy(key).unwrap();
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
    let mut types = vec![KeyType::Rsa(2048), p256, p384, p521, KeyType::Ed25519];
    types.extend(ParameterSet::ALL.map(KeyType::MlDsa));
    for (number, key_type) in types.iter().copied().enumerate() {
        let wanted = NewKey::new(format!("key {number}"), key_type);
        let made = scene.token().generate(&wanted).unwrap();
        assert_eq!(made.public.key_type(), key_type);
    }
    let filter = KeyFilter {
        types: KeyKind::ALL.to_vec(),
        ..KeyFilter::default()
    };
    let token = KeystoreToken::new("keys", &scene.config, filter);
    let found = token.find().unwrap();
    assert_eq!((found.keys.len(), found.hidden.len()), (types.len(), 0));
    for key in &found.keys {
        signs(&token, key).unwrap();
    }
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
fn a_key_lives_from_its_making_to_its_end() {
    let scene = by_file();
    let token = scene.token();
    let wanted = NewKey {
        groups: vec!["g".into()],
        activate: false,
        ..new("a")
    };
    let key = token.generate(&wanted).unwrap();
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::Denied);
    token.activate(&key).unwrap();
    signs(&token, &key).unwrap();
    assert_eq!(kind(token.activate(&key)).0, TokenErrorKind::Denied);
    token.rename(&key, "b").unwrap();
    token.present(&key, &Wish::Id(Some(vec![7]))).unwrap();
    token.present(&key, &Wish::Label(Some("c".into()))).unwrap();
    let shown = &token.find().unwrap().keys[0];
    assert_eq!((&shown.name[..], &shown.label()[..]), ("b", "c"));
    assert_eq!((&shown.key_id, &shown.groups), (&vec![7], &wanted.groups));
    token.present(&key, &Wish::Id(None)).unwrap();
    assert_eq!(token.find().unwrap().keys[0].key_id, key.public.key_id());
    let revocation = |compromised| Revocation {
        compromised,
        message: Some("left".into()),
    };
    token.revoke(&key, &revocation(false)).unwrap();
    assert_eq!(
        kind(token.revoke(&key, &revocation(false))).0,
        TokenErrorKind::Denied
    );
    token.revoke(&key, &revocation(true)).unwrap();
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::Denied);
    assert_eq!(token.find().unwrap().hidden[0].reason, "it is compromised");
    token.destroy(&key).unwrap();
    assert_eq!(kind(token.destroy(&key)).0, TokenErrorKind::Gone);
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::Gone);
}

#[test]
fn a_number_is_never_given_again() {
    let scene = by_file();
    let token = scene.token();
    let number = || {
        let key = token.generate(&new("a")).unwrap();
        let row = token.store().unwrap().key(&key.id.0).unwrap().unwrap();
        end(&token, &key);
        row.number
    };
    assert_eq!([number(), number(), number()], [1, 2, 3]);
}

#[test]
fn only_what_may_leave_leaves() {
    let scene = by_file();
    let token = scene.token();
    let kept = token.generate(&new("kept")).unwrap();
    assert_eq!(kept.custody.never_extractable, Some(true));
    assert_eq!(
        kind(token.export(&kept).map(drop)).0,
        TokenErrorKind::Denied
    );
    let wanted = NewKey {
        extractable: true,
        ..new("lent")
    };
    let lent = token.generate(&wanted).unwrap();
    let private = token.export(&lent).unwrap();
    assert_eq!(*private.public(), lent.public);
    end(&token, &lent);
    let back = token.import(&private, &new("back")).unwrap();
    assert_eq!(back.custody.never_extractable, Some(false));
    signs(&token, &back).unwrap();
}

#[test]
fn a_certificate_is_shown_with_its_key_and_goes_with_it() {
    let scene = by_file();
    let token = scene.token();
    let [key, other] = ["a", "b"].map(|name| {
        let wanted = NewKey {
            extractable: true,
            ..NewKey::new(name, KeyType::Ec(Curve::P256))
        };
        token.generate(&wanted).unwrap()
    });
    let pkcs8 = token.export(&key).unwrap().to_pkcs8().unwrap();
    let pair = rcgen::KeyPair::try_from(&pkcs8[..]).unwrap();
    let params = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
    let der = params.self_signed(&pair).unwrap().der().to_vec();
    assert_eq!(
        kind(token.certify(&other, &der)).0,
        TokenErrorKind::BadInput
    );
    assert_eq!(kind(token.certify(&key, b"x")).0, TokenErrorKind::BadInput);
    let [kept, again] = [0, 1].map(|_| token.certify(&key, &der).unwrap());
    assert_eq!(kept, again);
    let second = params.self_signed(&pair).unwrap().der().to_vec();
    let second = token.certify(&key, &second).unwrap();
    let shown = |token: &KeystoreToken| token.find().unwrap().keys[0].certificates.clone();
    assert_eq!(shown(&scene.token()), [kept.clone(), second.clone()]);
    assert_eq!(
        kind(token.uncertify(&other, &kept.id)).0,
        TokenErrorKind::Gone
    );
    token.uncertify(&key, &kept.id).unwrap();
    assert_eq!(
        kind(token.uncertify(&key, &kept.id)).0,
        TokenErrorKind::Gone
    );
    assert_eq!(shown(&token), std::slice::from_ref(&second));
    end(&token, &key);
    assert_eq!(
        kind(token.uncertify(&key, &second.id)).0,
        TokenErrorKind::Gone
    );
    assert_eq!(kind(token.certify(&key, &der)).0, TokenErrorKind::Gone);
}

#[test]
fn more_keys_than_are_kept_unsealed_sign() {
    let scene = by_file();
    let token = scene.token();
    let keys: Vec<_> = (0..70)
        .map(|number| token.generate(&new(&number.to_string())).unwrap())
        .collect();
    for key in keys.iter().chain(&keys) {
        signs(&token, key).unwrap();
    }
}

#[test]
fn what_another_process_revokes_signs_no_longer_after_a_while() {
    let scene = by_file();
    let (here, there) = (scene.token(), scene.token());
    let key = here.generate(&new("a")).unwrap();
    signs(&here, &key).unwrap();
    let revocation = Revocation {
        compromised: false,
        message: None,
    };
    there.revoke(&key, &revocation).unwrap();
    std::thread::sleep(opened::SEEN_LASTS);
    assert_eq!(kind(signs(&here, &key)).0, TokenErrorKind::Denied);
}

#[test]
fn threads_and_tokens_write_at_once() {
    let scene = by_file();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let scene = &scene;
            scope.spawn(move || {
                let token = scene.token();
                for key in 0..10 {
                    let made = token.generate(&new(&format!("{number}-{key}"))).unwrap();
                    signs(&token, &made).unwrap();
                }
            });
        }
    });
    assert_eq!(scene.token().find().unwrap().keys.len(), 80);
}

#[test]
fn a_probe_tells_what_there_is() {
    let scene = by_file();
    scene.token().generate(&new("a")).unwrap();
    let probe = scene.token().probe().unwrap();
    let fact = |name: &str| {
        probe
            .facts
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(fact("file"), scene.path().display().to_string());
    assert_eq!(
        (fact("keys"), fact("sealed by"), fact("journal")),
        ("1".into(), "file".into(), "wal".into())
    );
    assert_eq!(probe.warnings, Vec::<String>::new());
}
