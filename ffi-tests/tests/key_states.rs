//! Keys that may not sign, may not leave their server, or are to be seen under another name: what programs get.

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::{FakeServer, Fault, Refused, Stored, Vault};
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::session::{Session, class};
use kmip_p11::kmip::{Operation, ResultReason, State, Tag};

const LABEL: &str = "states";

/// A second of 1970, and one of the year 2100.
const LONG_AGO: i64 = 1;
const FAR_AHEAD: i64 = 4_102_444_800;

/// With a session on a slot with these lines, of a server with `key-000` to `key-002`.
#[track_caller]
fn with_session(
    test: &str,
    lines: &[&str],
    fill: impl FnOnce(&mut Vault),
    body: impl FnOnce(&Session<'_>, &FakeServer, &Configuration),
) {
    alone(test, LateConfiguration::default, || {
        let server = FakeServer::with(|vault| {
            vault.pairs(3);
            fill(vault);
        });
        let server = server.start();
        let slot = SlotEntry::new(LABEL, server.endpoint());
        let slot = lines.iter().fold(slot, |slot, line| slot.line(*line));
        let configuration = configure(&[slot]);
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        body(&session, &server, &configuration);
    });
}

fn text(session: &Session<'_>, handle: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> String {
    let value = session.attribute(handle, kind).expect("an attribute");
    String::from_utf8(value).expect("UTF-8")
}

fn labels(session: &Session<'_>) -> Vec<String> {
    let found = session.find(&class(CKO_PUBLIC_KEY)).expect("a search");
    let labels = found.into_iter().map(|it| text(session, it, CKA_LABEL));
    labels.collect()
}

/// Both halves of the middle one.
fn spoil(vault: &mut Vault, spoil: impl Fn(&mut Stored)) {
    for half in ["private-2", "public-2"] {
        spoil(vault.at(half));
    }
}

#[test]
fn a_key_past_its_protect_stop_date_is_not_shown_though_it_is_active() {
    let fill = |vault: &mut Vault| {
        spoil(vault, |it| {
            it.dates = vec![(Tag::PROTECT_STOP_DATE, LONG_AGO)]
        });
    };
    with_session(here!(), &[], fill, |session, _, configuration| {
        assert_eq!(labels(session), ["key-000", "key-002"]);
        assert!(
            configuration.log().contains("Protect Stop Date"),
            "{}",
            configuration.log()
        );
    });
}

#[test]
fn dates_to_come_are_told_to_programs() {
    let fill = |vault: &mut Vault| {
        let dates = [
            (Tag::ACTIVATION_DATE, LONG_AGO),
            (Tag::DEACTIVATION_DATE, FAR_AHEAD),
        ];
        spoil(vault, |it| it.dates = dates.to_vec());
    };
    with_session(here!(), &[], fill, |session, _, _| {
        let key = session.private_key("key-001");
        assert_eq!(text(session, key, CKA_START_DATE), "19700101");
        assert_eq!(text(session, key, CKA_END_DATE), "21000101");
        let other = session.private_key("key-002");
        assert_eq!(text(session, other, CKA_END_DATE), "");
    });
}

#[test]
fn a_shown_key_that_is_not_active_says_so_and_signs_nothing() {
    let lines = ["keys.states = [\"active\", \"deactivated\"]"];
    let fill = |vault: &mut Vault| spoil(vault, |it| it.state = State::DEACTIVATED);
    with_session(here!(), &lines, fill, |session, server, _| {
        assert_eq!(labels(session).len(), 3);
        let old = session.private_key("key-001");
        assert_eq!(session.attribute(old, CKA_SIGN), Ok(vec![CK_FALSE]));
        let refused = session.sign_init(CKM_ECDSA, old);
        assert_eq!(refused, Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        assert_eq!(server.tally().of(Operation::SIGN), 0);
        let active = session.private_key("key-000");
        assert_eq!(session.attribute(active, CKA_SIGN), Ok(vec![CK_TRUE]));
        session
            .sign(CKM_ECDSA, active, &[7; 32])
            .expect("a signature");
    });
}

/// A server that cannot sign, and a slot that may use keys here.
#[test]
fn a_key_that_must_not_leave_its_server_is_not_used_here() {
    let lines = ["keys.local_use = true"];
    let fill = |vault: &mut Vault| vault.at("private-2").extractable = Some(false);
    with_session(here!(), &lines, fill, |session, server, configuration| {
        let cannot = Refused::new(ResultReason::OPERATION_NOT_SUPPORTED, "no signatures");
        let refused = Box::new(Fault::RefusedMessage(cannot));
        server.misbehave(Fault::On(Operation::SIGN, refused));
        let free = session.private_key("key-000");
        session
            .sign(CKM_ECDSA, free, &[7; 32])
            .expect("a signature");
        let bound = session.private_key("key-001");
        session
            .sign(CKM_ECDSA, bound, &[7; 32])
            .expect_err("it must not leave");
        assert!(
            configuration.log().contains("Extractable is false"),
            "{}",
            configuration.log()
        );
    });
}

#[test]
fn an_owner_chooses_cka_id_and_cka_label() {
    let fill = |vault: &mut Vault| {
        let said = |word: &str, value: &str| (format!("PKCS#11-{word}"), value.to_owned());
        vault.at("private-2").said = vec![said("CKA_ID", "0102"), said("CKA_LABEL", "front")];
        // Two that are the same are no use to anybody.
        vault.at("private-1").said = vec![said("CKA_ID", "07")];
        vault.at("private-3").said = vec![said("CKA_ID", "07")];
    };
    with_session(here!(), &[], fill, |session, _, configuration| {
        let mut found = labels(session);
        found.sort();
        assert_eq!(found, ["front", "key-000", "key-002"]);
        for (id, hits) in [(&[1, 2][..], 1), (&[7], 0)] {
            let template = [(CKA_ID, id.to_vec())];
            for kind in [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY] {
                let mut template = template.to_vec();
                template.extend(class(kind));
                assert_eq!(
                    session.find(&template).map(|it| it.len()),
                    Ok(hits),
                    "{id:?}"
                );
            }
        }
        assert!(
            configuration
                .log()
                .contains("another key has the CKA_ID 07"),
            "{}",
            configuration.log()
        );
        let key = session.private_key("front");
        session.sign(CKM_ECDSA, key, &[7; 32]).expect("a signature");
    });
}
