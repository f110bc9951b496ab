//! The check of signatures, which the library does by itself: with every kind of key, and in whatever
//! order the calls come.

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::here;
use ffi_tests::keys::EVERY_TYPE;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::{Answer, Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;
use ffi_tests::signature::{digest, digest_info};
use ffi_tests::verifying::Mechanism;
use kmip_p11::model::public_key::KeyType;

const MESSAGE: &[u8] = b"a message";

/// In a process of its own, with a session of a keystore that has a key of each type.
fn with_keys(test: &str, body: impl Fn(&Session<'_>)) {
    alone(
        test,
        || KeystoreScene::by_file().with(&EVERY_TYPE),
        || {
            let module = Module::initialized();
            body(&Session::open(&module, module.slot(LABEL)).expect("a session"));
        },
    );
}

/// The private key of that name and its public half.
fn pair(session: &Session<'_>, name: &str) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let private = session.private_key(name);
    (private, session.public_half(private).expect("its half"))
}

fn mechanisms(key_type: KeyType) -> Vec<Mechanism> {
    let plain = |numbers: &[CK_MECHANISM_TYPE]| {
        let all = numbers.iter().map(|number| Mechanism::plain(*number));
        all.collect::<Vec<_>>()
    };
    match key_type {
        KeyType::Rsa(_) => {
            let mut all = plain(&[
                CKM_SHA256_RSA_PKCS,
                CKM_SHA384_RSA_PKCS,
                CKM_SHA512_RSA_PKCS,
            ]);
            all.extend([
                Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, "sha256"),
                Mechanism::pss(CKM_SHA384_RSA_PKCS_PSS, "sha384"),
                Mechanism::pss(CKM_SHA512_RSA_PKCS_PSS, "sha512"),
            ]);
            all
        }
        KeyType::Ec(_) => plain(&[CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512]),
        KeyType::Ed25519 => plain(&[CKM_EDDSA]),
        KeyType::MlDsa(_) => plain(&[CKM_ML_DSA]),
    }
}

#[test]
fn what_a_key_has_signed_verifies_and_nothing_else() {
    with_keys(here!(), |session| {
        for (name, key_type) in EVERY_TYPE {
            let (private, public) = pair(session, name);
            for by in mechanisms(key_type) {
                let signature = session.sign_by(by, private, MESSAGE).expect(name);
                assert_eq!(session.verify(by, public, MESSAGE, &signature), Ok(()));
                let other = session.verify(by, public, b"another", &signature);
                assert_eq!(other, Err(CKR_SIGNATURE_INVALID), "{name}");
                let mut changed = signature.clone();
                changed[signature.len() / 2] ^= 1;
                let changed = session.verify(by, public, MESSAGE, &changed);
                assert_eq!(changed, Err(CKR_SIGNATURE_INVALID), "{name}");
                let long = [&signature[..], &[0]].concat();
                let long = session.verify(by, public, MESSAGE, &long);
                assert_eq!(long, Err(CKR_SIGNATURE_LEN_RANGE), "{name}");
            }
        }
    });
}

#[test]
fn parts_verify_like_the_whole_and_do_not_mix_with_it() {
    with_keys(here!(), |session| {
        let (private, public) = pair(session, "p256");
        let by = Mechanism::plain(CKM_ECDSA_SHA256);
        let signature = session.sign_by(by, private, MESSAGE).expect("C_Sign");
        session.verify_init(by, public).expect("C_VerifyInit");
        session.verify_update(&MESSAGE[..4]).expect("a part");
        let whole = session.verify_now(&MESSAGE[4..], &signature);
        assert_eq!(whole, Err(CKR_OPERATION_ACTIVE));
        session.verify_update(&MESSAGE[4..]).expect("a part");
        assert_eq!(session.verify_final(&signature), Ok(()));
        assert_eq!(
            session.verify_final(&signature),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
        assert_eq!(
            session.verify_update(b"more"),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
    });
}

/// Whatever the verdict is, it ends the check (v3.2, 5.15.2).
#[test]
fn a_verdict_ends_the_check() {
    with_keys(here!(), |session| {
        let (_, public) = pair(session, "ed25519");
        let by = Mechanism::plain(CKM_EDDSA);
        session.verify_init(by, public).expect("C_VerifyInit");
        assert_eq!(session.verify_init(by, public), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(
            session.verify_now(MESSAGE, &[0; 64]),
            Err(CKR_SIGNATURE_INVALID)
        );
        assert_eq!(
            session.verify_now(MESSAGE, &[0; 64]),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
        session.verify_init(by, public).expect("C_VerifyInit");
        assert_eq!(
            session.verify_now(MESSAGE, &[0; 63]),
            Err(CKR_SIGNATURE_LEN_RANGE)
        );
        assert_eq!(
            session.verify_now(MESSAGE, &[0; 64]),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
    });
}

#[test]
fn keys_and_mechanisms_that_do_not_fit_are_refused() {
    with_keys(here!(), |session| {
        let (rsa_private, rsa) = pair(session, "rsa2048");
        let (_, ec) = pair(session, "p384");
        let init = |number, key| session.verify_init(Mechanism::plain(number), key);
        assert_eq!(init(CKM_ECDSA, rsa), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(init(CKM_SHA1_RSA_PKCS, ec), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(
            init(CKM_SHA256_RSA_PKCS, rsa_private),
            Err(CKR_KEY_HANDLE_INVALID)
        );
        assert_eq!(init(CKM_SHA256, rsa), Err(CKR_MECHANISM_INVALID));
        assert_eq!(
            init(CKM_RSA_PKCS_PSS, rsa),
            Err(CKR_MECHANISM_PARAM_INVALID)
        );
        let other_hash = Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, "sha512");
        let other_hash = session.verify_init(other_hash, rsa);
        assert_eq!(other_hash, Err(CKR_MECHANISM_PARAM_INVALID));
    });
}

/// C_SignRecover and C_VerifyRecover: into `room` bytes.
fn recover(session: &Session<'_>, signature: &[u8], room: usize) -> Answer<Vec<u8>> {
    let (mut data, mut length) = (vec![0; room], room as CK_ULONG);
    let signature = &mut signature.to_vec();
    answer(call!(
        session.module(),
        C_VerifyRecover,
        session.handle,
        signature.as_mut_ptr(),
        signature.len() as CK_ULONG,
        data.as_mut_ptr(),
        &mut length
    ))?;
    data.truncate(length as usize);
    Ok(data)
}

fn recover_init(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Answer {
    let mut raw = Mechanism::plain(CKM_RSA_PKCS).raw();
    let module = session.module();
    answer(call!(
        module,
        C_VerifyRecoverInit,
        session.handle,
        &mut raw,
        key
    ))
}

#[test]
fn an_rsa_signature_says_what_was_signed() {
    with_keys(here!(), |session| {
        let (private, public) = pair(session, "rsa2048");
        let info = digest_info("sha384", MESSAGE);
        let mut raw = Mechanism::plain(CKM_RSA_PKCS).raw();
        let (module, handle) = (session.module(), session.handle);
        answer(call!(module, C_SignRecoverInit, handle, &mut raw, private)).expect("an operation");
        let (mut signature, mut length) = (vec![0; 256], 256);
        let (data, place) = (&mut info.clone(), signature.as_mut_ptr());
        let (start, count) = (data.as_mut_ptr(), data.len() as CK_ULONG);
        let signed = call!(
            module,
            C_SignRecover,
            handle,
            start,
            count,
            place,
            &mut length
        );
        assert_eq!((signed, length), (CKR_OK, 256));
        recover_init(session, public).expect("an operation");
        assert_eq!(recover(session, &signature, 10), Err(CKR_BUFFER_TOO_SMALL));
        assert_eq!(recover(session, &signature, 256), Ok(info.clone()));
        signature[200] ^= 4;
        recover_init(session, public).expect("an operation");
        assert_eq!(
            recover(session, &signature, 256),
            Err(CKR_SIGNATURE_INVALID)
        );
        let (_, ec) = pair(session, "p256");
        assert_eq!(
            recover_init(session, ec),
            Err(CKR_KEY_FUNCTION_NOT_PERMITTED)
        );
    });
}

#[test]
fn a_signature_may_come_before_its_message() {
    with_keys(here!(), |session| {
        let (private, public) = pair(session, "p521");
        let signature = session.sign(CKM_ECDSA, private, &digest("sha512", MESSAGE));
        let mut signature = signature.expect("C_Sign");
        let functions = session.module().list_3_2();
        let handle = session.handle;
        let mut by = Mechanism::plain(CKM_ECDSA_SHA512).raw();
        let mut init = |signature: &mut [u8]| {
            let (start, count) = (signature.as_mut_ptr(), signature.len() as CK_ULONG);
            let init = functions.C_VerifySignatureInit.expect("an entry");
            // SAFETY: as PKCS#11 wants it.
            answer(unsafe { init(handle, &mut by, public, start, count) })
        };
        let message = &mut MESSAGE.to_vec();
        let (start, count) = (message.as_mut_ptr(), message.len() as CK_ULONG);
        let verify = functions.C_VerifySignature.expect("an entry");
        let update = functions.C_VerifySignatureUpdate.expect("an entry");
        let finish = functions.C_VerifySignatureFinal.expect("an entry");
        init(&mut signature).expect("an operation");
        // SAFETY: as PKCS#11 wants it.
        unsafe {
            assert_eq!(verify(handle, start, count), CKR_OK);
            assert_eq!(verify(handle, start, count), CKR_OPERATION_NOT_INITIALIZED);
        }
        init(&mut signature).expect("an operation");
        // SAFETY: as above.
        unsafe {
            assert_eq!(update(handle, start, count), CKR_OK);
            assert_eq!(finish(handle), CKR_OK);
        }
        init(&mut signature).expect("an operation");
        // SAFETY: as above.
        unsafe {
            assert_eq!(update(handle, start, count - 1), CKR_OK);
            assert_eq!(finish(handle), CKR_SIGNATURE_INVALID);
        }
        assert_eq!(init(&mut signature[1..]), Err(CKR_SIGNATURE_LEN_RANGE));
    });
}
