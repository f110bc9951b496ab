//! Answers that come for somebody else: the one before, and one that is too late.

use std::time::Duration;

use cryptoki_sys::*;
use ffi_tests::fake_server::Fault;
use ffi_tests::here;

use crate::stage::{DEADLINE, staged, timed};

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
