//! ML-DSA: another implementation agrees with ours, programs sign by `CKM_ML_DSA`, and OpenSSH is not disturbed.

use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::configuration::Configuration;
use ffi_tests::here;
use ffi_tests::keys::Keyring;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::ml_dsa::{made, verifies, verifies_in};
use ffi_tests::module::{Answer, Module};
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::own_process::alone;
use ffi_tests::place::{Furnished, Kind};
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, class};
use kmip_p11::crypto::private_key::{PrivateKey, PrivateKeyError};
use kmip_p11::crypto::verify;
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};
use kmip_p11::model::signature::{SignInput, SignScheme};

const MESSAGE: &[u8] = b"a message";

const KEYS: [(&str, KeyType); 4] = [
    ("p256", KeyType::Ec(Curve::P256)),
    ("44", KeyType::MlDsa(ParameterSet::MlDsa44)),
    ("65", KeyType::MlDsa(ParameterSet::MlDsa65)),
    ("87", KeyType::MlDsa(ParameterSet::MlDsa87)),
];

/// A keystore with these keys, which shows what OpenSSH knows.
fn silent() -> KeystoreScene {
    KeystoreScene::by_file().with(&KEYS)
}

/// The same, which shows all of them.
fn open() -> KeystoreScene {
    let lines = "keystore.seal = \"file\"\nkeystore.seal_file = \"FILES/credential\"\n\
                 keys.types = [\"ecdsa-p256\", \"ml-dsa-44\", \"ml-dsa-65\", \"ml-dsa-87\"]";
    KeystoreScene::new(None, lines).with(&KEYS)
}

/// A DER value.
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).expect("not that long");
    let [high, low] = length.to_be_bytes();
    [&[tag, 0x82, high, low], contents].concat()
}

/// In DER as short as it has to be.
fn short(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).expect("a short value");
    assert!(length < 0x80);
    [&[tag, length], contents].concat()
}

/// A PrivateKeyInfo (RFC 5958) with that in its OCTET STRING.
fn pkcs8(set: ParameterSet, inner: &[u8]) -> Vec<u8> {
    let last = 0x10 + u8::try_from(set.number()).expect("one of three");
    let oid = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, last];
    let algorithm = short(0x30, &short(6, &oid));
    let (octets, all) = match inner.len() {
        ..64 => (short(4, inner), short as fn(u8, &[u8]) -> Vec<u8>),
        _ => (tlv(4, inner), tlv as fn(u8, &[u8]) -> Vec<u8>),
    };
    all(0x30, &[&[2, 1, 0], &algorithm[..], &octets].concat())
}

fn verified(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let input = SignInput::Message(message);
    verify(key, SignScheme::MlDsa, input, signature)
}

#[test]
fn another_hand_verifies_our_signatures() {
    for set in ParameterSet::ALL {
        let key = PrivateKey::generate(KeyType::MlDsa(set)).expect("a key");
        let spki = key.public().to_spki().expect("a public key");
        let sign = || {
            let signature = key.sign(SignScheme::MlDsa, SignInput::Message(MESSAGE));
            signature.expect("a signature")
        };
        let signature = sign();
        assert!(verifies(&spki, MESSAGE, &signature), "{set:?}");
        assert!(!verifies(&spki, b"another", &signature), "{set:?}");
        assert_ne!(signature, sign(), "{set:?}: signatures are hedged");
    }
}

#[test]
fn a_seed_is_the_same_key_in_another_hand_and_its_signatures_verify() {
    for (set, first) in ParameterSet::ALL.into_iter().zip(0..) {
        let seed: [u8; 32] = std::array::from_fn(|place| first + place as u8);
        let theirs = made(set, seed, MESSAGE, b"");
        let der = pkcs8(set, &short(0x80, &seed));
        let ours = PrivateKey::from_pkcs8(&der).expect("a key");
        let public = PublicKey::from_ml_dsa(set, &theirs.public);
        assert_eq!(Ok(ours.public()), public.as_ref());
        assert_eq!(ours.to_pkcs8().expect("its seed").as_slice(), der);
        assert!(
            verified(ours.public(), MESSAGE, &theirs.signature),
            "{set:?}"
        );
        let with_context = made(set, seed, MESSAGE, b"context");
        assert!(!verified(ours.public(), MESSAGE, &with_context.signature));
    }
}

