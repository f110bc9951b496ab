//! Signatures that are none: whatever a server gives, no wrong one comes out of C_Sign.

use cryptoki_sys::*;
use ffi_tests::fake_server::{Fault, Forgery, Refused};
use ffi_tests::here;
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};

use crate::stage::{LABEL, MESSAGE, Stage, staged};

/// Key, mechanism and what is signed, as OpenSSH has it.
type Case = (&'static str, CK_MECHANISM_TYPE, Scheme);

const P256: Case = ("web", CKM_ECDSA, Scheme::Ecdsa("sha256"));
const RSA: Case = ("rsa", CKM_RSA_PKCS, Scheme::Rsa("sha256"));

fn attempt(stage: &Stage, case: Case) -> Result<Vec<u8>, CK_RV> {
    let (label, mechanism, _) = case;
    let session = stage.session();
    let input = match mechanism {
        CKM_RSA_PKCS => digest_info("sha256", MESSAGE),
        _ => digest("sha256", MESSAGE),
    };
    session.sign(mechanism, session.private_key(label), &input)
}

#[track_caller]
fn refused(test: &str, forgery: Forgery, case: Case) {
    staged(test, |stage| {
        stage.lists_again(3);
        stage.server.misbehave(Fault::Forged(forgery));
        assert_eq!(attempt(stage, case), Err(CKR_DEVICE_ERROR));
        blamed(stage, case);
        stage.server.behave();
        let signature = attempt(stage, case).expect("an honest signature");
        let session = stage.session();
        let key = session.private_key(case.0);
        let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a key");
        assert!(verifies(case.2, &spki, MESSAGE, &signature));
    });
}

/// The log names the slot, the server, the key and the mechanism.
#[track_caller]
fn blamed(stage: &Stage, case: Case) {
    let log = stage.log();
    let mechanism = match case.1 {
        CKM_RSA_PKCS => "RSA",
        _ => "ECDSA",
    };
    let address = stage.server.address();
    for word in [LABEL, &address, case.0, mechanism, "signature"] {
        let tells = |line: &str| line.contains(word) && line.contains("WARN");
        assert!(log.lines().any(tells), "no warning names {word:?}:\n{log}");
    }
}

#[test]
fn a_flipped_bit_in_ecdsa() {
    refused(here!(), Forgery::FlippedBit, P256);
}

#[test]
fn a_flipped_bit_in_rsa() {
    refused(here!(), Forgery::FlippedBit, RSA);
}

#[test]
fn pss_instead_of_pkcs1() {
    refused(here!(), Forgery::Pss, RSA);
}

#[test]
fn a_number_longer_than_the_curve() {
    refused(here!(), Forgery::LongNumber, P256);
}

#[test]
fn the_signature_of_another_key() {
    refused(here!(), Forgery::AnotherKey, P256);
}

#[test]
fn a_digest_that_was_hashed_again_for_rsa() {
    refused(here!(), Forgery::HashedAgain, RSA);
}

#[test]
fn a_digest_that_was_hashed_again_for_ecdsa() {
    refused(here!(), Forgery::HashedAgain, P256);
}

#[test]
fn a_megabyte_for_a_signature() {
    refused(here!(), Forgery::Endless, P256);
}

#[test]
fn no_bytes_at_all() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        stage.server.misbehave(Fault::Forged(Forgery::Empty));
        assert_eq!(attempt(stage, P256), Err(CKR_DEVICE_ERROR));
        stage.logged("no Signature Data");
        stage.server.behave();
        assert!(attempt(stage, P256).is_ok());
    });
}

/// A key that has lost its half, among keys that have not.
#[test]
fn a_key_with_the_half_of_another_spoils_no_other_key() {
    staged(here!(), |stage| {
        let stranger = stage.server.vault().at("private-2").signer.clone();
        stage.server.vault().at("private-1").signer = stranger;
        stage.lists_again(3);
        assert_eq!(attempt(stage, P256), Err(CKR_DEVICE_ERROR));
        blamed(stage, P256);
        let session = stage.session();
        stage.signs(&session, "other");
    });
}

#[test]
fn a_key_that_is_refused_spoils_no_other_key() {
    use kmip_p11::kmip::ResultReason as Reason;
    staged(here!(), |stage| {
        stage.lists_again(3);
        for reason in [Reason::INVALID_FIELD, Reason::INVALID_ATTRIBUTE_VALUE] {
            let refused = Refused::new(reason, "not with this key");
            let fault = Fault::RefusedObject("private-1".into(), refused);
            stage.server.misbehave_times(1, fault);
            assert_eq!(attempt(stage, P256), Err(CKR_MECHANISM_INVALID));
            stage.logged("not with this key");
            stage.signs(&stage.session(), "other");
        }
    });
}
