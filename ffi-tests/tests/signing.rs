//! Signatures through the C interface, by every type of key and every mechanism, on real servers.

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::keys::EVERY_TYPE;
use ffi_tests::kmip_server::{KmipServer, LentServer};
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};
use ffi_tests::{ServerKind, here, on_each_server};
use kmip_p11::model::public_key::{Curve, KeyType};

const RSA: &[(&str, KeyType)] = &[("rsa", KeyType::Rsa(2048))];
const MESSAGE: &[u8] = b"a message to be signed";
const HASHES: [&str; 3] = ["sha256", "sha384", "sha512"];

/// A mechanism, what a caller gives to it for MESSAGE, and how the result is to be verified.
struct Use {
    mechanism: CK_MECHANISM_TYPE,
    data: Vec<u8>,
    scheme: Scheme,
    length: usize,
}

/// The ways in which a key of that name signs.
fn uses(name: &str) -> Vec<Use> {
    let length = match name {
        "rsa2048" => 256,
        "rsa3072" => 384,
        "rsa4096" => 512,
        "p384" => 96,
        "p521" => 132,
        _ => 64,
    };
    let by = |mechanism, data, scheme| Use {
        mechanism,
        data,
        scheme,
        length,
    };
    let message = MESSAGE.to_vec();
    match name {
        "ed25519" => vec![by(CKM_EDDSA, message, Scheme::Ed25519)],
        _ if name.starts_with("rsa") => {
            let whole = [
                CKM_SHA256_RSA_PKCS,
                CKM_SHA384_RSA_PKCS,
                CKM_SHA512_RSA_PKCS,
            ];
            let whole = whole.into_iter().zip(HASHES);
            let whole = whole.map(|(number, hash)| by(number, message.clone(), Scheme::Rsa(hash)));
            let bare = HASHES.map(|h| by(CKM_RSA_PKCS, digest_info(h, MESSAGE), Scheme::Rsa(h)));
            whole.chain(bare).collect()
        }
        _ => {
            let whole = [CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512];
            let whole = whole.into_iter().zip(HASHES);
            let whole =
                whole.map(|(number, hash)| by(number, message.clone(), Scheme::Ecdsa(hash)));
            let bare = HASHES.map(|h| by(CKM_ECDSA, digest(h, MESSAGE), Scheme::Ecdsa(h)));
            whole.chain(bare).collect()
        }
    }
}

/// The usual slot's session, in a process whose configuration has it.
fn in_session(body: impl FnOnce(&Session)) {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    body(&session);
    drop(session);
    assert_eq!(module.finalize(), Ok(()));
}

fn sign_every_way(session: &Session, name: &str) {
    let key = session.private_key(name);
    let spki = session
        .attribute(key, CKA_PUBLIC_KEY_INFO)
        .expect("the public key");
    for way in uses(name) {
        let what = format!("{name} by {:#x} {:?}", way.mechanism, way.scheme);
        let signature = session.sign(way.mechanism, key, &way.data);
        let signature = signature.unwrap_or_else(|rv| panic!("{what}: {rv:#x}\n{}", own_log()));
        assert_eq!(signature.len(), way.length, "{what}");
        assert!(verifies(way.scheme, &spki, MESSAGE, &signature), "{what}");
        let another = verifies(way.scheme, &spki, b"another message", &signature);
        assert!(!another, "{what}: the verification proves nothing");
    }
}

