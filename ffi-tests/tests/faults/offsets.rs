//! A connection that ends once, at each byte of an exchange: the signature comes over a fresh one, and only once more is asked.

use cryptoki_sys::CKM_ECDSA;
use ffi_tests::fake_server::{Ending, FakeServer, Fault};
use ffi_tests::here;
use ffi_tests::signature::digest;
use kmip_p11::kmip::Operation;

use crate::stage::{MESSAGE, Stage, staged, staged_over_https};

/// What is walked is shorter.
const ENDLESS: usize = 1024;
/// What is walked is longer: header, identifier and a digest or a signature.
const SHORTEST: usize = 150;

/// Walks until all arrives, and the end of its connection no longer matters. `heard` tells how often the server reads the request if
/// the connection ends.
#[track_caller]
fn walk(stage: &Stage, step: usize, heard: usize, fault: impl Fn(usize) -> Fault) {
    stage.lists_again(3);
    let session = stage.session();
    let key = session.private_key("web");
    let sign = || session.sign(CKM_ECDSA, key, &digest("sha256", MESSAGE));
    sign().expect("the connection is there");
    for offset in (0..ENDLESS).step_by(step) {
        stage.server.count_anew();
        stage.server.misbehave_times(1, fault(offset));
        let signed = sign();
        assert!(signed.is_ok(), "at {offset}: {signed:x?}\n{}", stage.log());
        let tally = stage.server.tally();
        if tally.connections == 0 {
            assert!(offset >= SHORTEST, "it is not that short: {offset}");
            return;
        }
        let counts = (tally.connections, tally.of(Operation::SIGN));
        assert_eq!(counts, (1, heard), "at {offset}");
    }
    panic!("nothing came whole in {ENDLESS} bytes");
}

#[test]
fn closed_at_every_byte_of_an_answer() {
    staged(here!(), |stage| walk_answer(stage, 1, Fault::CloseAfter));
}

#[test]
fn reset_at_every_third_byte_of_an_answer() {
    staged(here!(), |stage| walk_answer(stage, 3, Fault::ResetAfter));
}

/// The last end comes with the whole answer, and is noticed by the next signature.
#[track_caller]
fn walk_answer(stage: &Stage, step: usize, fault: fn(usize) -> Fault) {
    walk(stage, step, 2, fault);
}

#[test]
fn closed_at_every_byte_of_a_request() {
    let fault = |offset| Fault::CutRequest(offset, Ending::Closed);
    staged(here!(), |stage| walk(stage, 1, 1, fault));
}

#[test]
fn reset_at_every_third_byte_of_a_request() {
    let fault = |offset| Fault::CutRequest(offset, Ending::Reset);
    staged(here!(), |stage| walk(stage, 3, 1, fault));
}

#[test]
fn closed_at_every_byte_of_an_answers_records() {
    let fault = |offset| Fault::CutRecords(offset, Ending::Closed);
    staged(here!(), |stage| walk(stage, 1, 2, fault));
}

#[test]
fn reset_at_every_third_byte_of_an_answers_records() {
    let fault = |offset| Fault::CutRecords(offset, Ending::Reset);
    staged(here!(), |stage| walk(stage, 3, 2, fault));
}

/// TLS 1.2 has other records, and its client writes the request after the handshake.
#[test]
fn closed_at_every_third_byte_of_tls_1_2() {
    let plan = || FakeServer::with(crate::stage::usual).tls12();
    crate::stage::staged_at(here!(), plan, |stage| {
        let request = |offset| Fault::CutRequest(offset, Ending::Closed);
        walk(stage, 3, 1, request);
        let records = |offset| Fault::CutRecords(offset, Ending::Closed);
        walk(stage, 3, 2, records);
    });
}

#[test]
fn closed_at_every_third_byte_of_a_request_over_https() {
    let fault = |offset| Fault::CutRequest(offset, Ending::Closed);
    staged_over_https(here!(), |stage| walk(stage, 3, 1, fault));
}

#[test]
fn closed_at_every_third_byte_of_an_answer_over_https() {
    staged_over_https(here!(), |stage| walk_answer(stage, 3, Fault::CloseAfter));
}

#[test]
fn reset_at_every_third_byte_of_an_answers_records_over_https() {
    let fault = |offset| Fault::CutRecords(offset, Ending::Reset);
    staged_over_https(here!(), |stage| walk(stage, 3, 2, fault));
}
