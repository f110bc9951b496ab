//! Keys that are made, changed and destroyed while the connection fails: once, and never half.

use ffi_tests::fake_server::Fault;
use ffi_tests::here;
use ffi_tests::keys::Keyring;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Error;
use kmip_p11::kmip::{Operation, State};
use kmip_p11::model::key::{Key, ObjectId};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{Half, NewKey, Revocation, Token};

use crate::alterations::unknown_status;
use crate::stage::{LABEL, Stage, staged};

const P256: KeyType = KeyType::Ec(Curve::P256);

/// Heard and carried out, but nobody answers.
const UNANSWERED: Fault = Fault::CloseAfter(0);

fn new() -> NewKey {
    NewKey::new("new", P256)
}

/// With the token, whose server fails so at the next requests for that operation.
fn failing(
    test: &str,
    operation: Operation,
    times: usize,
    fault: Fault,
    body: impl FnOnce(&Stage, &dyn Token),
) {
    staged(test, |stage| {
        let keyring = Keyring::of(&stage.configuration, LABEL, "no group");
        keyring.token().find().expect("a listing");
        stage.server.count_anew();
        let on = Fault::On(operation, Box::new(fault));
        stage.server.misbehave_times(times, on);
        body(stage, keyring.token().as_ref());
    });
}

/// How many objects bear the name of the new key, or that of its half.
fn called(stage: &Stage, name: &str) -> usize {
    let half = format!("{name}.pub");
    let vault = stage.server.vault();
    let bears = |names: &Vec<String>| names.iter().any(|it| it == name || *it == half);
    vault.objects.iter().filter(|it| bears(&it.names)).count()
}

fn asked(stage: &Stage, operation: Operation) -> usize {
    stage.server.tally().of(operation)
}

/// One pair, which can be used.
#[track_caller]
fn assert_made_once(stage: &Stage, token: &dyn Token, made: Result<Key, Error>) {
    let key = made.unwrap_or_else(|error| panic!("{error}\n{}", stage.log()));
    assert_eq!(called(stage, "new"), 2);
    let found = token.find().expect("a listing");
    assert!(found.keys.iter().any(|it| it.id == key.id), "{found:?}");
}

#[test]
fn a_pair_that_was_made_unanswered_is_taken_for_the_one_wanted() {
    failing(
        here!(),
        Operation::CREATE_KEY_PAIR,
        1,
        UNANSWERED,
        |stage, token| {
            assert_made_once(stage, token, token.generate(&new()));
            assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), 1);
        },
    );
}

#[test]
fn a_pair_that_was_made_in_time_but_told_too_late_is_taken_as_well() {
    failing(
        here!(),
        Operation::CREATE_KEY_PAIR,
        1,
        Fault::Silence,
        |stage, token| {
            assert_made_once(stage, token, token.generate(&new()));
            assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), 1);
        },
    );
}

/// Neither done nor refused, by its own word: so what there is has to tell.
const PENDING: Fault = Fault::Altered(unknown_status);

#[test]
fn a_pair_that_was_made_with_an_unknown_status_is_taken_as_well() {
    let operation = Operation::CREATE_KEY_PAIR;
    failing(here!(), operation, 1, PENDING, |stage, token| {
        assert_made_once(stage, token, token.generate(&new()));
        assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), 1);
    });
}

#[test]
fn a_change_of_an_unknown_status_is_looked_at() {
    failing(here!(), Operation::REVOKE, 1, PENDING, |stage, token| {
        let found = token.find().expect("a listing");
        let key = found.keys.iter().find(|it| it.name == "web");
        let revoked = token.revoke(key.expect("the usual key"), &REVOCATION);
        revoked.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(asked(stage, Operation::REVOKE), 1);
    });
}

#[test]
fn a_request_that_was_never_heard_is_made_once_more() {
    let unheard = Fault::CloseUnheard;
    failing(
        here!(),
        Operation::CREATE_KEY_PAIR,
        1,
        unheard,
        |stage, token| {
            assert_made_once(stage, token, token.generate(&new()));
            assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), 2);
        },
    );
}