on_each_server! {
    fn every_type_of_key_signs_by_every_mechanism(case) {
        let setup = || Scene::on(case.server).with(&EVERY_TYPE);
        alone(case.test, setup, || {
            in_session(|session| {
                for (name, _) in EVERY_TYPE {
                    sign_every_way(session, name);
                }
            });
        });
    }

    fn keys_made_elsewhere_and_registered_sign(case) {
        let setup = || {
            use kmip_p11::crypto::private_key::PrivateKey;
            let scene = Scene::on(case.server);
            for (name, key_type) in EVERY_TYPE {
                let private = PrivateKey::generate(key_type).expect("a usual type");
                scene.keyring.import(name, &private);
            }
            scene
        };
        alone(case.test, setup, || {
            in_session(|session| {
                for (name, _) in EVERY_TYPE {
                    let key = session.private_key(name);
                    let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a public key");
                    let way = uses(name).pop().expect("a way");
                    let signature = session.sign(way.mechanism, key, &way.data);
                    let signature = signature.unwrap_or_else(|rv| panic!("{name}: {rv:#x}"));
                    assert!(verifies(way.scheme, &spki, MESSAGE, &signature), "{name}");
                }
            });
        });
    }

    fn the_size_is_told_and_a_small_buffer_costs_nothing(case) {
        alone(case.test, || Scene::on(case.server).with(RSA), || {
            in_session(|session| {
                let data = digest_info("sha256", MESSAGE);
                session.sign_init(CKM_RSA_PKCS, session.private_key("rsa")).expect("C_SignInit");
                assert_eq!(session.sign_size(&data), Ok(256));
                assert_eq!(session.sign_into(&data, 255), Err(CKR_BUFFER_TOO_SMALL));
                assert_eq!(session.sign_size(&data), Ok(256));
                let signature = session.sign_into(&data, 256).expect("the operation goes on");
                assert_eq!(signature.len(), 256);
                let over = session.sign_into(&data, 256);
                assert_eq!(over, Err(CKR_OPERATION_NOT_INITIALIZED));
            });
        });
    }

    fn a_message_may_come_in_parts(case) {
        let keys = [("rsa", KeyType::Rsa(2048)), ("p256", KeyType::Ec(Curve::P256))];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            in_session(|session| {
                let parts: [&[u8]; 4] = [&MESSAGE[..5], b"", &MESSAGE[5..6], &MESSAGE[6..]];
                for (name, mechanism, scheme) in [
                    ("rsa", CKM_SHA256_RSA_PKCS, Scheme::Rsa("sha256")),
                    ("p256", CKM_ECDSA_SHA256, Scheme::Ecdsa("sha256")),
                ] {
                    let key = session.private_key(name);
                    let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a public key");
                    let signature = session.sign_in_parts(mechanism, key, &parts).expect(name);
                    assert!(verifies(scheme, &spki, MESSAGE, &signature), "{name}");
                }
            });
        });
    }

    fn a_long_message_is_signed_by_ed25519_whole(case) {
        let keys = [("ed25519", KeyType::Ed25519)];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            in_session(|session| {
                let message = vec![0xA5; 20_000];
                let key = session.private_key("ed25519");
                let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a public key");
                let signature = session.sign(CKM_EDDSA, key, &message).expect("C_Sign");
                assert!(verifies(Scheme::Ed25519, &spki, &message, &signature));
            });
        });
    }

    fn a_mechanism_of_another_type_of_key_is_refused(case) {
        let keys = [("rsa", KeyType::Rsa(2048)), ("p256", KeyType::Ec(Curve::P256))];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            in_session(|session| {
                let [rsa, p256] = ["rsa", "p256"].map(|name| session.private_key(name));
                for (mechanism, key) in [
                    (CKM_ECDSA, rsa),
                    (CKM_EDDSA, rsa),
                    (CKM_RSA_PKCS, p256),
                    (CKM_EDDSA, p256),
                ] {
                    let refused = session.sign_init(mechanism, key);
                    assert_eq!(refused, Err(CKR_KEY_TYPE_INCONSISTENT));
                }
                assert_eq!(session.sign_init(CKM_AES_GCM, rsa), Err(CKR_MECHANISM_INVALID));
                session.sign_init(CKM_ECDSA, p256).expect("nothing is left of the refusals");
            });
        });
    }

    fn wrong_data_is_refused_and_ends_the_operation(case) {
        let keys = [("rsa", KeyType::Rsa(2048)), ("p256", KeyType::Ec(Curve::P256))];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            in_session(|session| {
                let [rsa, p256] = ["rsa", "p256"].map(|name| session.private_key(name));
                let long = session.sign(CKM_RSA_PKCS, rsa, &[7; 246]);
                assert_eq!(long, Err(CKR_DATA_LEN_RANGE));
                assert_eq!(session.sign(CKM_ECDSA, p256, &[7; 33]), Err(CKR_DATA_LEN_RANGE));
                let after = session.sign(CKM_ECDSA, p256, &[7; 32]).expect("a new operation");
                assert_eq!(after.len(), 64);
            });
        });
    }

    fn threads_sign_at_once_in_sessions_of_their_own(case) {
        let keys = [("p256", KeyType::Ec(Curve::P256))];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            let module = Module::initialized();
            let slot = module.slot(LABEL);
            std::thread::scope(|scope| {
                for number in 0..8_u8 {
                    let module = &module;
                    scope.spawn(move || {
                        let session = Session::open(module, slot).expect("a session");
                        let key = session.private_key("p256");
                        let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a key");
                        let message = [number; 100];
                        let signature = session.sign(CKM_ECDSA_SHA256, key, &message);
                        let signature = signature.expect("C_Sign");
                        let scheme = Scheme::Ecdsa("sha256");
                        assert!(verifies(scheme, &spki, &message, &signature));
                    });
                }
            });
        });
    }

    fn no_secret_is_given_out(case) {
        alone(case.test, || Scene::on(case.server).with(RSA), || {
            in_session(|session| {
                let key = session.private_key("rsa");
                let secrets = [
                    CKA_PRIVATE_EXPONENT,
                    CKA_PRIME_1,
                    CKA_PRIME_2,
                    CKA_EXPONENT_1,
                    CKA_EXPONENT_2,
                    CKA_COEFFICIENT,
                    CKA_VALUE,
                ];
                for kind in secrets {
                    assert_eq!(session.attribute(key, kind), Err(CKR_ATTRIBUTE_SENSITIVE));
                }
                assert_eq!(session.attribute(key, CKA_SENSITIVE), Ok(vec![CK_TRUE]));
                assert_eq!(session.find(&class(CKO_SECRET_KEY)), Ok(vec![]));
            });
        });
    }
}

