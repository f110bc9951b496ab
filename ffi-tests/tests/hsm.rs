//! A slot with a token of another module behind it, SoftHSM2's or kryoptic's, as a C program sees it.

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::here;
use ffi_tests::hsm::{Configured, Hsm, LABEL, PIN, Vendor};
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};

const MESSAGE: &[u8] = b"to be signed";

const KINDS: [&str; 5] = ["rsa", "p256", "p384", "p521", "ed25519"];

/// One key of each kind, and the PIN in a file.
fn with_pin_file(vendor: Vendor) -> Configured {
    let hsm = Hsm::new(vendor).with(&KINDS);
    let slot = hsm.slot_with_pin();
    hsm.configured(&slot)
}

/// The PIN is C_Login's.
fn with_login(vendor: Vendor) -> Configured {
    let hsm = Hsm::new(vendor).with(&["p256"]);
    let slot = hsm.slot(LABEL, "hsm.token = \"token\"");
    hsm.configured(&slot)
}

fn open(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

/// The same with the module in a process of its own.
fn in_a_process(vendor: Vendor) -> Configured {
    let hsm = Hsm::new(vendor).with(&KINDS);
    let slot = hsm.slot_in_a_process();
    hsm.configured(&slot)
}

/// The same tests on each vendor's module.
macro_rules! on_each {
    ($($module:ident: $vendor:expr;)*) => { $(
        mod $module {
            use super::*;

            #[test]
            fn every_kind_of_key_is_listed_and_signs() {
                alone(here!(), || with_pin_file($vendor), every_kind_signs);
            }

            #[test]
            fn every_kind_of_key_signs_in_a_process_of_its_own() {
                alone(here!(), || in_a_process($vendor), every_kind_signs);
            }

            #[test]
            fn public_keys_are_shown_before_the_login_and_private_ones_after_it() {
                alone(here!(), || with_login($vendor), private_keys_need_the_login);
            }

            #[test]
            fn what_tries_at_the_pin_are_left_is_told() {
                let told = || tries_are_told($vendor);
                alone(here!(), || with_login($vendor), told);
            }
        }
    )* };
}

on_each! {
    softhsm: Vendor::SoftHsm;
    kryoptic: Vendor::Kryoptic;
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

fn private_keys_need_the_login() {
    let module = Module::initialized();
    assert_ne!(flags(&module) & CKF_LOGIN_REQUIRED, 0);
    let session = open(&module);
    let public = session.find(&class(CKO_PUBLIC_KEY)).expect("a listing");
    assert_eq!(public.len(), 1, "{}", own_log());
    assert_eq!(session.find(&class(CKO_PRIVATE_KEY)), Ok(vec![]));
    assert_eq!(session.login(CKU_USER, "wrong"), Err(CKR_PIN_INCORRECT));
    assert_eq!(session.login(CKU_USER, PIN), Ok(()), "{}", own_log());
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
}

fn flags(module: &Module) -> CK_FLAGS {
    let info = module.token_info(module.slot(LABEL));
    info.expect("a token").flags
}

/// What a right PIN ends.
const TRIES: CK_FLAGS = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

/// SoftHSM2 lets a PIN be tried for ever; kryoptic ten times.
fn tries_are_told(vendor: Vendor) {
    let module = Module::initialized();
    let session = open(&module);
    let wrong = |times: usize| {
        for _ in 0..times {
            assert_eq!(session.login(CKU_USER, "wrong"), Err(CKR_PIN_INCORRECT));
        }
        flags(&module) & TRIES
    };
    let right = || session.login(CKU_USER, PIN);
    assert_eq!(wrong(0), 0);
    assert_eq!(wrong(8), CKF_USER_PIN_COUNT_LOW, "{}", own_log());
    assert_eq!((right(), flags(&module) & TRIES), (Ok(()), 0));
    assert_eq!(session.logout(), Ok(()));
    if vendor == Vendor::Kryoptic {
        assert_ne!(wrong(9) & CKF_USER_PIN_FINAL_TRY, 0, "{}", own_log());
        assert_eq!(session.login(CKU_USER, "wrong"), Err(CKR_PIN_LOCKED));
        assert_ne!(flags(&module) & CKF_USER_PIN_LOCKED, 0, "{}", own_log());
        assert_eq!(right(), Err(CKR_PIN_LOCKED));
        let log = own_log();
        assert!(
            log.contains("its security officer has to set a new PIN"),
            "{log}"
        );
    }
}