#[test]
fn a_request_that_is_never_heard_is_made_twice_and_no_more() {
    let unheard = Fault::CloseUnheard;
    failing(
        here!(),
        Operation::CREATE_KEY_PAIR,
        9,
        unheard,
        |stage, token| {
            let error = token.generate(&new()).expect_err("never heard").to_string();
            assert!(
                error.contains("\"new\"") && error.contains("\"new.pub\""),
                "{error}"
            );
            assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), 2);
            assert_eq!(called(stage, "new"), 0);
        },
    );
}

/// A server that takes marks and keeps none: what is there after the second try is not the first's.
#[test]
fn a_server_that_forgets_marks_loses_no_key() {
    for_forgetful(here!(), Fault::CloseUnheard, 2);
}

#[test]
fn without_marks_a_pair_is_known_by_its_name() {
    for_forgetful(here!(), UNANSWERED, 1);
}

#[track_caller]
fn for_forgetful(test: &str, fault: Fault, requests: usize) {
    failing(
        test,
        Operation::CREATE_KEY_PAIR,
        1,
        fault,
        |stage, token| {
            stage.server.vault().locating.forgets_marks = true;
            assert_made_once(stage, token, token.generate(&new()));
            assert_eq!(asked(stage, Operation::CREATE_KEY_PAIR), requests);
        },
    );
}

#[track_caller]
fn registers(test: &str, unanswered: usize) {
    failing(
        test,
        Operation::REGISTER,
        unanswered,
        UNANSWERED,
        |stage, token| {
            let private = PrivateKey::generate(P256).expect("a usual type");
            assert_made_once(stage, token, token.import(&private, &new()));
            assert_eq!(asked(stage, Operation::REGISTER), 2);
        },
    );
}

#[test]
fn a_registered_private_key_that_was_not_answered_is_taken() {
    registers(here!(), 1);
}

#[test]
fn two_registered_halves_that_were_not_answered_are_taken() {
    registers(here!(), 2);
}

#[test]
fn a_registration_that_fails_half_way_leaves_nothing() {
    staged(here!(), |stage| {
        let keyring = Keyring::of(&stage.configuration, LABEL, "no group");
        keyring.token().find().expect("a listing");
        let private = PrivateKey::generate(P256).expect("a usual type");
        let register = |fault| Fault::On(Operation::REGISTER, Box::new(fault));
        stage
            .server
            .misbehave_times(1, register(Fault::Delay(std::time::Duration::ZERO)));
        stage
            .server
            .misbehave_times(9, register(Fault::CloseUnheard));
        let failed = keyring.token().import(&private, &new());
        failed.expect_err("the second half is never heard");
        assert_eq!(called(stage, "new"), 0, "{}", stage.log());
    });
}

/// A change of the key `web` at whose request the server fails so.
#[track_caller]
fn changed(
    test: &str,
    operation: Operation,
    fault: Fault,
    change: impl Fn(&dyn Token, &Key) -> Result<(), Error>,
    right: impl Fn(&Stage, &Key) -> bool,
) {
    failing(test, operation, 1, fault, |stage, token| {
        let found = token.find().expect("a listing");
        let key = found.keys.iter().find(|it| it.name == "web");
        let key = key.expect("a usual key");
        let changed = change(token, key);
        assert!(changed.is_ok(), "{operation}: {changed:?}");
        assert!(right(stage, key), "{}", stage.log());
    });
}

#[track_caller]
fn renamed(test: &str, fault: Fault) {
    let change = |token: &dyn Token, key: &Key| token.rename(key, "renamed");
    let right = |stage: &Stage, _: &Key| called(stage, "renamed") == 2;
    changed(test, Operation::MODIFY_ATTRIBUTE, fault, change, right);
}

#[track_caller]
fn revoked(test: &str, fault: Fault) {
    let change = |token: &dyn Token, key: &Key| token.revoke(key, &REVOCATION);
    let right =
        |stage: &Stage, key: &Key| stage.server.vault().at(&key.id.0).state == State::DEACTIVATED;
    changed(test, Operation::REVOKE, fault, change, right);
}

#[track_caller]
fn destroyed(test: &str, fault: Fault) {
    let change = |token: &dyn Token, key: &Key| {
        token.revoke(key, &REVOCATION)?;
        token.destroy(key)
    };
    let right = |stage: &Stage, _: &Key| called(stage, "web") == 0;
    changed(test, Operation::DESTROY, fault, change, right);
}

#[test]
fn a_name_that_was_given_unanswered_is_not_given_again() {
    renamed(here!(), UNANSWERED);
}