/// PyKMIP hashes what it signs, so that it cannot sign what OpenSSH gives: no wrong signature may
/// come of that, and whoever looks into the log has to find out why.
#[test]
fn what_the_server_cannot_sign_is_refused_with_the_reason_in_the_log() {
    let setup = || {
        let scene = Scene::of(ServerKind::PyKmip.shared(), |slot| slot);
        let p256 = ("p256", KeyType::Ec(Curve::P256));
        scene.with(&[RSA[0], p256])
    };
    alone(here!(), setup, || {
        in_session(|session| {
            let key = session.private_key("rsa");
            let spki = session
                .attribute(key, CKA_PUBLIC_KEY_INFO)
                .expect("the public key");
            let whole = session
                .sign(CKM_SHA256_RSA_PKCS, key, MESSAGE)
                .expect("C_Sign");
            assert!(verifies(Scheme::Rsa("sha256"), &spki, MESSAGE, &whole));

            let bare = session.sign(CKM_RSA_PKCS, key, &digest_info("sha256", MESSAGE));
            assert!(bare.is_err(), "{bare:?}");
            let ec = session.sign(CKM_ECDSA, session.private_key("p256"), &[7; 32]);
            assert!(ec.is_err(), "{ec:?}");
            let log = own_log();
            for words in ["C_Sign", "keys.local_use = true", "\"rsa@", "\"p256@"] {
                assert!(log.contains(words), "{words:?} is not in the log:\n{log}");
            }
        });
    });
}

/// PyKMIP writes down each operation, so that they can be counted.
#[test]
fn a_signature_is_one_request_and_a_question_for_its_size_none() {
    let setup = || {
        let server = KmipServer::start(ServerKind::PyKmip);
        (Scene::of(&server, |slot| slot).with(RSA), server)
    };
    alone(here!(), setup, || {
        in_session(|session| {
            let key = session.private_key("rsa");
            let operations = || {
                let log = LentServer.log();
                log.matches("Processing operation: ").count()
            };
            session
                .sign(CKM_SHA256_RSA_PKCS, key, MESSAGE)
                .expect("the first, with a connection");
            let before = operations();
            session
                .sign_init(CKM_SHA256_RSA_PKCS, key)
                .expect("C_SignInit");
            assert_eq!(session.sign_size(MESSAGE), Ok(256));
            assert_eq!(session.sign_into(MESSAGE, 255), Err(CKR_BUFFER_TOO_SMALL));
            assert!(session.attribute(key, CKA_MODULUS).is_ok());
            assert_eq!(session.private_key("rsa"), key);
            assert_eq!(operations(), before, "nothing of this asks the server");
            session.sign_into(MESSAGE, 256).expect("C_Sign");
            assert_eq!(operations(), before + 1);
        });
    });
}
