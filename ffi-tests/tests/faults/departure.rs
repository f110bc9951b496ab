//! Private keys that leave a server for another token, and those that a killed registration left on it.

use std::time::SystemTime;

use ffi_tests::fake_server::Stored;
use ffi_tests::here;
use ffi_tests::keys::Keyring;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::kmip::{ObjectType, State};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{NewKey, SharedToken};

use crate::stage::{LABEL, Stage, staged};

fn token(stage: &Stage) -> SharedToken {
    let keyring = Keyring::of(&stage.configuration, LABEL, "no group");
    keyring.token().clone()
}

#[track_caller]
fn refused<T>(answer: Result<T, Error>) -> (TokenErrorKind, String) {
    match answer {
        Err(Error::Token(error)) => (error.kind, error.reason),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// This server gives every key out: it is the owner's word that counts.
#[test]
fn a_key_leaves_for_another_token_only_by_its_owners_word() {
    staged(here!(), |stage| {
        let token = token(stage);
        let web = || {
            let found = token.find().expect("a listing");
            found
                .keys
                .into_iter()
                .find(|key| key.name == "web")
                .expect("a usual key")
        };
        let mark = |extractable| {
            let id = web().id.0;
            stage.server.vault().at(&id).extractable = extractable;
        };
        for (extractable, part) in [
            (None, "does not say"),
            (Some(false), "Extractable is false"),
        ] {
            mark(extractable);
            let (kind, reason) = refused(token.export(&web()));
            assert_eq!(kind, TokenErrorKind::Denied, "{reason}");
            assert!(reason.contains(part), "{reason}");
        }
        mark(Some(true));
        let key = web();
        let private = token.export(&key).expect("its owner allows it");
        assert_eq!(private.public(), &key.public);
        // What was allowed when it was listed may not be any more.
        mark(Some(false));
        assert_eq!(refused(token.export(&key)).0, TokenErrorKind::Denied);
    });
}

/// As after a kill between the two requests: the private half alone, marked, never used.
fn left_half(stage: &Stage, private: &PrivateKey, created: i64) {
    let wanted = NewKey::new("new", KeyType::Ec(Curve::P256));
    let made = token(stage).import(private, &wanted).expect("a key");
    let mut vault = stage.server.vault();
    let half = vault.at(&made.id.0);
    (half.state, half.created) = (State::PRE_ACTIVE, created);
    half.links.clear();
    assert!(!half.said.is_empty(), "it bears the mark of its try");
    let is_its_half = |name: &String| name == "new.pub";
    vault.objects.retain(|it| !it.names.iter().any(is_its_half));
}

fn privates_called_new(stage: &Stage) -> Vec<String> {
    let vault = stage.server.vault();
    let objects = vault.objects.iter();
    let privates = objects.filter(|it| it.object_type == ObjectType::PRIVATE_KEY);
    let called = privates.filter(|it| it.names.iter().any(|name| name == "new"));
    called.map(|it| it.id.clone()).collect()
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_secs()).expect("a usual time")
}

#[test]
fn a_registration_that_was_killed_half_way_is_done_again() {
    staged(here!(), |stage| {
        let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type");
        let wanted = NewKey::new("new", private.public().key_type());
        left_half(stage, &private, now() - 60);
        let before = privates_called_new(stage);
        let made = token(stage).import(&private, &wanted).expect("a key");
        let made = vec![made.id.0];
        assert_eq!(privates_called_new(stage), made);
        assert_ne!(before, made);
    });
}

/// Its other half may be on its way.
#[test]
fn a_registration_that_has_just_begun_is_left_alone() {
    staged(here!(), |stage| {
        let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type");
        let wanted = NewKey::new("new", private.public().key_type());
        left_half(stage, &private, now() + 60);
        let before = privates_called_new(stage);
        let (_, reason) = refused(token(stage).import(&private, &wanted));
        assert!(reason.contains("try again in 10 seconds"), "{reason}");
        assert_eq!(privates_called_new(stage), before);
    });
}

/// Somebody's key, whatever became of its half.
#[track_caller]
fn is_never_removed(test: &str, change: impl FnOnce(&mut Stored)) {
    staged(test, |stage| {
        let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type");
        let wanted = NewKey::new("new", private.public().key_type());
        left_half(stage, &private, now() - 60);
        let before = privates_called_new(stage);
        change(stage.server.vault().at(before.first().expect("the half")));
        let (_, reason) = refused(token(stage).import(&private, &wanted));
        assert!(reason.contains("is there already"), "{reason}");
        assert_eq!(privates_called_new(stage), before);
    });
}

#[test]
fn a_half_that_was_in_use_is_never_removed() {
    is_never_removed(here!(), |half| half.state = State::ACTIVE);
}

#[test]
fn a_half_without_our_mark_is_never_removed() {
    is_never_removed(here!(), |half| half.said.clear());
}