#[test]
fn what_was_expanded_signs_and_cannot_be_kept_without_its_seed() {
    for set in ParameterSet::ALL {
        let seed = [9; 32];
        let theirs = made(set, seed, MESSAGE, b"");
        let expanded = tlv(4, &theirs.expanded);
        let alone = PrivateKey::from_pkcs8(&pkcs8(set, &expanded)).expect("a key");
        let signature = alone.sign(SignScheme::MlDsa, SignInput::Message(MESSAGE));
        let signature = signature.expect("a signature");
        assert!(verified(alone.public(), MESSAGE, &signature), "{set:?}");
        assert_eq!(alone.to_pkcs8().err(), Some(PrivateKeyError::NoSeed));
        let both = |seed: &[u8]| tlv(0x30, &[short(4, seed), expanded.clone()].concat());
        let key = PrivateKey::from_pkcs8(&pkcs8(set, &both(&seed))).expect("a key");
        assert_eq!(key.public(), alone.public());
        assert!(key.to_pkcs8().is_ok());
        let other = PrivateKey::from_pkcs8(&pkcs8(set, &both(&[8; 32])));
        assert_eq!(other.err(), Some(PrivateKeyError::Unusable));
    }
}

fn session(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

/// The private key of that name, its set, and its SubjectPublicKeyInfo as its public half tells it.
fn halves(session: &Session<'_>, name: &str) -> (CK_OBJECT_HANDLE, Vec<u8>) {
    let private = session.private_key(name);
    let id = session.attribute(private, CKA_ID).expect("CKA_ID");
    let mut template = class(CKO_PUBLIC_KEY);
    template.push((CKA_ID, id));
    let public = session.find(&template).expect("C_FindObjects")[0];
    let value = session.attribute(public, CKA_VALUE).expect("CKA_VALUE");
    let set = session.attribute(public, CKA_PARAMETER_SET);
    assert_eq!(set, session.attribute(private, CKA_PARAMETER_SET));
    let number = CK_ULONG::from_ne_bytes(set.expect("a set").try_into().expect("a number"));
    let set = ParameterSet::of_number(number).expect("one of ML-DSA's");
    let key = PublicKey::from_ml_dsa(set, &value).expect("a public key");
    let spki = key.to_spki().expect("a public key");
    let told = session.attribute(private, CKA_PUBLIC_KEY_INFO);
    assert_eq!(told.as_ref(), Ok(&spki));
    for secret in [CKA_VALUE, CKA_SEED] {
        let refused = session.attribute(private, secret);
        assert_eq!(refused, Err(CKR_ATTRIBUTE_SENSITIVE));
    }
    (private, spki)
}

#[test]
fn programs_find_the_keys_and_sign_with_them() {
    alone(here!(), open, || {
        let module = Module::initialized();
        let session = session(&module);
        let mut template = class(CKO_PRIVATE_KEY);
        template.push((CKA_KEY_TYPE, CKK_ML_DSA.to_ne_bytes().to_vec()));
        assert_eq!(session.find(&template).expect("C_FindObjects").len(), 3);
        for (name, key_type) in &KEYS[1..] {
            let KeyType::MlDsa(set) = key_type else {
                unreachable!()
            };
            let (key, spki) = halves(&session, name);
            for message in [MESSAGE, b"", &[7; 1 << 20]] {
                session.sign_init(CKM_ML_DSA, key).expect("C_SignInit");
                assert_eq!(session.sign_size(message), Ok(set.signature_len()));
                let small = session.sign_into(message, set.signature_len() - 1);
                assert_eq!(small, Err(CKR_BUFFER_TOO_SMALL));
                let signature = session.sign_into(message, set.signature_len());
                assert!(
                    verifies(&spki, message, &signature.expect("C_Sign")),
                    "{name}"
                );
            }
            let parts = session.sign_in_parts(CKM_ML_DSA, key, &[b"a ", b"", b"message"]);
            assert!(
                verifies(&spki, MESSAGE, &parts.expect("C_SignFinal")),
                "{name}"
            );
            assert_eq!(
                session.sign_init(CKM_EDDSA, key),
                Err(CKR_KEY_TYPE_INCONSISTENT)
            );
        }
        let other = session.private_key("p256");
        assert_eq!(
            session.sign_init(CKM_ML_DSA, other),
            Err(CKR_KEY_TYPE_INCONSISTENT)
        );
    });
}

/// C_SignInit by CKM_ML_DSA with CK_SIGN_ADDITIONAL_CONTEXT.
fn begin(session: &Session<'_>, name: &str, hedge: CK_HEDGE_TYPE, context: &mut [u8]) -> Answer {
    let length = context.len() as CK_ULONG;
    let mut parameter = CK_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: hedge,
        pContext: match context {
            [] => null_mut(),
            context => context.as_mut_ptr(),
        },
        ulContextLen: length,
    };
    let mechanism = CK_MECHANISM {
        mechanism: CKM_ML_DSA,
        pParameter: (&raw mut parameter).cast(),
        ulParameterLen: size_of_val(&parameter) as CK_ULONG,
    };
    session.sign_init_by(mechanism, session.private_key(name))
}

