//! Servers whose connections fail: each such failure is an error in time, and over when it is over.

use std::time::Duration;

use cryptoki_sys::*;
use ffi_tests::fake_server::Fault;
use ffi_tests::here;

use crate::stage::{Stage, staged, timed};

/// A listing and a signature meet the fault, fail in time with its reason, and work after it.
#[track_caller]
fn survives(test: &str, fault: &Fault, reason: &str) {
    staged(test, |stage| {
        listing_survives(stage, fault, reason);
        signature_survives(stage, fault, reason);
    });
}

fn listing_survives(stage: &Stage, fault: &Fault, reason: &str) {
    stage.server.misbehave(fault.clone());
    timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
    stage.logged(reason);
    // Searches in the same breath neither wait once more nor find "no keys".
    let before = stage.server.tally();
    timed(|| stage.listing()).failed(CKR_DEVICE_ERROR);
    assert_eq!(stage.server.tally(), before);
    stage.server.behave();
    stage.lists_again(3);
}

fn signature_survives(stage: &Stage, fault: &Fault, reason: &str) {
    let session = stage.session();
    stage.signs(&session, "web");
    let lines = stage.log().lines().count();
    stage.server.misbehave(fault.clone());
    timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
    let log = stage.log();
    let new: Vec<&str> = log.lines().skip(lines).collect();
    let address = stage.server.address();
    let said = new
        .iter()
        .any(|l| l.contains(reason) && l.contains(&address));
    assert!(said, "{reason:?} is not in {new:#?}");
    stage.server.behave();
    stage.server.count_anew();
    stage.signs(&session, "web");
    assert_eq!(stage.server.tally().connections, 1, "a fresh one");
}

#[test]
fn a_server_that_reads_and_never_answers() {
    survives(here!(), &Fault::Silence, "did not answer in time");
}

#[test]
fn a_server_that_drips() {
    let drip = Fault::Drip(Duration::from_millis(100));
    survives(here!(), &drip, "did not answer in time (in the middle");
}

#[test]
fn a_server_that_answers_too_late() {
    let late = Fault::Delay(Duration::from_millis(1500));
    survives(here!(), &late, "did not answer in time (before any reply)");
}

#[test]
fn a_server_that_closes_before_its_answer() {
    survives(here!(), &Fault::CloseAfter(0), "closed the connection");
}

#[test]
fn a_server_that_closes_after_a_byte() {
    survives(here!(), &Fault::CloseAfter(1), "closed the connection");
}

#[test]
fn a_server_that_closes_in_mid_message() {
    let fault = Fault::CloseAfter(100);
    survives(here!(), &fault, "closed the connection (in the middle");
}

#[test]
fn a_server_that_resets_before_its_answer() {
    survives(here!(), &Fault::ResetAfter(0), "closed the connection");
}

#[test]
fn a_server_that_resets_in_mid_message() {
    survives(here!(), &Fault::ResetAfter(100), "closed the connection");
}

#[test]
fn a_connection_on_which_nothing_comes() {
    // The idle connection is good: it has to go before a signature meets the fault.
    staged(here!(), |stage| {
        listing_survives(
            stage,
            &Fault::SilentFromTheStart,
            "during the TLS handshake",
        );
        restarted(stage);
        signature_on_a_new_connection(stage, &Fault::SilentFromTheStart, "TLS handshake");
    });
}

#[test]
fn a_client_certificate_that_is_refused() {
    staged(here!(), |stage| {
        let reason = "refused the client certificate";
        listing_survives(stage, &Fault::RefusedCertificate, reason);
        restarted(stage);
        signature_on_a_new_connection(stage, &Fault::RefusedCertificate, reason);
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

fn restarted(stage: &Stage) {
    stage.server.stop();
    stage.server.start_again();
}

fn signature_on_a_new_connection(stage: &Stage, fault: &Fault, reason: &str) {
    let session = stage.session();
    stage.server.misbehave(fault.clone());
    timed(|| stage.sign(&session, "web")).failed(CKR_DEVICE_ERROR);
    stage.logged(reason);
    stage.server.behave();
    stage.signs(&session, "web");
}
