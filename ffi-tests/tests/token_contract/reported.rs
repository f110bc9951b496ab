//! A run of checks, here or in a process of its own, and what came of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use ffi_tests::own_process::{Surroundings, alone_within};
use ffi_tests::place::Kind;
use ffi_tests::scratch::Scratch;

use crate::document;
use crate::outcome::{Outcome, cell};

/// Where a process of its own writes what came of its checks.
const RESULTS: &str = "KMIP_P11_TEST_RESULTS";
/// A part of the names of the checks that are run, if not all are.
const ONLY: &str = "KMIP_P11_ONLY";

/// Of all checks together, on a machine that is busy with something else.
const LIMIT: Duration = Duration::from_secs(300);

/// A check's name, and its cell or what is wrong.
type Row = (String, Result<String, String>);

/// Runs the checks, those of a part of them if that is wanted.
pub fn run<'a>(
    kind: Kind,
    checks: impl Iterator<Item = (&'a str, impl FnOnce() -> Outcome)>,
) -> Vec<Row> {
    let only = std::env::var(ONLY).unwrap_or_default();
    let mut rows = vec![];
    for (name, check) in checks.filter(|(name, _)| name.contains(&only)) {
        let start = std::time::Instant::now();
        let outcome = cell(kind, name, check());
        println!("{}: {name}: {:?}", kind.name(), start.elapsed());
        rows.push((name.to_owned(), outcome));
    }
    rows
}

/// What a test needs around its process, and a file for what came of it.
struct Around<S> {
    inner: S,
    file: PathBuf,
}

impl<S: Surroundings> Surroundings for Around<S> {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut all = self.inner.environment();
        all.push((RESULTS, self.file.clone().into()));
        let only = std::env::var_os(ONLY).map(|only| (ONLY, only));
        all.extend(only);
        all
    }
}

/// Runs a body in a process of its own, and compares what it gives.
#[track_caller]
pub fn in_a_process<S: Surroundings>(
    kind: Kind,
    test: &'static str,
    surroundings: impl FnOnce() -> S,
    body: impl FnOnce() -> Vec<Row>,
) {
    let results = Scratch::new();
    let file = results.file("results");
    let around = || Around {
        inner: surroundings(),
        file: file.clone(),
    };
    alone_within(LIMIT, test, around, || write(&body()));
    if std::env::var_os(RESULTS).is_none() {
        compare(kind, &read(&results.read("results")));
    }
}

/// In the child: a line for each check.
fn write(rows: &[Row]) {
    let line = |(name, outcome): &Row| {
        let (word, text) = match outcome {
            Ok(cell) => ("ok", cell),
            Err(what) => ("wrong", what),
        };
        format!("{name}\t{word}\t{}\n", text.replace(['\n', '\t'], " "))
    };
    let text: String = rows.iter().map(line).collect();
    let path = std::env::var_os(RESULTS).map(PathBuf::from);
    std::fs::write(path.expect("the parent has set it"), text).expect("it can be written");
}

fn read(text: &str) -> Vec<Row> {
    let rows = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let (name, word, text) = (parts.next()?, parts.next()?, parts.next()?);
        let is_ok = word == "ok";
        Some((name, if is_ok { Ok(text) } else { Err(text) }))
    });
    rows.collect()
}

/// Everything came to what it had to, and the document says so.
#[track_caller]
pub fn compare(kind: Kind, rows: &[Row]) {
    assert!(!rows.is_empty(), "no check was run");
    let told = |(name, outcome): &Row| {
        let what = outcome.as_ref().err()?;
        Some(format!("{name}: {what}"))
    };
    let wrong: Vec<_> = rows.iter().filter_map(told).collect();
    assert!(wrong.is_empty(), "{}:\n{}", kind.name(), wrong.join("\n"));
    let cells = rows.iter().filter_map(|(name, outcome)| {
        let cell = outcome.as_ref().ok()?;
        Some((name.as_str(), cell.clone()))
    });
    document::tells(kind, &cells.collect::<Vec<_>>());
}
