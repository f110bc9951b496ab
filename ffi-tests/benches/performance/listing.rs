//! What a listing costs in stores of several sizes: on the way, in time, and in memory.

use std::time::{Duration, Instant};

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::counting_proxy::Passed;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::module::Module;
use ffi_tests::own_process::Surroundings;
use ffi_tests::passage::{Passage, warm};
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;

use crate::inside;
use crate::table::{Measured, ValueRow, WireRow, shown};

/// Keys in the store.
const SIZES: [usize; 4] = [64, 1_000, 10_000, 100_000];

/// As much as a person would wait for.
const DEADLINE: &str = "kmip.deadline = \"5m\"";

/// All of them: on the way, and time with memory.
pub fn rows() -> (Vec<WireRow>, Vec<ValueRow>) {
    let (mut wire, mut values) = (vec![], vec![]);
    for size in SIZES {
        let server = FakeServer::with(|vault| {
            vault.bulk(size);
        });
        let server = server.start();
        let mut add = |what: String, slot: fn(SlotEntry) -> SlotEntry| {
            let cost = listed(&server, slot);
            wire.push(WireRow {
                what: what.clone(),
                measured: Measured::Here(cost.passed),
                target: None,
            });
            let (time, peak) = (shown(cost.time), cost.grown / 1024);
            values.push(ValueRow {
                what,
                measured: Measured::Here(format!("{time}, {peak} MiB more")),
                target: None,
            });
        };
        add(format!("listing of {size} keys, fake server"), |slot| slot);
        add(format!("listing of one named key among {size}"), |slot| {
            slot.line("keys.names = [\"bulk-000042\"]")
        });
    }
    (wire, values)
}

struct Cost {
    passed: Passed,
    time: Duration,
    /// KiB of memory, at most, beyond what the process had before.
    grown: u64,
}

/// In a process of its own, since memory is counted for a process.
fn listed(server: &FakeServer, adapt: fn(SlotEntry) -> SlotEntry) -> Cost {
    let passage = Passage::new(LABEL, server.endpoint(), |slot| adapt(slot.line(DEADLINE)));
    let configuration = Configuration::new(&[passage.slot()]);
    let (passed, text) = passage.cost(|| {
        let mut command = inside("listing");
        command.envs(configuration.environment());
        run(&mut command).text()
    });
    let mut numbers = text
        .split_whitespace()
        .map(|it| it.parse().expect("a number"));
    let mut next = || numbers.next().expect("two numbers");
    Cost {
        passed,
        time: Duration::from_nanos(next()),
        grown: next(),
    }
}

/// Lists, and prints how long it took and how much memory it took.
pub fn list_here() {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    let before = peak();
    let start = Instant::now();
    assert!(warm(&session) > 0, "nothing is listed");
    println!("{} {}", start.elapsed().as_nanos(), peak() - before);
}

/// The most memory that this process had in RAM, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a number of KiB").parse().expect("a number")
}
