//! Servers whose connections are good, and whose answers are not answers.

use std::time::Duration;

use cryptoki_sys::*;
use ffi_tests::fake_server::Fault;
use ffi_tests::here;
use kmip_p11::kmip::Operation;

use crate::stage::{DEADLINE, staged, timed};

/// A listing and a signature fail in time with that reason in the log; what comes next is right.
#[track_caller]
fn refused(test: &str, fault: &Fault, reason: &str) {
    staged(test, |stage| {
        stage.server.misbehave(fault.clone());
        timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
        stage.logged(reason);
        stage.server.behave();
        stage.lists_again(3);
        let session = stage.session();
        stage.server.misbehave(fault.clone());
        let before = stage.server.tally();
        timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
        let asked = stage.server.tally().of(Operation::SIGN) - before.of(Operation::SIGN);
        assert_eq!(asked, 1, "a wrong answer is no reason to ask again");
        stage.server.behave();
        stage.server.count_anew();
        stage.signs(&session, "web");
        assert_eq!(stage.server.tally().connections, 1, "a fresh one");
    });
}

#[test]
fn a_length_of_two_gigabytes() {
    let header = b"\x42\x00\x7b\x01\x7f\xff\xff\xff".to_vec();
    let reason = "sent an answer of more than";
    refused(here!(), &Fault::Instead(header), reason);
}

#[test]
fn a_length_that_is_short_of_the_message() {
    refused(here!(), &Fault::LengthOffBy(-8), "sent a malformed answer");
}

#[test]
fn a_length_beyond_the_message() {
    // Eight bytes are waited for that never come: only the deadline can end that.
    let fault = Fault::LengthOffBy(8);
    refused(here!(), &fault, "did not answer in time (in the middle");
}

#[test]
fn a_web_server() {
    let page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
    refused(here!(), &Fault::Instead(page), "it is not a KMIP message");
}

#[test]
fn random_bytes() {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let noise: Vec<u8> = noise.take(4096).collect();
    refused(here!(), &Fault::Instead(noise), "it is not a KMIP message");
}

#[test]
fn a_message_of_noise() {
    let mut message = b"\x42\x00\x7b\x01\x00\x00\x00\x40".to_vec();
    message.extend([0xa5; 64]);
    refused(here!(), &Fault::Instead(message), "sent a malformed answer");
}

#[test]
fn structures_nested_ten_thousand_deep() {
    let depth = 10_000_u32;
    let open = |level: u32| {
        let inner = 8 * (depth - level);
        [[0x42, 0, 0x7b, 1], inner.to_be_bytes()].concat()
    };
    let message: Vec<u8> = (0..=depth).flat_map(open).collect();
    refused(here!(), &Fault::Instead(message), "nested too deeply");
}

#[test]
fn an_item_that_nobody_asked() {
    refused(
        here!(),
        &Fault::WrongBatchId,
        "the reply to another request",
    );
}

#[test]
fn an_answer_to_another_operation() {
    let fault = Fault::WrongOperation(Operation::DESTROY);
    refused(here!(), &fault, "the reply to another request: Destroy");
}

#[test]
fn the_answer_before_once_more() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.signs(&session, "web");
        stage.server.misbehave(Fault::Previous);
        timed(|| stage.sign(&session, "other")).failed(CKR_DEVICE_ERROR);
        stage.logged("sent the reply to another request");
        stage.server.behave();
        stage.signs(&session, "other");
    });
}

#[test]
fn an_answer_that_comes_when_nobody_waits_any_more() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.signs(&session, "web");
        let late = Fault::Delay(DEADLINE + Duration::from_millis(300));
        stage.server.misbehave_times(1, late);
        timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
        std::thread::sleep(Duration::from_millis(400));
        stage.signs(&session, "other");
        stage.signs(&session, "web");
    });
}
