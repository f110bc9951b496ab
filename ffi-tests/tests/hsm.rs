//! A slot with a token of SoftHSM2 behind it, as a C program sees it.

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::here;
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};
use ffi_tests::softhsm::{Configured, LABEL, PIN, SoftHsm};

const MESSAGE: &[u8] = b"to be signed";

/// One key of each kind, and the PIN in a file.
fn with_pin_file() -> Configured {
    let hsm = SoftHsm::new().with(&["rsa", "p256", "p384", "p521", "ed25519"]);
    let slot = hsm.slot_with_pin();
    hsm.configured(&slot)
}

/// The PIN is C_Login's.
fn with_login() -> Configured {
    let hsm = SoftHsm::new().with(&["p256"]);
    let slot = hsm.slot(LABEL, "hsm.token = \"token\"");
    hsm.configured(&slot)
}

fn open(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

/// The same with the module in a process of its own.
fn in_a_process() -> Configured {
    let hsm = SoftHsm::new().with(&["rsa", "p256", "p384", "p521", "ed25519"]);
    let slot = hsm.slot_in_a_process();
    hsm.configured(&slot)
}

#[test]
fn every_kind_of_key_is_listed_and_signs() {
    alone(here!(), with_pin_file, every_kind_signs);
}

#[test]
fn every_kind_of_key_signs_in_a_process_of_its_own() {
    alone(here!(), in_a_process, every_kind_signs);
}

fn every_kind_signs() {
    let module = Module::initialized();
    let info = module.token_info(module.slot(LABEL)).expect("a token");
    assert_eq!(info.flags & CKF_LOGIN_REQUIRED, 0);
    let session = open(&module);
    let keys = session.find(&class(CKO_PRIVATE_KEY)).expect("a listing");
    assert_eq!(keys.len(), 5, "{}", own_log());
    let info = |name| {
        let key = session.private_key(name);
        (
            key,
            session
                .attribute(key, CKA_PUBLIC_KEY_INFO)
                .expect("a public half"),
        )
    };
    for (hash, mechanism) in [
        ("sha256", CKM_SHA256_RSA_PKCS),
        ("sha512", CKM_SHA512_RSA_PKCS),
    ] {
        let (key, spki) = info("rsa");
        let signed = session.sign(mechanism, key, MESSAGE).expect("a signature");
        assert!(verifies(Scheme::Rsa(hash), &spki, MESSAGE, &signed));
        let signed = session.sign(CKM_RSA_PKCS, key, &digest_info(hash, MESSAGE));
        assert!(verifies(
            Scheme::Rsa(hash),
            &spki,
            MESSAGE,
            &signed.expect("a signature")
        ));
    }
    for (name, hash) in [("p256", "sha256"), ("p384", "sha384"), ("p521", "sha512")] {
        let (key, spki) = info(name);
        let signed = session.sign(CKM_ECDSA, key, &digest(hash, MESSAGE));
        assert!(verifies(
            Scheme::Ecdsa(hash),
            &spki,
            MESSAGE,
            &signed.expect("a signature")
        ));
        // SoftHSM2 has no such mechanism: hashed here, signed there.
        let signed = session
            .sign(CKM_ECDSA_SHA256, key, MESSAGE)
            .expect("a signature");
        assert!(verifies(Scheme::Ecdsa("sha256"), &spki, MESSAGE, &signed));
    }
    let (key, spki) = info("ed25519");
    let signed = session.sign(CKM_EDDSA, key, MESSAGE).expect("a signature");
    assert!(verifies(Scheme::Ed25519, &spki, MESSAGE, &signed));
    let log = own_log();
    assert!(
        log.contains("key \"p256\"") && log.contains("CKM_ECDSA: signed"),
        "{log}"
    );
    assert!(!log.contains(PIN), "{log}");
}

#[test]
fn public_keys_are_shown_before_the_login_and_private_ones_after_it() {
    alone(here!(), with_login, || {
        let module = Module::initialized();
        let flags = || {
            module
                .token_info(module.slot(LABEL))
                .expect("a token")
                .flags
        };
        assert_ne!(flags() & CKF_LOGIN_REQUIRED, 0);
        let session = open(&module);
        let public = session.find(&class(CKO_PUBLIC_KEY)).expect("a listing");
        assert_eq!(public.len(), 1, "{}", own_log());
        assert_eq!(session.find(&class(CKO_PRIVATE_KEY)), Ok(vec![]));
        assert_eq!(session.login(CKU_USER, "wrong"), Err(CKR_PIN_INCORRECT));
        assert_ne!(flags() & CKF_USER_PIN_COUNT_LOW, 0);
        assert_eq!(session.login(CKU_USER, PIN), Ok(()), "{}", own_log());
        assert_eq!(flags() & CKF_USER_PIN_COUNT_LOW, 0);
        assert_eq!(session.find(&class(CKO_PUBLIC_KEY)), Ok(public));
        let key = session.private_key("p256");
        assert_eq!(
            session.sign(CKM_ECDSA, key, &[7; 32]).map(|it| it.len()),
            Ok(64)
        );
        assert_eq!(session.logout(), Ok(()));
        assert_eq!(
            session.sign_init(CKM_ECDSA, key),
            Err(CKR_USER_NOT_LOGGED_IN)
        );
        assert_eq!(session.login(CKU_USER, "wrong"), Err(CKR_PIN_INCORRECT));
        let log = own_log();
        assert!(
            log.contains("correct the PIN") && !log.contains(PIN),
            "{log}"
        );
    });
}