#[test]
fn a_parameter_is_read_to_its_last_field() {
    alone(here!(), open, || {
        let module = Module::initialized();
        let session = session(&module);
        let (_, spki) = halves(&session, "44");
        for hedge in [CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED] {
            begin(&session, "44", hedge, &mut []).expect("C_SignInit");
            let signature = session.sign_into(MESSAGE, 2420).expect("C_Sign");
            assert!(verifies(&spki, MESSAGE, &signature));
        }
        for (hedge, context) in [
            (CKH_HEDGE_PREFERRED, &mut b"a context".to_vec()),
            (CKH_HEDGE_PREFERRED, &mut vec![1; 256]),
            (CKH_HEDGE_REQUIRED, &mut b"a context".to_vec()),
            (CKH_DETERMINISTIC_REQUIRED, &mut vec![]),
            (3, &mut vec![]),
        ] {
            let refused = begin(&session, "44", hedge, context);
            assert_eq!(
                refused,
                Err(CKR_MECHANISM_PARAM_INVALID),
                "{hedge} {context:?}"
            );
        }
        let mut parameter = [0_u8; 16];
        let cut = CK_MECHANISM {
            mechanism: CKM_ML_DSA,
            pParameter: parameter.as_mut_ptr().cast(),
            ulParameterLen: 16,
        };
        let refused = session.sign_init_by(cut, session.private_key("44"));
        assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID));
    });
}

/// A token of an HSM, in a slot that shows such keys.
fn kryoptic() -> Furnished {
    let mut place = Furnished::empty(Kind::Kryoptic);
    let text = std::fs::read_to_string(place.configuration.path()).expect("a configuration");
    let types = "\nkeys.types = [\"ml-dsa-65\"]\n";
    place.configuration = Configuration::of_text(&(text + types));
    place
}

/// The parameter goes to the module as it is.
#[test]
fn an_hsm_signs_in_contexts_and_in_the_deterministic_way() {
    if !Kind::Kryoptic.is_wanted(here!()) {
        return;
    }
    alone(here!(), kryoptic, || {
        let set = ParameterSet::MlDsa65;
        Keyring::of_environment(LABEL).make("65", KeyType::MlDsa(set));
        let module = Module::initialized();
        let session = session(&module);
        let (_, spki) = halves(&session, "65");
        let sign = |hedge, context: &[u8]| {
            begin(&session, "65", hedge, &mut context.to_vec()).expect("C_SignInit");
            let signature = session.sign_into(MESSAGE, set.signature_len());
            let signature = signature.expect("C_Sign");
            assert!(verifies_in(context, &spki, MESSAGE, &signature));
            signature
        };
        for context in [&b""[..], b"a context"] {
            sign(CKH_HEDGE_PREFERRED, context);
            let hedged = [(); 2].map(|()| sign(CKH_HEDGE_REQUIRED, context));
            assert_ne!(hedged[0], hedged[1]);
            let same = [(); 2].map(|()| sign(CKH_DETERMINISTIC_REQUIRED, context));
            assert_eq!(same[0], same[1]);
        }
    });
}

#[test]
fn programs_do_not_see_the_keys_unless_the_slot_names_their_types() {
    alone(here!(), silent, || {
        let module = Module::initialized();
        let session = session(&module);
        assert_eq!(session.find(&vec![]).expect("C_FindObjects").len(), 2);
        let template = vec![(CKA_KEY_TYPE, CKK_ML_DSA.to_ne_bytes().to_vec())];
        assert_eq!(session.find(&template), Ok(vec![]));
    });
}

/// What `ssh-keygen -D` lists, and what it complains of; a login by P-256, and what ssh complains of.
fn by_openssh(scene: &KeystoreScene) -> (Vec<String>, String, String) {
    let user = scene.user("");
    let listed = run(user.command("ssh-keygen").arg("-D").arg(user.module()));
    let lines: Vec<_> = listed.text().lines().map(str::to_owned).collect();
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    let login = user.login(&sshd, &["-o", "LogLevel=ERROR"], "echo logged in");
    assert_eq!(login.text(), "logged in\n", "{}", sshd.log());
    (lines, listed.stderr, login.stderr)
}

#[test]
fn openssh_hears_nothing_of_keys_that_it_does_not_know() {
    let (lines, listing, login) = by_openssh(&silent());
    assert_eq!(
        lines.iter().map(|line| name(line)).collect::<Vec<_>>(),
        ["p256"]
    );
    assert_eq!((listing.as_str(), login.as_str()), ("", ""));
}

/// Why they are not shown by default.
#[test]
fn openssh_complains_of_keys_that_it_does_not_know_and_goes_on() {
    let scene = open();
    let (lines, listing, login) = by_openssh(&scene);
    assert_eq!(lines.len(), 1);
    for complaints in [listing, login] {
        let of_types = complaints.matches("unsupported key type").count();
        assert_eq!(of_types, 3, "{complaints}");
    }
    let user = scene.user("");
    let agent = Agent::start(&user);
    assert!(agent.add_module(&user).status.success(), "{}", agent.log());
    assert_eq!(agent.list(&user).len(), 1);
}
