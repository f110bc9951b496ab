//! The words of a token and its device, spoken to SoftHSM2 here and in a process of its own: keys that
//! arrive wrapped, and the rest of the administration.

use cryptoki_sys::*;
use ffi_tests::here;
use ffi_tests::hsm::{Configured, Hsm, PIN, in_a_process};
use ffi_tests::own_process::alone;
use kmip_p11::config::{self, Backend, Config};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::crypto::verify;
use kmip_p11::model::mechanism_call::MechanismCall;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme, digest_info};
use kmip_p11::token::hsm::device::*;
use kmip_p11::token::hsm::{Conversation, device};
use kmip_p11::token::{self, NewKey, SharedToken, Wish};

const P256: KeyType = KeyType::Ec(Curve::P256);

fn empty() -> Configured {
    let hsm = Hsm::soft();
    let slot = hsm.slot_with_pin();
    hsm.configured(&slot)
}

fn empty_in_a_process() -> Configured {
    let hsm = Hsm::soft();
    let slot = hsm.slot_with_pin() + &in_a_process("10s");
    hsm.configured(&slot)
}

fn config() -> Config {
    Config::load().expect("a configuration")
}

fn hsm() -> config::Hsm {
    match config().slots.remove(0).backend {
        Backend::Hsm(hsm) => hsm,
        other => panic!("{other:?}"),
    }
}

fn token() -> SharedToken {
    token::open(&config().slots[0])
}

fn object(reply: Result<Reply, Fault>) -> Handle {
    match reply {
        Ok(Reply::Object(handle)) => handle,
        other => panic!("{other:?}"),
    }
}

