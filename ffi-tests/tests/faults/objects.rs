//! One bad object among good ones: it is left out with its reason, and hides none of the others.

use cryptoki_sys::*;
use ffi_tests::fake_server::{FakeServer, Fault, Refused, Vault};
use ffi_tests::here;
use kmip_p11::kmip::{CryptographicAlgorithm, Operation, ResultReason, State};

use crate::stage::{Stage, staged_at, usual};

/// The usual keys and a fourth, `private-4` and `public-4`, with something wrong.
#[track_caller]
fn left_out(test: &str, spoil: fn(&mut Vault), fault: Option<Fault>, reason: &str) {
    let plan = || {
        FakeServer::with(|vault| {
            usual(vault);
            usual(vault);
            vault.objects.truncate(8);
            for half in ["private-4", "public-4"] {
                vault.at(half).names = vec!["bad".into()];
            }
            spoil(vault);
        })
    };
    staged_at(test, plan, |stage| {
        fault.into_iter().for_each(|f| stage.server.misbehave(f));
        assert_eq!(stage.listing(), Ok(3), "{}", stage.log());
        let session = stage.session();
        stage.signs(&session, "web");
        assert!(stage.log().contains(reason), "{}", stage.log());
    });
}

fn refusal(reason: ResultReason) -> Refused {
    Refused::new(reason, "not this one")
}

#[test]
fn a_public_key_that_cannot_be_parsed() {
    let spoil = |vault: &mut Vault| vault.at("public-4").value = b"garbage".to_vec();
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

#[test]
fn a_public_key_without_bytes() {
    let spoil = |vault: &mut Vault| vault.at("public-4").value.clear();
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

#[test]
fn a_curve_that_ssh_has_not() {
    let spoil = |vault: &mut Vault| vault.at("public-4").value = secp256k1();
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

#[test]
fn a_private_key_whose_attributes_are_refused() {
    let fault = Fault::RefusedObject("private-4".into(), refusal(ResultReason::PERMISSION_DENIED));
    left_out(here!(), |_| (), Some(fault), "not this one");
}

#[test]
fn a_public_key_that_is_refused() {
    let fault = Fault::RefusedObject("public-4".into(), refusal(ResultReason::GENERAL_FAILURE));
    left_out(here!(), |_| (), Some(fault), "not this one");
}

#[test]
fn a_key_that_is_not_active() {
    let spoil = |vault: &mut Vault| vault.at("private-4").state = State::COMPROMISED;
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

#[test]
fn a_key_of_two_algorithms() {
    let spoil = |vault: &mut Vault| {
        vault.at("private-4").algorithm = CryptographicAlgorithm::RSA;
    };
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

#[test]
fn a_link_that_leads_nowhere() {
    let spoil = |vault: &mut Vault| {
        vault.objects.retain(|object| object.id != "public-4");
    };
    left_out(here!(), spoil, None, "object private-4 is not shown");
}

/// A server that takes only small batches is asked in smaller ones.
#[test]
fn a_server_that_refuses_large_messages_is_asked_in_halves() {
    let plan = || {
        FakeServer::with(|vault| {
            vault.pairs(20);
        })
    };
    staged_at(here!(), plan, |stage: &Stage| {
        let refused = refusal(ResultReason::RESPONSE_TOO_LARGE);
        stage.server.misbehave(Fault::NoMoreThan(7, refused));
        assert_eq!(stage.listing(), Ok(20), "{}", stage.log());
        let session = stage.session();
        stage.signs(&session, "key-007");
    });
}

#[test]
fn a_refused_listing_is_an_error_and_not_an_empty_list() {
    let plan = || FakeServer::with(usual);
    staged_at(here!(), plan, |stage: &Stage| {
        let refused = refusal(ResultReason::PERMISSION_DENIED);
        stage.server.misbehave(Fault::RefusedMessage(refused));
        let code = stage.listing().expect_err("an error");
        assert_eq!(code, CKR_DEVICE_ERROR, "{code:#x}");
        stage.logged("not this one");
    });
}

/// The server lists its keys, and then answers so to every message that asks for that.
fn listed_but(test: &str, operation: Operation, reason: ResultReason, body: fn(&Stage)) {
    let plan = || FakeServer::with(usual);
    staged_at(test, plan, |stage: &Stage| {
        let refused = Box::new(Fault::RefusedMessage(refusal(reason)));
        stage.server.misbehave(Fault::On(operation, refused));
        body(stage);
    });
}

#[track_caller]
fn has_failed(stage: &Stage) {
    assert_eq!(stage.listing(), Err(CKR_DEVICE_ERROR), "{}", stage.log());
    stage.logged("not this one");
    stage.server.behave();
    stage.lists_again(3);
}

#[test]
fn a_server_that_describes_none_of_its_keys_has_failed() {
    let failure = ResultReason::GENERAL_FAILURE;
    listed_but(here!(), Operation::GET_ATTRIBUTES, failure, has_failed);
}

#[test]
fn a_server_that_gives_none_of_its_public_keys_has_failed() {
    let failure = ResultReason::GENERAL_FAILURE;
    listed_but(here!(), Operation::GET, failure, has_failed);
}

#[test]
fn a_server_that_takes_no_message_about_its_keys_has_failed() {
    let invalid = ResultReason::INVALID_MESSAGE;
    listed_but(here!(), Operation::GET_ATTRIBUTES, invalid, has_failed);
}

/// Who may see that there are keys, and nothing else, has no keys here.
#[test]
fn keys_that_are_all_denied_are_no_failure() {
    let denied = ResultReason::PERMISSION_DENIED;
    listed_but(here!(), Operation::GET_ATTRIBUTES, denied, |stage| {
        assert_eq!(stage.listing(), Ok(0), "{}", stage.log());
        assert!(stage.log().contains("not this one"), "{}", stage.log());
    });
}

/// The SubjectPublicKeyInfo of secp256k1's base point (SEC 2, 2.4.1).
fn secp256k1() -> Vec<u8> {
    let mut spki = vec![0x30, 0x56, 0x30, 0x10, 6, 7];
    spki.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
    spki.extend([6, 5, 0x2b, 0x81, 4, 0, 0x0a, 3, 0x42, 0, 4]);
    spki.extend(0x79be_667e_f9dc_bbac_55a0_6295_ce87_0b07_u128.to_be_bytes());
    spki.extend(0x029b_fcdb_2dce_28d9_59f2_815b_16f8_1798_u128.to_be_bytes());
    spki.extend(0x483a_da77_26a3_c465_5da4_fbfc_0e11_08a8_u128.to_be_bytes());
    spki.extend(0xfd17_b448_a685_5419_9c47_d08f_fb10_d4b8_u128.to_be_bytes());
    spki
}
