//! What a server says in words: fit for a log and a label, whatever it is.

use cryptoki_sys::*;
use ffi_tests::fake_server::{FakeServer, Fault, Refused};
use ffi_tests::here;
use ffi_tests::session::class;
use kmip_p11::kmip::ResultReason;

use crate::stage::{Stage, staged, staged_at, usual};

/// Ends lines, colours terminals, hides, and pretends to be a record of ours.
const EVIL: &str = "no\n\r2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{0}\u{85}\u{2028}\u{202e}";

/// No control character in any line, and no line that a server wrote.
#[track_caller]
fn is_clean(stage: &Stage) {
    let log = stage.log();
    let unfit = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}');
    for line in log.lines() {
        assert!(!line.contains(unfit), "{line:?}");
        assert!(line.len() < 4096, "a line of {} bytes", line.len());
        assert!(!line.trim_start().starts_with("2026-01-01"), "{line:?}");
    }
}

fn refused(message: &str) -> Fault {
    Fault::RefusedMessage(Refused::new(ResultReason::GENERAL_FAILURE, message))
}

#[test]
fn control_characters_in_a_refusal() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.server.misbehave(refused(EVIL));
        assert!(stage.sign(&session, "web").is_err());
        assert!(
            stage.log().contains("ERROR forged"),
            "it is told, in a line"
        );
        is_clean(stage);
    });
}

#[test]
fn ten_megabytes_of_refusal() {
    staged(here!(), |stage| {
        stage.lists_again(3);
        let session = stage.session();
        stage.server.misbehave(refused(&"words ".repeat(10 << 17)));
        assert!(stage.sign(&session, "web").is_err());
        assert!(stage.log().contains("words words"));
        is_clean(stage);
        stage.server.behave();
        stage.signs(&session, "web");
    });
}

#[test]
fn control_characters_in_a_listing_that_is_refused() {
    staged(here!(), |stage| {
        stage.server.misbehave(refused(EVIL));
        assert!(stage.listing().is_err());
        is_clean(stage);
    });
}

#[test]
fn names_and_identifiers_of_any_kind() {
    let plan = || {
        FakeServer::with(|vault| {
            usual(vault);
            vault.at("private-1").names = vec![EVIL.into()];
            vault.at("private-2").names = vec!["n".repeat(100_000)];
            let evil = format!("private-3{EVIL}");
            vault.at("public-3").value.clear();
            vault.at("private-3").id = evil;
        })
    };
    staged_at(here!(), plan, |stage| {
        let session = stage.session();
        let found = session.find(&class(CKO_PUBLIC_KEY)).expect("a listing");
        assert_eq!(found.len(), 2, "{}", stage.log());
        for object in found {
            let label = session.attribute(object, CKA_LABEL).expect("a label");
            let label = String::from_utf8(label).expect("a label is UTF-8");
            assert!(label.len() <= 255, "OpenSSH would stop listing here");
            assert!(!label.contains(char::is_control), "{label:?}");
        }
        is_clean(stage);
    });
}