fn bytes(reply: Result<Reply, Fault>) -> Vec<u8> {
    match reply {
        Ok(Reply::Bytes(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

/// A pair that may leave, wrapped.
fn travelling(key_type: KeyType) -> NewPair {
    NewPair {
        label: "travels".into(),
        key_type,
        extractable: true,
        decrypts: false,
    }
}

/// A key leaves the module wrapped, arrives again, signs, and is gone.
fn a_wrapped_key_arrives() {
    let hsm = hsm();
    let device = Conversation::new(device(&hsm), hsm.pin);
    let wrapping_key = object(device.ask(&Request::GenerateWrappingKey {
        label: "wrapping".into(),
        id: b"w".to_vec(),
        extractable: false,
    }));
    for (key_type, scheme) in [
        (P256, SignScheme::Ecdsa(Hash::Sha256)),
        (KeyType::Rsa(2048), SignScheme::RsaPkcs1(Hash::Sha256)),
    ] {
        let made = PrivateKey::generate(key_type).expect("a key");
        let pair = travelling(key_type);
        let pkcs8 = Secret(made.to_pkcs8().expect("PKCS#8"));
        let Ok(Reply::Pair(public, private)) = device.ask(&Request::ImportPair(pkcs8, pair)) else {
            panic!("no pair of {key_type}");
        };
        let wrapped = bytes(device.ask(&Request::Wrap {
            with: wrapping_key,
            key: private,
            wrapping: Wrapping::AesKwp,
        }));
        device
            .ask(&Request::Destroy(vec![private, public]))
            .expect("destroyed");
        let arrived = object(device.ask(&Request::Unwrap {
            with: wrapping_key,
            wrapping: Wrapping::AesKwp,
            wrapped,
            into: Unwrapped::PrivateKey(key_type),
        }));
        let digest = [7; 32];
        let (number, data) = match scheme {
            SignScheme::Ecdsa(_) => (CKM_ECDSA, digest.to_vec()),
            _ => (CKM_RSA_PKCS, digest_info(Hash::Sha256, &digest)),
        };
        let sign = Request::Sign {
            key: arrived,
            mechanism: MechanismCall::plain(number),
            data,
        };
        let signature = bytes(device.ask(&sign));
        let input = SignInput::Digest(&digest);
        assert!(
            verify(made.public(), scheme, input, &signature),
            "{key_type}"
        );
        device
            .ask(&Request::Destroy(vec![arrived]))
            .expect("destroyed");
        let gone = device.ask(&sign).expect_err("it is gone");
        assert_eq!(gone.kind, FaultKind::NoSuchObject);
    }
    assert_eq!(bytes(device.ask(&Request::Random(20))).len(), 20);
}

#[test]
fn a_key_arrives_wrapped() {
    alone(here!(), empty, a_wrapped_key_arrives);
}

#[test]
fn a_key_arrives_wrapped_in_a_process_of_its_own() {
    alone(here!(), empty_in_a_process, a_wrapped_key_arrives);
}

/// The whole administration by the trait that `kmip-ssh` uses.
fn keys_are_made_named_and_destroyed() {
    let token = token();
    for key_type in [
        P256,
        KeyType::Rsa(2048),
        KeyType::Ed25519,
        KeyType::Ec(Curve::P521),
    ] {
        let made = token
            .generate(&NewKey::new("made", key_type))
            .expect("a key");
        assert_eq!((made.public.key_type(), made.key_id.len()), (key_type, 20));
        assert_eq!(made.key_id, made.public.key_id());
        assert_eq!(made.custody.never_extractable, Some(true));
        let private = PrivateKey::generate(key_type).expect("a key");
        let taken = token
            .import(&private, &NewKey::new("taken", key_type))
            .expect("a key");
        assert_eq!(&taken.public, private.public());
        for key in [&made, &taken] {
            let scheme = match key_type {
                KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha512),
                KeyType::Ec(_) => SignScheme::Ecdsa(Hash::Sha384),
                KeyType::Ed25519 => SignScheme::Ed25519,
                KeyType::MlDsa(_) => SignScheme::MlDsa,
            };
            let signed = token.sign(key, scheme, SignInput::Message(b"m"));
            assert!(signed.is_ok(), "{key_type}: {signed:?}");
        }
        token.rename(&made, "renamed").expect("another name");
        token
            .present(&made, &Wish::Id(Some(b"mine".to_vec())))
            .expect("another ID");
        let found = token.find().expect("a listing");
        let names: Vec<_> = found.keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["renamed", "taken"], "{:?}", found.hidden);
        assert_eq!(found.keys[0].key_id, b"mine");
        let told = token.describe(&found.keys[0]).expect("a description");
        assert!(
            told.iter()
                .any(|it| it.name == "CKA_EXTRACTABLE" && it.value == "false")
        );
        for key in [made, taken] {
            token.destroy(&key).expect("destroyed");
        }
        assert!(token.find().expect("a listing").keys.is_empty());
    }
    what_pkcs11_has_no_word_for_is_refused(&token);
}

fn what_pkcs11_has_no_word_for_is_refused(token: &SharedToken) {
    let states = NewKey {
        activate: false,
        ..NewKey::new("later", P256)
    };
    let refused = token.generate(&states).expect_err("no states");
    assert!(refused.to_string().contains("no states"), "{refused}");
    let key = token.generate(&NewKey::new("taken", P256)).expect("a key");
    let again = token
        .generate(&NewKey::new("taken", P256))
        .expect_err("a name in use");
    assert!(again.to_string().contains("is there already"), "{again}");
    let label = token.present(&key, &Wish::Label(Some("another".into())));
    let label = label.expect_err("one name").to_string();
    assert!(label.contains("rename"), "{label}");
    let told = token.probe().expect("a probe");
    assert!(
        told.facts
            .iter()
            .any(|(_, value)| value.contains("SoftHSM")),
        "{told:?}"
    );
}

#[test]
fn the_administration_works() {
    alone(here!(), empty, keys_are_made_named_and_destroyed);
}

#[test]
fn the_administration_works_in_a_process_of_its_own() {
    alone(
        here!(),
        empty_in_a_process,
        keys_are_made_named_and_destroyed,
    );
}

#[test]
fn a_configured_pin_that_is_wrong_is_tried_once() {
    let setup = || {
        let hsm = Hsm::soft();
        let pin = hsm.secret("pin", &format!("not {PIN}"));
        let slot = hsm.slot("hsm", &format!("hsm.pin_file = {pin:?}"));
        hsm.configured(&slot)
    };
    alone(here!(), setup, || {
        let token = token();
        for _ in 0..5 {
            let error = token.find().expect_err("a wrong PIN").to_string();
            assert!(
                error.contains("CKR_PIN_INCORRECT") && error.contains("hsm.pin_file"),
                "{error}"
            );
        }
        assert!(token.is_present());
        assert_ne!(token.info().pin_tries, token::PinTries::None);
    });
}
