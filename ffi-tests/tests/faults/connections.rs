//! After a failure: what is remembered of it, and what is not. Which failures there are is the catalogue's.

use cryptoki_sys::*;
use ffi_tests::here;
use ffi_tests::process::wait_for;
use kmip_p11::kmip::Operation;

use crate::catalogue::named;
use crate::stage::{DEADLINE, SLACK, Stage, staged, timed};

/// Searches in the same breath neither wait once more nor find "no keys".
#[track_caller]
fn is_remembered(test: &str, fault: &str) {
    staged(test, |stage| {
        stage.server.misbehave(named(fault).fault);
        timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
        let before = stage.server.tally();
        timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
        assert_eq!(stage.server.tally(), before);
        stage.server.behave();
        stage.lists_again(3);
    });
}

#[test]
fn a_listing_without_answer_is_remembered_for_a_moment() {
    is_remembered(here!(), "silence");
}

#[test]
fn a_listing_that_was_cut_is_remembered_for_a_moment() {
    is_remembered(here!(), "closed before the answer");
}

#[test]
fn a_listing_that_was_no_answer_is_remembered_for_a_moment() {
    is_remembered(here!(), "a message of noise");
}

/// A failed connection is not used again, and a wrong answer is no reason to ask again.
#[track_caller]
fn signs_over_a_fresh_connection(stage: &Stage, fault: &str, asked: usize) {
    let session = stage.session();
    stage.signs(&session, "web");
    stage.server.count_anew();
    stage.server.misbehave(named(fault).fault);
    timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
    assert_eq!(stage.server.tally().of(Operation::SIGN), asked, "{fault}");
    stage.server.behave();
    stage.server.count_anew();
    stage.signs(&session, "web");
    assert_eq!(stage.server.tally().connections, 1, "{fault}");
}

#[test]
fn after_a_wrong_answer_comes_a_fresh_connection() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        for fault in [
            "noise",
            "a message of noise",
            "a length of 2 GiB",
            "a length short by 8",
            "10000 structures nested",
            "a wrong batch item ID",
            "another operation",
        ] {
            signs_over_a_fresh_connection(stage, fault, 1);
        }
    });
}

#[test]
fn after_no_answer_comes_a_fresh_connection() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        for fault in ["silence", "a drip of 100 ms a byte", "a length beyond by 8"] {
            signs_over_a_fresh_connection(stage, fault, 1);
        }
        for fault in ["closed in mid answer", "reset before the answer"] {
            signs_over_a_fresh_connection(stage, fault, 2);
        }
    });
}

#[test]
fn a_port_at_which_nobody_listens() {
    staged(here!(), |stage| {
        stage.server.stop();
        timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
        stage.logged("cannot be reached: Connection refused");
        stage.server.start_again();
        stage.lists_again(3);
        let session = stage.session();
        stage.server.stop();
        timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
        stage.server.start_again();
        stage.signs(&session, "web");
    });
}

/// Who asks again finds the server, or nobody: that is a matter of moments. It is in time, and it is over with the restart.
#[test]
fn a_server_that_starts_again_in_mid_call() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.signs(&session, "web");
        stage.server.count_anew();
        stage.server.misbehave_times(1, named("silence").fault);
        let signed = std::thread::scope(|scope| {
            scope.spawn(|| {
                let asked = || (stage.server.tally().messages > 0).then_some(());
                wait_for(SLACK, asked).expect("it is asked");
                stage.server.kill();
                stage.server.start_again();
            });
            timed(|| stage.sign(&session, "web"))
        });
        assert!(signed.took < DEADLINE + SLACK, "{:?}", signed.took);
        if let Err(code) = signed.answer {
            assert_eq!(code, CKR_DEVICE_ERROR, "{}", stage.log());
        }
        stage.signs(&session, "web");
    });
}
