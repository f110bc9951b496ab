//! What a program may do beside a slot with an HSM: use the module itself, have several slots on it,
//! fork, sign in many threads; and the module that is none.

use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::configuration::own_log;
use ffi_tests::here;
use ffi_tests::hsm::{Configured, Hsm, LABEL, MODULE, in_a_process};
use ffi_tests::module::{Module, library};
use ffi_tests::own_process::alone;
use ffi_tests::session::{Session, class};

fn configured(slots: impl FnOnce(&Hsm) -> String) -> Configured {
    let hsm = Hsm::soft().with(&["p256"]);
    let slots = slots(&hsm);
    hsm.configured(&slots)
}

fn signs(module: &Module, label: &str) -> bool {
    let Ok(session) = Session::open(module, module.slot(label)) else {
        return false;
    };
    let keys = session.find(&class(CKO_PRIVATE_KEY)).unwrap_or_default();
    let signed = |key: &CK_OBJECT_HANDLE| session.sign(CKM_ECDSA, *key, &[7; 32]).is_ok();
    keys.len() == 1 && keys.iter().all(signed)
}

#[test]
fn two_slots_share_a_module_and_even_a_token() {
    let setup = || {
        configured(|hsm| {
            hsm.add_token("second");
            hsm.add_key("p256", "another", "second");
            let pin = hsm.secret("pin", ffi_tests::hsm::PIN);
            let slot = |label, token| {
                let lines = format!("hsm.token = {token:?}\nhsm.pin_file = {pin:?}");
                hsm.slot(label, &lines)
            };
            [
                slot("one", "token"),
                slot("two", "second"),
                slot("three", "token"),
            ]
            .concat()
        })
    };
    alone(here!(), setup, || {
        for _ in 0..3 {
            let module = Module::initialized();
            for label in ["one", "two", "three"] {
                assert!(signs(&module, label), "{label}: {}", own_log());
            }
            assert_eq!(module.finalize(), Ok(()));
        }
        let log = own_log();
        assert!(
            log.contains("\"another\"") && log.contains("\"p256\""),
            "{log}"
        );
    });
}

#[test]
fn several_tokens_and_none_chosen_is_an_error_that_lists_them() {
    let setup = || {
        configured(|hsm| {
            hsm.add_token("second");
            hsm.slot_with_pin()
        })
    };
    alone(here!(), setup, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        assert_eq!(session.find(&vec![]), Err(CKR_DEVICE_ERROR));
        let log = own_log();
        assert!(
            log.contains("\"second\"") && log.contains("write hsm.serial"),
            "{log}"
        );
    });
}

#[test]
fn a_module_that_the_program_uses_itself_stays_in_use() {
    alone(
        here!(),
        || configured(Hsm::slot_with_pin),
        || {
            let theirs = Module::load_from(MODULE.as_ref());
            assert_eq!(theirs.initialize(), Ok(()));
            let ours = Module::initialized();
            assert!(signs(&ours, LABEL), "{}", own_log());
            assert_eq!(ours.finalize(), Ok(()));
            assert!(theirs.slots().is_ok_and(|slots| !slots.is_empty()));
            // And the other way round: the program ends what we use.
            let ours = Module::initialized();
            assert!(signs(&ours, LABEL), "{}", own_log());
            assert_eq!(theirs.finalize(), Ok(()));
            assert!(signs(&ours, LABEL), "{}", own_log());
            assert_eq!(ours.finalize(), Ok(()));
        },
    );
}

#[test]
fn our_own_library_is_no_module_of_ours() {
    let copy = std::env::temp_dir().join(format!("kp11-copy-{}.so", std::process::id()));
    std::fs::copy(library(), &copy).expect("a copy");
    let setup = || {
        configured(|hsm| {
            let by_name = hsm
                .slot("itself", "")
                .replace(MODULE, &library().display().to_string());
            let by_copy = hsm
                .slot("copy", "")
                .replace(MODULE, &copy.display().to_string());
            by_name + &by_copy
        })
    };
    alone(here!(), setup, || {
        let module = Module::initialized();
        for label in ["itself", "copy"] {
            let session = Session::open(&module, module.slot(label)).expect("a session");
            assert_eq!(session.find(&vec![]), Err(CKR_DEVICE_ERROR), "{label}");
        }
        let refused = own_log().matches("it is this library itself").count();
        assert!(refused >= 2, "{}", own_log());
    });
    let _ = std::fs::remove_file(copy);
}

/// In a forked child.
fn child_starts_anew(module: &Module) -> bool {
    let mut count = 0;
    let count = &raw mut count;
    let listed = call!(module, C_GetSlotList, CK_TRUE, null_mut(), count);
    listed == CKR_CRYPTOKI_NOT_INITIALIZED
        && module.initialize() == Ok(())
        && signs(module, LABEL)
        && module.finalize() == Ok(())
}

fn parent_and_child_both_sign() {
    let module = Module::initialized();
    assert!(signs(&module, LABEL), "{}", own_log());
    for _ in 0..5 {
        // SAFETY: no other thread of this process is in a call.
        match unsafe { libc::fork() } {
            0 => unsafe {
                libc::alarm(20);
                libc::_exit(i32::from(!child_starts_anew(&module)))
            },
            child => {
                let mut status = 0;
                // SAFETY: our own child, a valid place.
                let ended = unsafe { libc::waitpid(child, &mut status, 0) };
                assert_eq!((ended, status), (child, 0), "{}", own_log());
            }
        }
        assert!(signs(&module, LABEL), "{}", own_log());
    }
    assert_eq!(module.finalize(), Ok(()));
}

#[test]
fn a_forked_child_begins_anew_and_its_parent_goes_on() {
    alone(
        here!(),
        || configured(Hsm::slot_with_pin),
        parent_and_child_both_sign,
    );
}

#[test]
fn a_forked_child_has_a_process_for_the_module_of_its_own() {
    let setup = || configured(|hsm| hsm.slot_with_pin() + &in_a_process("10s"));
    alone(here!(), setup, parent_and_child_both_sign);
}

fn threads_sign() {
    let module = Module::initialized();
    let slot = module.slot(LABEL);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let session = Session::open(&module, slot).expect("a session");
                let key = session.private_key("p256");
                for _ in 0..20 {
                    let signed = session.sign(CKM_ECDSA, key, &[7; 32]);
                    assert_eq!(signed.map(|it| it.len()), Ok(64), "{}", own_log());
                }
            });
        }
    });
    assert_eq!(module.finalize(), Ok(()));
}

#[test]
fn threads_share_a_bounded_number_of_sessions() {
    let setup = || configured(|hsm| hsm.slot_with_pin() + "hsm.sessions = 3");
    alone(here!(), setup, threads_sign);
}

#[test]
fn threads_share_a_process() {
    let lines = || format!("hsm.sessions = 3\n{}", in_a_process("10s"));
    let setup = || configured(|hsm| hsm.slot_with_pin() + &lines());
    alone(here!(), setup, threads_sign);
}
