//! Signatures by many threads beside those by one, where the way to the server is long.

use std::time::{Duration, Instant};

use cryptoki_sys::CKM_ECDSA;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::{FakeServer, Fault};
use ffi_tests::late_configuration::configure;
use ffi_tests::module::Module;
use ffi_tests::passage::warm;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;

use crate::table::{Measured, ValueRow};

const THREADS: usize = 16;
/// So many threads sign at least so many times as fast.
const LEAST: f64 = 15.0;
const ROUND_TRIP: Duration = Duration::from_millis(50);
const TURNS: usize = 20;

/// The one of them.
pub fn row() -> ValueRow {
    let server = FakeServer::with(|vault| {
        vault.pairs(1);
    });
    let server = server.start();
    let _configuration = configure(&[SlotEntry::new(LABEL, server.endpoint())]);
    let module = Module::initialized();
    server.misbehave(Fault::Delay(ROUND_TRIP));
    // Every thread has a connection before the clock is looked at.
    rate(&module, THREADS, 2);
    let (one, many) = (rate(&module, 1, TURNS), rate(&module, THREADS, TURNS));
    module.finalize().expect("C_Finalize");
    let ratio = many / one;
    ValueRow {
        what: format!("C_Sign by {THREADS} threads / by one, fake server 50 ms away"),
        measured: Measured::Here(format!("{ratio:.1} ({many:.0} / {one:.0} a second)")),
        target: Some((format!(">= {LEAST}"), ratio >= LEAST)),
    }
}

/// Signatures a second.
fn rate(module: &Module, threads: usize, turns: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let session = Session::open(module, module.slot(LABEL)).expect("a session");
                warm(&session);
                let key = session.private_key("key-000");
                for _ in 0..turns {
                    let signed = session.sign(CKM_ECDSA, key, &[7; 32]);
                    signed.expect("a signature");
                }
            });
        }
    });
    (threads * turns) as f64 / start.elapsed().as_secs_f64()
}
