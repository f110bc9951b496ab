//! Slots whose tokens come and go, and PINs that programs change.

use std::ptr::null_mut;
use std::thread::scope;
use std::time::Duration;

use cryptoki_sys::*;
use ffi_tests::hsm::{Hsm, LABEL, Vendor};
use ffi_tests::keystore_scene::{KeystoreScene, PIN};
use ffi_tests::module::{Answer, Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::session::Session;
use ffi_tests::{call, here, hsm, scene};
use kmip_p11::config::{Backend, Config, Database};
use kmip_p11::model::public_key::{Curve, KeyType};

fn wait(module: &Module, flags: CK_FLAGS) -> Answer<CK_SLOT_ID> {
    let mut slot = 77;
    answer(call!(
        module,
        C_WaitForSlotEvent,
        flags,
        &mut slot,
        null_mut()
    ))?;
    Ok(slot)
}

/// The file of the keystore, taken away and put back.
fn file() -> std::path::PathBuf {
    let config = Config::load().expect("a configuration");
    match &config.slots[0].backend {
        Backend::Keystore(keystore) => match &keystore.database {
            Database::Sqlite(path) => path.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_that_comes_or_goes_is_told_once() {
    alone(here!(), KeystoreScene::by_file, || {
        let (module, path) = (Module::initialized(), file());
        let away = path.with_extension("away");
        let next = || wait(&module, CKF_DONT_BLOCK);
        assert_eq!(next(), Err(CKR_NO_EVENT));
        std::fs::rename(&path, &away).expect("the token goes");
        assert_eq!((next(), next()), (Ok(0), Err(CKR_NO_EVENT)));
        scope(|scope| {
            let waiting = scope.spawn(|| wait(&module, 0));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!waiting.is_finished());
            std::fs::rename(&away, &path).expect("and comes back");
            assert_eq!(waiting.join().expect("no panic"), Ok(0));
        });
        assert_eq!(next(), Err(CKR_NO_EVENT));
    });
}

#[test]
fn c_finalize_ends_all_waiting() {
    alone(here!(), KeystoreScene::by_file, || {
        let module = Module::initialized();
        scope(|scope| {
            let waiting = [(); 8].map(|()| scope.spawn(|| wait(&module, 0)));
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(module.finalize(), Ok(()));
            for thread in waiting {
                let told = thread.join().expect("no panic");
                assert_eq!(told, Err(CKR_CRYPTOKI_NOT_INITIALIZED));
            }
        });
        assert_eq!(wait(&module, 0), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
        assert_eq!(module.initialize(), Ok(()));
        assert_eq!(wait(&module, CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
    });
}

#[test]
fn other_flags_and_what_is_reserved_are_bad_arguments() {
    alone(here!(), KeystoreScene::by_file, || {
        let module = Module::initialized();
        assert_eq!(wait(&module, 2), Err(CKR_ARGUMENTS_BAD));
        let mut place = 0;
        let reserved = std::ptr::from_mut(&mut place).cast();
        let told = call!(
            module,
            C_WaitForSlotEvent,
            CKF_DONT_BLOCK,
            &mut place,
            reserved
        );
        assert_eq!(told, CKR_ARGUMENTS_BAD);
    });
}

fn set_pin(session: &Session<'_>, old: &str, new: &str) -> Answer {
    let [mut old, mut new] = [old, new].map(|pin| pin.as_bytes().to_vec());
    let lengths = [old.len(), new.len()].map(|length| length as CK_ULONG);
    let (module, handle) = (session.module(), session.handle());
    let (old, new) = (old.as_mut_ptr(), new.as_mut_ptr());
    answer(call!(
        module, C_SetPIN, handle, old, lengths[0], new, lengths[1]
    ))
}

const NEW: &str = "another one";

/// Of a token that such a PIN opens, before a login and after it.
fn changes(slot: &str, first: &str, key: &str) {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(slot)).expect("a session");
    assert_eq!(set_pin(&session, "wrong", NEW), Err(CKR_PIN_INCORRECT));
    assert_eq!(set_pin(&session, first, ""), Err(CKR_PIN_LEN_RANGE));
    assert_eq!(session.login(CKU_USER, first), Ok(()));
    assert_eq!(set_pin(&session, first, NEW), Ok(()));
    let sign = || session.sign(CKM_ECDSA, session.private_key(key), &[7; 32]);
    assert!(sign().is_ok(), "who is logged in stays so");
    assert_eq!(session.logout(), Ok(()));
    assert_eq!(session.login(CKU_USER, first), Err(CKR_PIN_INCORRECT));
    assert_eq!(session.login(CKU_USER, NEW), Ok(()));
    assert!(sign().is_ok());
}

#[test]
fn the_pin_of_a_keystore_is_changed() {
    let keys = [("p256", KeyType::Ec(Curve::P256))];
    let scene = || KeystoreScene::by_pin().with(&keys);
    alone(here!(), scene, || changes(scene::LABEL, PIN, "p256"));
}

#[test]
fn the_pin_of_an_hsm_is_changed() {
    let scene = || {
        let hsm = Hsm::new(Vendor::SoftHsm).with(&["p256"]);
        let slot = hsm.slot(LABEL, "hsm.token = \"token\"");
        hsm.configured(&slot)
    };
    alone(here!(), scene, || changes(LABEL, hsm::PIN, "p256"));
}

#[test]
fn the_pin_of_an_hsm_in_a_process_is_changed() {
    let scene = || {
        let hsm = Hsm::new(Vendor::SoftHsm).with(&["p256"]);
        let lines = format!("hsm.token = \"token\"\n{}", hsm::in_a_process("10s"));
        let slot = hsm.slot(LABEL, &lines);
        hsm.configured(&slot)
    };
    alone(here!(), scene, || changes(LABEL, hsm::PIN, "p256"));
}

#[test]
fn a_slot_without_a_pin_of_its_own_has_none_to_change() {
    alone(here!(), KeystoreScene::by_file, || {
        let module = Module::initialized();
        let session = Session::open(&module, 0).expect("a session");
        assert_eq!(set_pin(&session, "", NEW), Err(CKR_FUNCTION_NOT_SUPPORTED));
    });
}

#[test]
fn a_session_that_reads_changes_no_pin() {
    alone(here!(), KeystoreScene::by_pin, || {
        let module = Module::initialized();
        let (mut handle, mut pin) = (0, PIN.as_bytes().to_vec());
        let place = &mut handle;
        let opened = call!(
            module,
            C_OpenSession,
            0,
            CKF_SERIAL_SESSION,
            null_mut(),
            None,
            place
        );
        assert_eq!(opened, CKR_OK);
        let (length, pin) = (pin.len() as CK_ULONG, pin.as_mut_ptr());
        let told = call!(module, C_SetPIN, handle, pin, length, pin, length);
        assert_eq!(told, CKR_SESSION_READ_ONLY);
    });
}
