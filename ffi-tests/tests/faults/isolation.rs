//! What a server's fault does not touch: other slots, and the patience of whoever asks often.

use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::{FakeServer, Fault};
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::session::{Session, class};

use crate::stage::usual;

fn listing(module: &Module, label: &str, kind: CK_OBJECT_CLASS) -> Answer<usize> {
    let session = Session::open(module, module.slot(label))?;
    Ok(session.find(&class(kind))?.len())
}

/// Two slots, the first of which has three seconds, and its server never answers.
fn with_a_hanging_slot(test: &str, body: impl FnOnce(&Module, &FakeServer, &FakeServer)) {
    alone(test, LateConfiguration::default, || {
        let hanging = FakeServer::with(usual).start();
        let sound = FakeServer::with(usual).start();
        hanging.misbehave(Fault::Silence);
        let _configuration = configure(&[
            SlotEntry::new("hanging", hanging.endpoint()).deadline("3s"),
            SlotEntry::new("sound", sound.endpoint()),
        ]);
        body(&Module::initialized(), &hanging, &sound);
    });
}

#[test]
fn another_slot_works_while_one_hangs() {
    with_a_hanging_slot(here!(), |module, hanging, _| {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| listing(module, "hanging", CKO_PUBLIC_KEY));
            while hanging.tally().messages == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(listing(module, "sound", CKO_PUBLIC_KEY), Ok(3));
            let session = Session::open(module, module.slot("sound")).expect("a session");
            let key = session.private_key("web");
            assert!(session.sign(CKM_ECDSA, key, &[7; 32]).is_ok());
            assert!(module.slots().is_ok_and(|slots| slots.len() == 2));
            assert!(!waiting.is_finished(), "all this went on meanwhile");
            let verdict = waiting.join().expect("no panic");
            assert_eq!(verdict, Err(CKR_DEVICE_ERROR));
        });
    });
}

/// OpenSSH searches a slot for public keys and for certificates, ssh once more after a PIN that it
/// asks for when it found none; and goes to the next slot.
#[test]
fn a_hang_costs_one_deadline_however_many_searches_there_are() {
    with_a_hanging_slot(here!(), |module, hanging, _| {
        let start = Instant::now();
        for kind in [CKO_PUBLIC_KEY, CKO_CERTIFICATE, CKO_PUBLIC_KEY] {
            let verdict = listing(module, "hanging", kind);
            assert_eq!(verdict, Err(CKR_DEVICE_ERROR), "never an empty list");
        }
        assert_eq!(listing(module, "sound", CKO_PUBLIC_KEY), Ok(3));
        assert!(
            start.elapsed() < Duration::from_millis(5900),
            "two deadlines"
        );
        assert_eq!(hanging.tally().messages, 1);
    });
}

#[test]
fn threads_that_wait_for_the_same_listing_wait_one_deadline() {
    with_a_hanging_slot(here!(), |module, hanging, _| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let verdict = listing(module, "hanging", CKO_PUBLIC_KEY);
                    assert_eq!(verdict, Err(CKR_DEVICE_ERROR));
                });
            }
        });
        assert!(
            start.elapsed() < Duration::from_millis(5900),
            "two deadlines"
        );
        assert_eq!(hanging.tally().messages, 1);
    });
}

#[test]
fn what_was_listed_before_stays_while_the_server_is_away() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(usual).start();
        let slot = SlotEntry::new("slot", server.endpoint()).line("cache.ttl = \"0s\"");
        let configuration = configure(&[slot]);
        let module = Module::initialized();
        assert_eq!(listing(&module, "slot", CKO_PUBLIC_KEY), Ok(3));
        server.stop();
        assert_eq!(listing(&module, "slot", CKO_PUBLIC_KEY), Ok(3));
        assert!(configuration.log().contains("cannot be reached"));
    });
}
