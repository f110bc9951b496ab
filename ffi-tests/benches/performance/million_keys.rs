//! Keystores with a million real keys: found by ID and by label, and listed to the end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::configuration::Configuration;
use ffi_tests::module::Module;
use ffi_tests::own_process::Surroundings;
use ffi_tests::postgres_server::PostgresServer;
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};
use kmip_p11::config::{Backend, Config};
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::{NewKey, keystore};

use crate::inside;
use crate::table::{Measured, ValueRow, median, shown};

const KEYS: usize = 1_000_000;
const SEARCHES: usize = 500;
const MOST: Duration = Duration::from_millis(1);

/// All of them. Each key is made, sealed and written as any other.
pub fn rows() -> Vec<ValueRow> {
    let scratch = Scratch::new();
    let file = scratch.file("keys.db");
    let sqlite = format!("keystore.path = {file:?}");
    let bytes = || std::fs::metadata(&file).map_or(0, |file| file.len());
    let mut rows = of("SQLite", &sqlite, bytes);
    let server = PostgresServer::new();
    server.make_database("keys");
    let postgres = server.by_socket("alice", "keys");
    let postgres = format!("keystore.postgres = {postgres:?}");
    let bytes = || {
        let told = server.sql("keys", "SELECT pg_database_size('keys')");
        told.trim().parse().unwrap_or(0)
    };
    rows.extend(of("Postgres", &postgres, bytes));
    rows
}

fn of(place: &str, line: &str, bytes: impl Fn() -> u64) -> Vec<ValueRow> {
    let scratch = Scratch::new();
    let configuration = Configuration::of_text(&format!(
        "[[slot]]\nlabel = \"keys\"\n{line}\nkeystore.seal = \"file\"\nkeystore.seal_file = {:?}\n",
        scratch.file("credential")
    ));
    let filled = fill(&configuration);
    let size = bytes();
    let mut command: Command = inside("a keystore");
    command
        .envs(configuration.environment())
        .stderr(Stdio::inherit());
    let output = command.output().expect("this program can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().flat_map(str::parse).collect();
    let &[by_id, by_label, certificates, listing, before, after, most] = numbers.as_slice() else {
        panic!("{text}");
    };
    let what = |what: &str| format!("keystore of {KEYS} keys in {place}: {what}");
    let found = |how: &str, nanoseconds| {
        let time = Duration::from_nanos(nanoseconds);
        ValueRow {
            what: what(how),
            measured: Measured::Here(shown(time)),
            target: (place == "SQLite").then(|| (format!("at most {}", shown(MOST)), time <= MOST)),
        }
    };
    let plain = |how: &str, value: String| ValueRow {
        what: what(how),
        measured: Measured::Here(value),
        target: None,
    };
    vec![
        plain(
            "making them",
            format!("{} ({} MiB)", shown(filled), size >> 20),
        ),
        found("by CKA_ID", by_id),
        found("by CKA_LABEL", by_label),
        found("all certificates (none)", certificates),
        plain("all handles", shown(Duration::from_nanos(listing))),
        ValueRow {
            what: what("resident before, after and at most"),
            measured: Measured::Here(format!("{before}, {after}, {most} KiB")),
            target: Some(("+16 MiB".into(), most - before < 16 << 10)),
        },
    ]
}

fn name(number: usize) -> String {
    format!("user-{number:07}@example.org")
}

fn fill(configuration: &Configuration) -> Duration {
    let config = Config::load_from(configuration.path()).expect("a configuration");
    let slot = config.slots.first().expect("a slot");
    let Backend::Keystore(keystore) = &slot.backend else {
        panic!("another back end");
    };
    keystore::create("keys", keystore, None).expect("a keystore");
    let mut wanted = (0..KEYS).map(|number| NewKey::new(name(number), KeyType::Ed25519));
    let start = Instant::now();
    keystore::fill("keys", keystore, None, &mut wanted).expect("keys");
    start.elapsed()
}

/// Measures in a process of its own, and prints nanoseconds and KiB.
pub fn measure_here() {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot("keys")).expect("a session");
    let timed = |template: &Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>, wanted: usize| {
        let start = Instant::now();
        let found = session.find(template).expect("a search").len();
        let took = start.elapsed();
        assert_eq!(found, wanted);
        took
    };
    let labelled = |turn: usize| vec![(CKA_LABEL, name(turn * (KEYS / SEARCHES)).into_bytes())];
    let id = |turn: usize| {
        let object = session.find(&labelled(turn)).expect("a search")[0];
        vec![(CKA_ID, session.attribute(object, CKA_ID).expect("a value"))]
    };
    let ids: Vec<_> = (0..SEARCHES).map(id).collect();
    let by_id = median(ids.iter().map(|id| timed(id, 2)).collect());
    let by_label = (0..SEARCHES).map(|turn| timed(&labelled(turn), 2));
    let by_label = median(by_label.collect());
    let certificates = median((0..9).map(|_| timed(&class(CKO_CERTIFICATE), 0)).collect());
    let before = resident("VmRSS");
    let start = Instant::now();
    let listed = count(&session);
    let listing = start.elapsed();
    assert_eq!(listed, 2 * KEYS);
    for time in [by_id, by_label, certificates, listing] {
        println!("{}", time.as_nanos());
    }
    for kib in [before, resident("VmRSS"), resident("VmHWM")] {
        println!("{kib}");
    }
}

/// All handles, none of which is kept.
fn count(session: &Session<'_>) -> usize {
    let mut count = 0;
    let listed = session.each(&vec![], |_| count += 1);
    listed.expect("a listing");
    count
}

fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a number of KiB")
}
