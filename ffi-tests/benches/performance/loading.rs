//! The start of the library in a process that has not loaded it before, and the threads it makes: none.

use std::time::{Duration, Instant};

use cryptoki_sys::CKM_ECDSA;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::FakeServer;
use ffi_tests::module::Module;
use ffi_tests::own_process::Surroundings;
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;

use crate::inside;
use crate::table::{Measured, ValueRow, median, shown};

const STARTS: usize = 40;

/// All of them.
pub fn rows() -> Vec<ValueRow> {
    let server = FakeServer::with(|vault| {
        vault.pairs(1);
    });
    let server = server.start();
    let configuration = Configuration::new(&[SlotEntry::new(LABEL, server.endpoint())]);
    let start = || {
        let nanoseconds = in_a_new_process("start", &configuration);
        Duration::from_nanos(nanoseconds.first().copied().expect("a time"))
    };
    let start = median((0..STARTS).map(|_| start()).collect());
    assert_eq!(server.tally().connections, 0, "C_Initialize asks nobody");
    let threads = in_a_new_process("threads", &configuration);
    let &[before, initialized, signed] = threads.as_slice() else {
        panic!("{threads:?}");
    };
    let (after_start, after_signature) = (initialized - before, signed - before);
    vec![
        ValueRow {
            what: "dlopen + C_Initialize + C_Finalize, first in a process".into(),
            measured: Measured::Here(shown(start)),
            target: None,
        },
        ValueRow {
            what: "threads added by C_Initialize, by a listing and a signature".into(),
            measured: Measured::Here(format!("{after_start}, {after_signature}")),
            target: Some(("0, 0".into(), after_start + after_signature == 0)),
        },
    ]
}

fn in_a_new_process(part: &str, configuration: &Configuration) -> Vec<u64> {
    let mut command = inside(part);
    command.envs(configuration.environment());
    let text = run(&mut command).text();
    let words = text.split_whitespace();
    words.map(|word| word.parse().expect("a number")).collect()
}

/// Loads, initialises and finalises the library, and prints how long that took.
pub fn start_here() {
    let start = Instant::now();
    let module = Module::initialized();
    module.finalize().expect("C_Finalize");
    println!("{}", start.elapsed().as_nanos());
}

/// Prints how many threads there are: before all, after C_Initialize, after a signature.
pub fn count_threads_here() {
    let before = threads();
    let module = Module::initialized();
    let initialized = threads();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    let key = session.private_key("key-000");
    session.sign(CKM_ECDSA, key, &[7; 32]).expect("a signature");
    println!("{before} {initialized} {}", threads());
}

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.count()
}
