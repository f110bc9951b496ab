//! Objects of programs, in a keystore and in their sessions: made, copied, changed, found and destroyed.

use cryptoki_sys::*;
use ffi_tests::here;
use ffi_tests::keystore_scene::{KeystoreScene, PIN};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, Template, class};
use ffi_tests::session_objects::{Objects, number};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::crypto::verify;
use kmip_p11::model::public_key::{KeyType, PublicKey};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};

const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const ED25519: &[u8] = b"\x13\x0cedwards25519";

/// A body that works in a session of a keystore, logged in.
fn in_a_keystore(test: &str, body: impl Fn(&Module, &Session<'_>, Objects<'_>)) {
    alone(test, KeystoreScene::by_pin, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        session.login(CKU_USER, PIN).expect("a login");
        body(&module, &session, Objects::of(&module, &session));
    });
}

fn with(template: &Template, more: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> Template {
    let more = more.iter().map(|(kind, value)| (*kind, value.to_vec()));
    template.iter().cloned().chain(more).collect()
}

fn secret(key_type: CK_KEY_TYPE, value: &[u8]) -> Template {
    with(
        &class(CKO_SECRET_KEY),
        &[(CKA_KEY_TYPE, &number(key_type)), (CKA_VALUE, value)],
    )
}

const OPEN: [(CK_ATTRIBUTE_TYPE, &[u8]); 2] = [(CKA_SENSITIVE, &[0]), (CKA_EXTRACTABLE, &[1])];

#[test]
fn a_secret_key_shows_its_value_only_if_it_may() {
    in_a_keystore(here!(), |_, session, objects| {
        let template = secret(CKK_AES, &[7; 32]);
        let closed = objects.create(&template).expect("a key");
        let open = objects.create(&with(&template, &OPEN)).expect("a key");
        let value = |key| session.attribute(key, CKA_VALUE);
        assert_eq!(value(closed), Err(CKR_ATTRIBUTE_SENSITIVE));
        assert_eq!(value(open), Ok(vec![7; 32]));
        let of = |kind| session.attribute(open, kind);
        assert_eq!(of(CKA_VALUE_LEN), Ok(number(32)));
        assert_eq!(of(CKA_LOCAL), Ok(vec![0]));
        assert_eq!(
            of(CKA_KEY_GEN_MECHANISM),
            Ok(number(CK_UNAVAILABLE_INFORMATION))
        );
        assert_eq!(of(CKA_ALWAYS_SENSITIVE), Ok(vec![0]));
        let by_value = vec![(CKA_VALUE, vec![7; 32])];
        assert_eq!(session.find(&by_value), Ok(vec![open]));
        assert_eq!(objects.set(open, &vec![(CKA_SENSITIVE, vec![1])]), Ok(()));
        assert_eq!(value(open), Err(CKR_ATTRIBUTE_SENSITIVE));
        let longer = objects.copy(open, &vec![(CKA_LABEL, vec![b'x'; 99])]);
        let sizes = [open, longer.expect("a copy")].map(|it| objects.size(it).expect("a size"));
        assert_eq!(sizes[1] - sizes[0], 99);
    });
}

#[test]
fn templates_are_refused_by_the_code_of_their_fault() {
    in_a_keystore(here!(), |_, _, objects| {
        let key = secret(CKK_AES, &[7; 16]);
        let refused = |template: &Template| objects.create(template).expect_err("a refusal");
        assert_eq!(refused(&vec![]), CKR_TEMPLATE_INCOMPLETE);
        assert_eq!(refused(&class(CKO_SECRET_KEY)), CKR_TEMPLATE_INCOMPLETE);
        assert_eq!(
            refused(&secret(CKK_AES, &[7; 15])),
            CKR_ATTRIBUTE_VALUE_INVALID
        );
        assert_eq!(
            refused(&secret(CKK_DES3, &[7; 24])),
            CKR_ATTRIBUTE_VALUE_INVALID
        );
        assert_eq!(refused(&class(CKO_PROFILE)), CKR_ATTRIBUTE_VALUE_INVALID);
        for (kind, value, wanted) in [
            (CKA_TOKEN, &[1; 8][..], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_LOCAL, &[1], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_TRUSTED, &[1], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_VENDOR_DEFINED, &[1], CKR_ATTRIBUTE_TYPE_INVALID),
            (CKA_MODULUS, &[1], CKR_TEMPLATE_INCONSISTENT),
            (CKA_VALUE, &[8; 16], CKR_TEMPLATE_INCONSISTENT),
            (CKA_TOKEN, &[1], CKR_TEMPLATE_INCONSISTENT),
        ] {
            assert_eq!(refused(&with(&key, &[(kind, value)])), wanted, "{kind:#x}");
        }
    });
}

#[test]
fn changes_are_made_all_or_not_at_all() {
    in_a_keystore(here!(), |_, session, objects| {
        let key = objects.create(&secret(CKK_AES, &[7; 16])).expect("a key");
        let both = vec![(CKA_LABEL, b"new".to_vec()), (CKA_EXTRACTABLE, vec![1])];
        assert_eq!(objects.set(key, &both), Err(CKR_ATTRIBUTE_READ_ONLY));
        assert_eq!(session.attribute(key, CKA_LABEL), Ok(vec![]));
        assert_eq!(objects.set(key, &both[..1].to_vec()), Ok(()));
        assert_eq!(session.attribute(key, CKA_LABEL), Ok(b"new".to_vec()));
        let fixed = with(&secret(CKK_AES, &[7; 16]), &[(CKA_MODIFIABLE, &[0])]);
        let fixed = objects.create(&fixed).expect("a key");
        assert_eq!(
            objects.set(fixed, &both[..1].to_vec()),
            Err(CKR_ACTION_PROHIBITED)
        );
    });
}

#[test]
fn copies_are_objects_of_their_own() {
    in_a_keystore(here!(), |_, session, objects| {
        let key = objects
            .create(&with(&secret(CKK_AES, &[7; 16]), &OPEN))
            .expect("a key");
        let changes = vec![(CKA_SENSITIVE, vec![1]), (CKA_COPYABLE, vec![0])];
        let copy = objects.copy(key, &changes).expect("a copy");
        let of = |object, kind| session.attribute(object, kind);
        assert_ne!(of(key, CKA_UNIQUE_ID), of(copy, CKA_UNIQUE_ID));
        assert_eq!(of(copy, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
        assert_eq!(of(key, CKA_VALUE), Ok(vec![7; 16]));
        assert_eq!(objects.copy(copy, &vec![]), Err(CKR_ACTION_PROHIBITED));
        let back = vec![(CKA_SENSITIVE, vec![0])];
        let guarded = objects.copy(key, &changes[..1].to_vec()).expect("a copy");
        assert_eq!(objects.copy(guarded, &back), Err(CKR_ATTRIBUTE_READ_ONLY));
        assert_eq!(objects.destroy(key), Ok(()));
        assert_eq!(objects.destroy(key), Err(CKR_OBJECT_HANDLE_INVALID));
        assert!(of(copy, CKA_LABEL).is_ok());
    });
}

#[test]
fn session_objects_end_with_their_session_and_private_ones_with_the_login() {
    in_a_keystore(here!(), |module, session, objects| {
        let other = Session::open(module, module.slot(LABEL)).expect("a session");
        let theirs = Objects::of(module, &other);
        let private = objects.create(&secret(CKK_AES, &[7; 16])).expect("a key");
        let public = with(
            &class(CKO_DATA),
            &[(CKA_LABEL, b"note"), (CKA_VALUE, b"text")],
        );
        let public = theirs.create(&public).expect("an object");
        let of = |object| session.attribute(object, CKA_LABEL);
        assert_eq!(of(public), Ok(b"note".to_vec()));
        session.logout().expect("a logout");
        assert_eq!(of(private), Err(CKR_OBJECT_HANDLE_INVALID));
        assert!(of(public).is_ok());
        let again = objects.create(&secret(CKK_AES, &[7; 16]));
        assert_eq!(again, Err(CKR_USER_NOT_LOGGED_IN));
        drop(other);
        assert_eq!(of(public), Err(CKR_OBJECT_HANDLE_INVALID));
    });
}

fn made(objects: &Objects<'_>, curve: &[u8], name: &str) -> Answer<[CK_OBJECT_HANDLE; 2]> {
    let mechanism = match curve {
        P256 => CKM_EC_KEY_PAIR_GEN,
        _ => CKM_EC_EDWARDS_KEY_PAIR_GEN,
    };
    let public = with(&vec![], &[(CKA_EC_PARAMS, curve), (CKA_TOKEN, &[1])]);
    let private: [(_, &[u8]); 3] = [
        (CKA_TOKEN, &[1]),
        (CKA_LABEL, name.as_bytes()),
        (CKA_ID, b"\x01\x02"),
    ];
    objects.pair(mechanism, &public, &with(&vec![], &private))
}

#[test]
fn a_pair_in_the_token_is_made_renamed_used_and_destroyed() {
    in_a_keystore(here!(), |_, session, objects| {
        let [public, private] = made(&objects, P256, "web").expect("a pair");
        let of = |object, kind| session.attribute(object, kind).expect("it is told");
        for object in [public, private] {
            assert_eq!(of(object, CKA_ID), [1, 2]);
            assert_eq!(of(object, CKA_LABEL), b"web");
            assert_eq!(of(object, CKA_TOKEN), [1]);
        }
        assert_eq!(of(private, CKA_NEVER_EXTRACTABLE), [1]);
        let signature = session.sign(CKM_ECDSA, private, &[7; 32]);
        assert_eq!(signature.map(|it| it.len()), Ok(64));
        let other = vec![(CKA_LABEL, b"db".to_vec()), (CKA_ID, vec![3])];
        assert_eq!(objects.set(private, &other), Ok(()));
        assert_eq!(session.find(&other).map(|found| found.len()), Ok(2));
        let subject = vec![(CKA_LABEL, b"no".to_vec()), (CKA_SIGN, vec![0])];
        assert_eq!(objects.set(private, &subject), Err(CKR_ATTRIBUTE_READ_ONLY));
        assert_eq!(session.find(&other).map(|found| found.len()), Ok(2));
        assert_eq!(objects.destroy(public), Err(CKR_ACTION_PROHIBITED));
        assert_eq!(objects.copy(private, &vec![]), Err(CKR_ACTION_PROHIBITED));
        let copy = objects
            .copy(public, &vec![(CKA_TOKEN, vec![0])])
            .expect("a copy");
        assert_eq!(objects.destroy(private), Ok(()));
        assert_eq!(session.find(&vec![]), Ok(vec![copy]));
        assert_eq!(objects.destroy(private), Err(CKR_OBJECT_HANDLE_INVALID));
    });
}

#[test]
fn a_pair_of_a_session_leaves_nothing_behind() {
    in_a_keystore(here!(), |module, session, objects| {
        let public = vec![(CKA_EC_PARAMS, ED25519.to_vec())];
        let pair = objects.pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &public, &vec![]);
        let [public, private] = pair.expect("a pair");
        let of = |object, kind| session.attribute(object, kind);
        assert_eq!(of(private, CKA_LOCAL), Ok(vec![1]));
        let made = number(CKM_EC_EDWARDS_KEY_PAIR_GEN);
        assert_eq!(of(private, CKA_KEY_GEN_MECHANISM), Ok(made));
        assert_eq!(of(private, CKA_ALWAYS_SENSITIVE), Ok(vec![1]));
        assert_eq!(of(private, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
        assert_eq!(
            of(public, CKA_PUBLIC_KEY_INFO),
            of(private, CKA_PUBLIC_KEY_INFO)
        );
        let mine = vec![(CKA_TOKEN, vec![0])];
        assert_eq!(session.find(&mine).map(|all| all.len()), Ok(2));
        let later = Session::open(module, module.slot(LABEL)).expect("a session");
        assert_eq!(objects.destroy(public), Ok(()));
        assert_eq!(later.find(&mine), Ok(vec![private]));
    });
}

#[test]
fn a_private_key_of_numbers_comes_into_the_token_with_its_public_half() {
    in_a_keystore(here!(), |_, session, objects| {
        let scalar = [&[0][..], &[9; 32]].concat();
        let key: [(_, &[u8]); 6] = [
            (CKA_KEY_TYPE, &number(CKK_EC)),
            (CKA_EC_PARAMS, P256),
            (CKA_VALUE, &scalar),
            (CKA_TOKEN, &[1]),
            (CKA_LABEL, b"mail"),
            (CKA_ID, b"\x07"),
        ];
        let private = with(&class(CKO_PRIVATE_KEY), &key);
        let in_session = with(&class(CKO_PRIVATE_KEY), &key[..3]);
        let here = objects.create(&with(&in_session, &OPEN)).expect("a key");
        assert_eq!(session.attribute(here, CKA_VALUE), Ok(vec![9; 32]));
        let open = with(&private, &OPEN);
        assert_eq!(objects.create(&open), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let there = objects.create(&private).expect("a key");
        assert_eq!(session.attribute(there, CKA_ID), Ok(vec![7]));
        let signature = session.sign(CKM_ECDSA, there, &[7; 32]);
        assert_eq!(signature.map(|it| it.len()), Ok(64));
        let again = objects.create(&private);
        assert_eq!(again, Err(CKR_ATTRIBUTE_VALUE_INVALID), "the name is taken");
        let found = session.find(&with(&class(CKO_PUBLIC_KEY), &[(CKA_ID, b"\x07")]));
        let [public] = found.expect("a search")[..] else {
            panic!("one public half");
        };
        let point = session.attribute(public, CKA_EC_POINT).expect("a point");
        let public_again = with(
            &class(CKO_PUBLIC_KEY),
            &[
                (CKA_KEY_TYPE, &number(CKK_EC)),
                (CKA_EC_PARAMS, P256),
                (CKA_EC_POINT, &point),
                (CKA_TOKEN, &[1]),
            ],
        );
        assert_eq!(objects.create(&public_again), Ok(public));
        assert_eq!(objects.destroy(there), Ok(()));
        assert_eq!(
            objects.create(&public_again),
            Err(CKR_TEMPLATE_INCONSISTENT)
        );
    });
}

#[test]
fn an_rsa_key_may_come_without_its_primes() {
    in_a_keystore(here!(), |_, session, objects| {
        let key = PrivateKey::generate(KeyType::Rsa(2048)).expect("a key");
        let PublicKey::Rsa { modulus, exponent } = key.public() else {
            unreachable!()
        };
        let secrets = key.secret_numbers().expect("its numbers");
        let of = |kind| {
            secrets
                .iter()
                .find(|it| it.0 == kind)
                .expect("one")
                .1
                .as_slice()
        };
        let bare: [(CK_ATTRIBUTE_TYPE, &[u8]); 5] = [
            (CKA_KEY_TYPE, &number(CKK_RSA)),
            (CKA_MODULUS, modulus),
            (CKA_PUBLIC_EXPONENT, exponent),
            (CKA_PRIVATE_EXPONENT, of(CKA_PRIVATE_EXPONENT)),
            (CKA_SIGN, &[1]),
        ];
        let bare = with(&class(CKO_PRIVATE_KEY), &bare);
        let primes = [
            (CKA_PRIME_1, of(CKA_PRIME_1)),
            (CKA_PRIME_2, of(CKA_PRIME_2)),
        ];
        for template in [bare.clone(), with(&bare, &primes)] {
            let made = objects.create(&template).expect("a key");
            let signature = session.sign(CKM_SHA256_RSA_PKCS, made, b"m").expect("one");
            let (scheme, message) = (SignScheme::RsaPkcs1(Hash::Sha256), SignInput::Message(b"m"));
            assert!(verify(key.public(), scheme, message, &signature));
        }
        let without = bare.into_iter().filter(|it| it.0 != CKA_PUBLIC_EXPONENT);
        let refused = objects.create(&without.collect());
        assert_eq!(refused, Err(CKR_TEMPLATE_INCOMPLETE));
    });
}
