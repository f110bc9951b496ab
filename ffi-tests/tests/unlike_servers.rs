//! A group of servers that hold the same keys and take different requests for a signature: what one cannot is no word on the other.

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::{FakeServer, Fault, Refused};
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::session::Session;
use ffi_tests::signature::{Scheme, digest, verifies};
use kmip_p11::kmip::{Operation, ResultReason};
use kmip_p11::model::public_key::{Curve, KeyType};

const LABEL: &str = "group";

/// Two servers, the first of which signs no digests, and the library that uses both.
struct Group {
    first: FakeServer,
    second: FakeServer,
    configuration: Configuration,
}

impl Group {
    fn new(lines: &[&str]) -> Self {
        let first = FakeServer::with(|vault| {
            vault.pair("web", KeyType::Ec(Curve::P256));
        });
        let first = first.start();
        let second = first.another();
        let slot = SlotEntry::new(LABEL, first.endpoint()).or_at(second.address());
        let slot = lines.iter().fold(slot, |slot, line| slot.line(*line));
        let refused = Refused::new(ResultReason::OPERATION_NOT_SUPPORTED, "no digests");
        let fault = Box::new(Fault::RefusedMessage(refused));
        first.misbehave(Fault::On(Operation::SIGN, fault));
        Self {
            configuration: configure(&[slot.deadline("3s")]),
            first,
            second,
        }
    }

    /// How often each was asked for a signature since it was asked the last time.
    fn asked(&self) -> (usize, usize) {
        let asked = |server: &FakeServer| server.count_anew().of(Operation::SIGN);
        (asked(&self.first), asked(&self.second))
    }
}

fn sign(session: &Session<'_>) -> Answer<Vec<u8>> {
    let key = session.private_key("web");
    let signature = session.sign(CKM_ECDSA, key, &digest("sha256", b"m"))?;
    let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO)?;
    assert!(verifies(Scheme::Ecdsa("sha256"), &spki, b"m", &signature));
    Ok(signature)
}

#[track_caller]
fn with(test: &str, lines: &[&str], body: impl FnOnce(&Group, &Session<'_>)) {
    alone(test, LateConfiguration::default, || {
        let group = Group::new(lines);
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        body(&group, &session);
    });
}

#[test]
fn what_the_first_cannot_the_second_is_asked_for() {
    with(here!(), &[], |group, session| {
        for asked in [(1, 1), (0, 1), (0, 1)] {
            sign(session).unwrap_or_else(|rv| panic!("{rv:#x}\n{}", group.configuration.log()));
            assert_eq!(group.asked(), asked, "{}", group.configuration.log());
        }
    });
}

#[test]
fn in_a_balanced_group_too() {
    with(here!(), &["kmip.order = \"balanced\""], |group, session| {
        for _ in 0..6 {
            sign(session).unwrap_or_else(|rv| panic!("{rv:#x}\n{}", group.configuration.log()));
        }
        let (first, second) = group.asked();
        assert!(first <= 3 && second == 6, "{first} and {second}");
    });
}

/// What one could not do is no reason not to ask the other, though it had failed when it was asked.
#[test]
fn what_is_known_of_one_says_nothing_of_the_other() {
    with(here!(), &[], |group, session| {
        group.second.misbehave(Fault::CloseAfter(0));
        let failed = sign(session).expect_err("the second is not there");
        assert_eq!(failed, CKR_DEVICE_ERROR, "{}", group.configuration.log());
        group.second.behave();
        sign(session).unwrap_or_else(|rv| panic!("{rv:#x}\n{}", group.configuration.log()));
    });
}
