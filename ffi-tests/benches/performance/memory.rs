//! What is served from memory: searches over 100 keys, an attribute, and a call that does nothing else.
//!
//! # Safety
//! The calls keep `module`'s contract: each pointer is valid for the length beside it.

use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::late_configuration::configure;
use ffi_tests::module::Module;
use ffi_tests::passage::warm;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, class};

use crate::table::{Measured, ValueRow, median, shown};

const KEYS: usize = 100;
const TURNS: usize = 500;
const CALLS_IN_A_TURN: u32 = 100;

/// All of them.
pub fn rows() -> Vec<ValueRow> {
    let server = FakeServer::with(|vault| {
        vault.pairs(KEYS);
    });
    let server = server.start();
    let slot = SlotEntry::new(LABEL, server.endpoint()).line("cache.ttl = \"1h\"");
    let _configuration = configure(&[slot]);
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    assert_eq!(warm(&session), KEYS);
    server.count_anew();
    let rows = vec![
        search(&session),
        search_at_once(&module, &session),
        attribute(&module, &session),
        bare_call(&module, &session),
    ];
    assert_eq!(server.tally().messages, 0, "all this costs no request");
    drop(session);
    module.finalize().expect("C_Finalize");
    rows
}

fn row(what: String, value: String) -> ValueRow {
    ValueRow {
        what,
        measured: Measured::Here(value),
        target: None,
    }
}

/// One with a time that is not to be passed.
fn row_within(what: String, took: Duration, most: Duration) -> ValueRow {
    let target = Some((format!("at most {}", shown(most)), took <= most));
    let row = row(what, shown(took));
    ValueRow { target, ..row }
}

/// As OpenSSH searches: one handle at a time.
fn search(session: &Session<'_>) -> ValueRow {
    let template = class(CKO_PUBLIC_KEY);
    let turn = || {
        let start = Instant::now();
        let found = session.find(&template).expect("a search");
        let took = start.elapsed();
        assert_eq!(found.len(), KEYS);
        took
    };
    let median = median((0..TURNS).map(|_| turn()).collect());
    let what = format!("C_FindObjects, all of {KEYS} keys, one a call");
    row(what, shown(median))
}

/// The same with room for all: C_FindObjectsInit, one C_FindObjects and C_FindObjectsFinal.
fn search_at_once(module: &Module, session: &Session<'_>) -> ValueRow {
    let mut public = CKO_PUBLIC_KEY;
    let mut handles = [0; KEYS];
    let mut turn = |handles: &mut [CK_OBJECT_HANDLE; KEYS]| {
        let (session, mut count) = (session.handle, 0);
        let mut wanted = CK_ATTRIBUTE {
            type_: CKA_CLASS,
            pValue: (&raw mut public).cast(),
            ulValueLen: size_of::<CK_OBJECT_CLASS>() as CK_ULONG,
        };
        let start = Instant::now();
        let begun = call!(module, C_FindObjectsInit, session, &mut wanted, 1);
        let (place, room) = (handles.as_mut_ptr(), KEYS as CK_ULONG);
        let found = call!(module, C_FindObjects, session, place, room, &mut count);
        let ended = call!(module, C_FindObjectsFinal, session);
        let took = start.elapsed();
        assert_eq!([begun, found, ended], [CKR_OK; 3]);
        assert_eq!(count, KEYS as CK_ULONG);
        took
    };
    let median = median((0..TURNS).map(|_| turn(&mut handles)).collect());
    let what = format!("C_FindObjects, all of {KEYS} keys in one call");
    row_within(what, median, Duration::from_micros(10))
}

/// What every call costs: C_GetSessionInfo does next to nothing.
fn bare_call(module: &Module, session: &Session<'_>) -> ValueRow {
    let mut info = CK_SESSION_INFO::default();
    let mut turn = || {
        let start = Instant::now();
        for _ in 0..CALLS_IN_A_TURN {
            let rv = call!(module, C_GetSessionInfo, session.handle, &mut info);
            assert_eq!(rv, CKR_OK);
        }
        start.elapsed() / CALLS_IN_A_TURN
    };
    let median = median((0..TURNS).map(|_| turn()).collect());
    let what = "C_GetSessionInfo, which is the call alone";
    row_within(what.into(), median, Duration::from_micros(1))
}

fn attribute(module: &Module, session: &Session<'_>) -> ValueRow {
    let key = session.private_key("key-050");
    let mut label = [0_u8; 255];
    let turn = |label: &mut [u8; 255]| {
        let start = Instant::now();
        for _ in 0..CALLS_IN_A_TURN {
            let mut wanted = CK_ATTRIBUTE {
                type_: CKA_LABEL,
                pValue: label.as_mut_ptr().cast(),
                ulValueLen: label.len() as CK_ULONG,
            };
            let place = &mut wanted;
            let rv = call!(module, C_GetAttributeValue, session.handle, key, place, 1);
            assert_eq!((rv, wanted.ulValueLen), (CKR_OK, 7));
        }
        start.elapsed() / CALLS_IN_A_TURN
    };
    let median = median((0..TURNS).map(|_| turn(&mut label)).collect());
    row("C_GetAttributeValue, CKA_LABEL".into(), shown(median))
}
