//! A slot whose module loses its sessions, is pulled out, lies, crashes and hangs.

use std::time::Duration;

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::faulty_module::{Faulty, end_fault, fault};
use ffi_tests::here;
use ffi_tests::hsm::{LABEL, in_a_process};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::process::{children_of, wait_for};
use ffi_tests::session::Session;

fn sign(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Answer<usize> {
    session
        .sign(CKM_ECDSA, key, &[7; 32])
        .map(|signature| signature.len())
}

fn open<'a>(module: &'a Module, label: &str) -> (Session<'a>, CK_OBJECT_HANDLE) {
    let session = Session::open(module, module.slot(label)).expect("a session");
    let key = session.private_key("p256");
    (session, key)
}

/// What a program does not notice.
fn sessions_are_opened_again() {
    let module = Module::initialized();
    let (session, key) = open(&module, LABEL);
    assert_eq!(sign(&session, key), Ok(64), "{}", own_log());
    for kind in ["closed", "0xB3", "0x101", "0xB0", "0x60", "0x82"] {
        fault(kind);
        assert_eq!(sign(&session, key), Ok(64), "{kind}: {}", own_log());
        assert_eq!(sign(&session, key), Ok(64), "{kind}: {}", own_log());
    }
    // Not every error is one of sessions: it is told, and the next call works.
    fault("0x5");
    assert_eq!(sign(&session, key), Err(CKR_FUNCTION_FAILED));
    assert_eq!(sign(&session, key), Ok(64), "{}", own_log());
}

#[test]
fn lost_sessions_are_opened_again_with_the_login() {
    alone(here!(), || Faulty::new(""), sessions_are_opened_again);
}

#[test]
fn lost_sessions_are_opened_again_in_a_process_of_its_own() {
    let setup = || Faulty::new(&in_a_process("10s"));
    alone(here!(), setup, sessions_are_opened_again);
}

#[test]
fn a_token_may_be_taken_out_and_put_back() {
    alone(
        here!(),
        || Faulty::new(""),
        || {
            let module = Module::initialized();
            let slots = || module.slots().map(|slots| slots.len());
            let (session, key) = open(&module, LABEL);
            assert_eq!((slots(), sign(&session, key)), (Ok(2), Ok(64)));
            fault("removed");
            assert_eq!(
                sign(&session, key),
                Err(CKR_DEVICE_REMOVED),
                "{}",
                own_log()
            );
            assert_eq!(slots(), Ok(1));
            end_fault();
            let back = wait_for(Duration::from_secs(5), || (slots() == Ok(2)).then_some(()));
            assert!(back.is_some(), "{}", own_log());
            assert_eq!(sign(&session, key), Ok(64), "{}", own_log());
        },
    );
}

#[test]
fn a_signature_that_does_not_verify_goes_no_further() {
    alone(
        here!(),
        || Faulty::new(""),
        || {
            let module = Module::initialized();
            let (session, key) = open(&module, LABEL);
            fault("wrong");
            assert_eq!(sign(&session, key), Err(CKR_DEVICE_ERROR));
            assert!(
                own_log().contains("does not verify; it was not used"),
                "{}",
                own_log()
            );
            end_fault();
            let key = session.private_key("p256");
            assert_eq!(sign(&session, key), Ok(64));
        },
    );
}

/// One failed call, and the next one works; the other slot and this process notice nothing.
fn costs_one_call(kind: &str, strike: impl Fn(), words: &str) {
    let module = Module::initialized();
    let (session, key) = open(&module, LABEL);
    let (sound, other) = open(&module, "sound");
    assert_eq!(sign(&session, key), Ok(64), "{}", own_log());
    for _ in 0..3 {
        strike();
        assert_eq!(
            sign(&session, key),
            Err(CKR_DEVICE_ERROR),
            "{kind}: {}",
            own_log()
        );
        assert_eq!(sign(&sound, other), Ok(64), "{kind}");
        assert_eq!(sign(&session, key), Ok(64), "{kind}: {}", own_log());
    }
    assert!(own_log().contains(words), "{kind}: {}", own_log());
    drop((session, sound));
    assert_eq!(module.finalize(), Ok(()));
    let left = children_of(own_pid());
    assert!(left.is_empty(), "processes are left: {left:?}");
}

fn own_pid() -> libc::pid_t {
    libc::pid_t::try_from(std::process::id()).expect("a number of a process")
}

/// A signal that ends or stops the module's process, and the moment until all its threads have felt it.
fn strike(signal: libc::c_int) {
    for child in children_of(own_pid()) {
        // SAFETY: a child of this process alone, started by the library for its module.
        unsafe { libc::kill(child, signal) };
        let still = || (!has_running_threads(child)).then_some(());
        wait_for(Duration::from_secs(5), still).expect("the signal is felt");
    }
}

/// By the state in `/proc`: neither stopped, nor dead, nor gone.
fn has_running_threads(pid: libc::pid_t) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut threads = tasks.into_iter().flatten().flatten();
    threads.any(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'T' | 'Z' | 'X'))
    })
}

#[test]
fn a_crash_costs_one_call() {
    let setup = || Faulty::new(&in_a_process("10s"));
    alone(here!(), setup, || {
        costs_one_call(
            "crash",
            || fault("crash"),
            "its process ended (signal: 11 (SIGSEGV)",
        );
    });
}

#[test]
fn a_hang_costs_one_call() {
    let setup = || Faulty::new(&in_a_process("500ms"));
    alone(here!(), setup, || {
        costs_one_call("hang", || fault("hang"), "it did not answer within 500ms");
    });
}

#[test]
fn a_killed_process_costs_one_call() {
    let setup = || Faulty::new(&in_a_process("10s"));
    alone(here!(), setup, || {
        costs_one_call(
            "kill",
            || strike(libc::SIGKILL),
            "its process ended (signal: 9 (SIGKILL))",
        );
    });
}

#[test]
fn a_stopped_process_costs_one_call() {
    let setup = || Faulty::new(&in_a_process("500ms"));
    alone(here!(), setup, || {
        costs_one_call(
            "stop",
            || strike(libc::SIGSTOP),
            "it did not answer within 500ms",
        );
    });
}
