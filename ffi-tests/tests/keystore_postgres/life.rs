//! What is done with keys in Postgres, by one and by many at once.

use ffi_tests::configuration::Configuration;
use ffi_tests::here;
use ffi_tests::own_process::alone;
use kmip_p11::config::Config;
use kmip_p11::crypto::verify;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::key::State;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::{self, NewKey, PinTries, Revocation, Wish};

use super::place::{PIN, Place, Told, ed25519, failure, names, says};

#[test]
fn keys_of_every_type_are_made_used_changed_and_destroyed() {
    let place = Place::with_keystore();
    let token = place.token();
    let schemes = [
        (KeyType::Ed25519, SignScheme::Ed25519),
        (KeyType::Ec(Curve::P256), SignScheme::Ecdsa(Hash::Sha256)),
        (KeyType::Ec(Curve::P384), SignScheme::Ecdsa(Hash::Sha384)),
        (KeyType::Ec(Curve::P521), SignScheme::Ecdsa(Hash::Sha512)),
        (KeyType::Rsa(2048), SignScheme::RsaPkcs1(Hash::Sha256)),
    ];
    let message = SignInput::Message(b"message");
    for (number, (key_type, scheme)) in schemes.into_iter().enumerate() {
        let wanted = NewKey::new(format!("key {number}"), key_type);
        let key = token.generate(&wanted).expect("a key");
        let other = place.token();
        let found = other.find().expect("a listing").keys;
        assert_eq!(found.last().map(|it| &it.public), Some(&key.public));
        let signature = other.sign(&key, scheme, message).expect("a signature");
        assert!(verify(&key.public, scheme, message, &signature));
    }
    let key = token.generate(&ed25519("web")).expect("a key");
    token.rename(&key, "mail").expect("another name");
    let wish = Wish::Id(Some(b"mine".to_vec()));
    token.present(&key, &wish).expect("another CKA_ID");
    let found = place.token().find().expect("a listing").keys;
    let renamed = found.iter().find(|it| it.name == "mail").expect("the key");
    assert_eq!(renamed.key_id, b"mine");
    let other = token.generate(&ed25519("other")).expect("a key");
    says(
        token.present(&other, &wish),
        TokenErrorKind::BadInput,
        &["CKA_ID"],
    );
    let revocation = Revocation {
        compromised: false,
        message: None,
    };
    token.revoke(&key, &revocation).expect("an end");
    let hidden = place.token().find().expect("a listing").hidden;
    let revoked = hidden.iter().filter_map(|it| it.key.as_ref());
    let revoked: Vec<_> = revoked.map(|key| (&*key.name, key.state)).collect();
    assert_eq!(revoked, [("mail", State::Deactivated)]);
    token.destroy(&key).expect("no key");
    says(token.destroy(&key), TokenErrorKind::Gone, &["no key"]);
    assert!(place.token().find().expect("a listing").hidden.is_empty());
}

#[test]
fn of_many_who_make_the_keystore_at_once_one_does() {
    let place = Place::new();
    says(
        place.token().find(),
        TokenErrorKind::Failed,
        &["has no keystore", "kmip-ssh init"],
    );
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| place.create(None))).collect();
        let joined = threads.into_iter().map(|it| it.join().expect("no panic"));
        joined.collect::<Vec<_>>()
    });
    let (good, bad): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 7));
    for refused in bad {
        says(refused, TokenErrorKind::Denied, &["has a keystore already"]);
    }
    let version = "SELECT version FROM kmip_p11.schema_version";
    assert_eq!(place.server.sql("keys", version), "1");
    place.token().generate(&ed25519("web")).expect("a key");
}

/// The body runs in four processes of four threads.
#[test]
fn several_processes_make_and_use_keys_at_once() {
    const NAME: &str = "KMIP_P11_TEST_ALONE";
    let body = || {
        let config = Config::load().expect("a configuration");
        let token = token::open(&config.slots[0]);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let token = &token;
                scope.spawn(move || {
                    for number in 0..10 {
                        let name = format!("{}-{thread}-{number}", std::process::id());
                        let key = token.generate(&ed25519(&name)).expect("a key");
                        let message = SignInput::Message(b"m");
                        token
                            .sign(&key, SignScheme::Ed25519, message)
                            .expect("a signature");
                        token.rename(&key, &format!("{name}!")).expect("a name");
                    }
                });
            }
        });
    };
    if std::env::var_os(NAME).is_some() {
        return body();
    }
    let place = Place::with_keystore();
    let test = here!();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let text = place.text(&place.server.by_socket("alice", "keys"), &[], false);
                alone(test, || Told(Configuration::of_text(&text)), || ());
            });
        }
    });
    let names = names(&place.token());
    assert_eq!(names.len(), 160);
    assert!(names.iter().all(|name| name.ends_with('!')));
    let numbers = "SELECT count(DISTINCT number) FROM kmip_p11.keys";
    assert_eq!(place.server.sql("keys", numbers), "160");
}

#[test]
fn every_wrong_pin_is_counted_however_many_try_at_once() {
    let place = Place::new();
    place.create(Some(PIN)).expect("a keystore");
    let token = || token::open(&place.socket(&[], true));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (kind, text) = failure(token().login("wrong"));
                let refused = [TokenErrorKind::WrongPin, TokenErrorKind::PinLocked];
                assert!(refused.contains(&kind), "{text}");
            });
        }
    });
    let count = "SELECT failures FROM kmip_p11.token";
    let counted: i64 = place.server.sql("keys", count).parse().expect("a number");
    assert!((1..=3).contains(&counted), "{counted}");
    place
        .server
        .sql("keys", "UPDATE kmip_p11.token SET last_failure = 0");
    let right = token();
    right.login(PIN).expect("the right PIN");
    assert_eq!(place.server.sql("keys", count), "0");
    assert_eq!(right.info().pin_tries, PinTries::All);
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let place = Place::with_keystore();
    let later = "INSERT INTO kmip_p11.schema_version VALUES (7)";
    place.server.sql("keys", later);
    let listed = place.token().find();
    says(
        listed,
        TokenErrorKind::Failed,
        &["version 7", "later program"],
    );
}