#[test]
fn a_name_that_was_never_heard_is_given_once_more() {
    renamed(here!(), Fault::CloseUnheard);
}

#[test]
fn a_revocation_without_an_answer_is_seen_in_the_state() {
    revoked(here!(), UNANSWERED);
}

#[test]
fn a_revocation_that_was_never_heard_is_asked_for_once_more() {
    revoked(here!(), Fault::CloseUnheard);
}

#[test]
fn a_key_that_was_destroyed_unanswered_is_gone_with_its_half() {
    destroyed(here!(), UNANSWERED);
}

#[test]
fn a_destruction_that_was_never_heard_is_asked_for_once_more() {
    destroyed(here!(), Fault::CloseUnheard);
}

const REVOCATION: Revocation = Revocation {
    compromised: false,
    message: None,
};

/// The pair that takes the place of `web`, whatever becomes of the answer.
#[track_caller]
fn rekeyed(test: &str, fault: Fault) {
    failing(test, Operation::REKEY_KEY_PAIR, 1, fault, |stage, token| {
        let found = token.find().expect("a listing");
        let old = found.keys.iter().find(|it| it.name == "web");
        let old = old.expect("a usual key");
        let new = token.rekey(old);
        let new = new.unwrap_or_else(|error| panic!("{error}\n{}", stage.log()));
        assert_eq!(
            (new.name.as_str(), new.state.to_string().as_str()),
            ("web", "active")
        );
        assert_ne!((&new.id, &new.public), (&old.id, &old.public));
        assert_eq!(called(stage, "web"), 2, "both halves of the new pair");
        assert_eq!(asked(stage, Operation::REKEY_KEY_PAIR), 1);
        let again = token.rekey(old).expect_err("it is replaced");
        assert!(again.to_string().contains(&new.id.0), "{again}");
        assert_eq!(asked(stage, Operation::REKEY_KEY_PAIR), 1);
    });
}

#[test]
fn a_pair_is_replaced() {
    rekeyed(here!(), Fault::Delay(std::time::Duration::ZERO));
}

#[test]
fn a_pair_that_was_replaced_unanswered_is_replaced_once() {
    rekeyed(here!(), UNANSWERED);
}

#[test]
fn a_pair_that_was_replaced_too_slowly_is_replaced_once() {
    rekeyed(here!(), Fault::Silence);
}

#[test]
fn a_pair_that_was_replaced_with_an_unknown_status_is_replaced_once() {
    rekeyed(here!(), PENDING);
}

#[test]
fn a_replacement_that_was_never_heard_is_not_asked_for_again() {
    let operation = Operation::REKEY_KEY_PAIR;
    failing(
        here!(),
        operation,
        1,
        Fault::CloseUnheard,
        |stage, token| {
            let found = token.find().expect("a listing");
            let key = found.keys.iter().find(|it| it.name == "web");
            let error = token.rekey(key.expect("a usual key")).expect_err("unheard");
            assert!(error.to_string().contains("key list --all"), "{error}");
            assert_eq!(asked(stage, operation), 1);
            assert_eq!(called(stage, "web"), 2, "the usual pair");
            stage.lists_again(3);
        },
    );
}

/// What a destruction has left is removed by its identifier, and nothing that is part of a key.
#[test]
fn a_half_that_is_left_can_be_removed() {
    staged(here!(), |stage| {
        let keyring = Keyring::of(&stage.configuration, LABEL, "no group");
        let token = keyring.token();
        let id = |id: &str| ObjectId(id.into());
        let remnant = |of: &str| token.remnant(&id(of)).expect("an answer");
        assert_eq!((remnant("private-1"), remnant("public-1")), (None, None));
        assert_eq!(remnant("private-99"), None);
        stage
            .server
            .vault()
            .objects
            .retain(|it| it.id != "private-1" && it.id != "public-2");
        for (left, half) in [("public-1", Half::Public), ("private-2", Half::Private)] {
            let found = remnant(left).unwrap_or_else(|| panic!("{left} is part of no key"));
            assert_eq!((&found.id.0[..], found.half), (left, half));
            token.remove(&found).expect("it is removed");
            assert!(stage.server.vault().get(left).is_none());
            assert_eq!(remnant(left), None);
        }
        assert_eq!(remnant("private-3"), None, "it is a key's");
    });
}
