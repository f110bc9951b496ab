//! How often a request is sent: once more over a fresh connection if that does no harm, never else.

use cryptoki_sys::*;
use ffi_tests::fake_server::Fault;
use ffi_tests::here;
use ffi_tests::keys::Keyring;
use kmip_p11::kmip::Operation;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::NewKey;

use crate::stage::{LABEL, Stage, staged, timed};

#[test]
fn a_signature_is_asked_for_once_more_over_a_fresh_connection() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.server.count_anew();
        stage.server.misbehave_times(1, Fault::CloseAfter(0));
        stage.signs(&session, "web");
        let tally = stage.server.tally();
        assert_eq!((tally.of(Operation::SIGN), tally.connections), (2, 1));
    });
}

#[test]
fn a_signature_is_asked_for_twice_at_most() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.server.count_anew();
        stage.server.misbehave(Fault::CloseAfter(0));
        timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
        let tally = stage.server.tally();
        assert_eq!((tally.of(Operation::SIGN), tally.connections), (2, 1));
    });
}

#[test]
fn a_listing_is_asked_for_twice_at_most() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        // The version is known, and a connection is at hand; the keys are forgotten by time alone.
        let token = keyring(stage);
        token.token().find().expect("a listing");
        stage.server.count_anew();
        stage.server.misbehave(Fault::CloseAfter(0));
        token.token().find().expect_err("the server closes");
        let tally = stage.server.tally();
        // Three Locates in a message.
        assert_eq!((tally.of(Operation::LOCATE), tally.connections), (6, 1));
    });
}

/// The versions are asked for one by one, for servers that close on those they do not know.
#[test]
fn a_first_contact_asks_for_a_listing_once() {
    staged(here!(), |stage| {
        stage.server.misbehave(Fault::CloseAfter(0));
        timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
        let tally = stage.server.tally();
        assert_eq!((tally.of(Operation::LOCATE), tally.connections), (3, 4));
    });
}

#[test]
fn a_key_pair_is_made_once() {
    staged(here!(), |stage| {
        let keyring = keyring(stage);
        keyring.token().find().expect("a listing");
        stage.server.count_anew();
        let close = Box::new(Fault::CloseAfter(0));
        let fault = Fault::On(Operation::CREATE_KEY_PAIR, close);
        stage.server.misbehave(fault);
        let wanted = NewKey {
            activate: false,
            ..NewKey::new("new", KeyType::Ec(Curve::P256))
        };
        let made = keyring
            .token()
            .generate(&wanted)
            .expect("it was made all the same");
        assert_eq!(made.name, "new");
        assert_eq!(stage.server.tally().of(Operation::CREATE_KEY_PAIR), 1);
    });
}

#[test]
fn a_server_that_was_started_again_costs_no_error() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        {
            let session = stage.session();
            stage.signs(&session, "web");
        }
        stage.server.stop();
        stage.server.start_again();
        stage.server.count_anew();
        let session = stage.session();
        stage.signs(&session, "web");
        let tally = stage.server.tally();
        assert_eq!((tally.of(Operation::SIGN), tally.connections), (1, 1));
    });
}

fn keyring(stage: &Stage) -> Keyring {
    Keyring::of(&stage.configuration, LABEL, "no group")
}
