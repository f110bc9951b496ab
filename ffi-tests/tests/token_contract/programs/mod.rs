//! The contract as programs see it: the shipped library, called through its C interface by a process of its own.

mod closed;
mod faults;
mod objects;
mod processes;
mod sessions;
mod signing;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::configuration::own_log;
use ffi_tests::module::{Module, answer};
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::place::{Furnished, Kind};
use ffi_tests::scene::LABEL;
use ffi_tests::scratch::Scratch;
use ffi_tests::session::Session;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::document;
use crate::exceptions::is_absent;
use crate::outcome::{Fault, Outcome, cell};

/// One demand on the library; it finds the keys of [`KEYS`] in the slot.
pub type Check = (&'static str, fn(&Stage) -> Outcome);

const OPEN: [&[Check]; 5] = [
    objects::CHECKS,
    signing::CHECKS,
    faults::CHECKS,
    sessions::CHECKS,
    processes::CHECKS,
];
const LOCKED: &[Check] = closed::CHECKS;

/// The keys that are there.
pub const KEYS: [(&str, KeyType); 5] = [
    ("rsa2048", KeyType::Rsa(2048)),
    ("p256", KeyType::Ec(Curve::P256)),
    ("p384", KeyType::Ec(Curve::P384)),
    ("p521", KeyType::Ec(Curve::P521)),
    ("ed25519", KeyType::Ed25519),
];

const RESULTS: &str = "KMIP_P11_TEST_RESULTS";
const PIN: &str = "KMIP_P11_TEST_PIN";

/// The library, loaded and initialized for one check.
pub struct Stage {
    /// The library.
    pub module: Module,
    /// The PIN, if the slot has one.
    pub pin: String,
}

impl Stage {
    /// The slot.
    pub fn slot(&self) -> CK_SLOT_ID {
        self.module.slot(LABEL)
    }

    /// A new session.
    pub fn session(&self) -> Outcome<Session<'_>> {
        Ok(Session::open(&self.module, self.slot())?)
    }

    /// C_GetMechanismList.
    pub fn mechanisms(&self) -> Outcome<Vec<CK_MECHANISM_TYPE>> {
        let (module, slot, mut count) = (&self.module, self.slot(), 0);
        let none = std::ptr::null_mut();
        answer(call!(module, C_GetMechanismList, slot, none, &mut count))?;
        let mut numbers = vec![0; count as usize];
        let place = numbers.as_mut_ptr();
        answer(call!(module, C_GetMechanismList, slot, place, &mut count))?;
        numbers.truncate(count as usize);
        Ok(numbers)
    }
}

/// What the child process finds around it.
struct Around {
    furnished: Furnished,
    variables: Vec<(&'static str, OsString)>,
}

impl Surroundings for Around {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        [self.furnished.environment(), self.variables.clone()].concat()
    }
}

/// The names of all checks, in their order.
pub fn names() -> Vec<&'static str> {
    let open = OPEN.iter().flat_map(|part| part.iter());
    open.chain(LOCKED).map(|(name, _)| *name).collect()
}

/// Runs the checks of a slot that needs no PIN.
#[track_caller]
pub fn hold(kind: Kind, test: &'static str) {
    let checks: Vec<_> = OPEN.iter().flat_map(|part| part.iter()).collect();
    in_a_process(kind, test, &checks, || (Furnished::of(kind, &KEYS), ""));
}

/// Runs the checks of a slot behind a PIN.
#[track_caller]
pub fn hold_locked(kind: Kind, test: &'static str) {
    let checks: Vec<_> = LOCKED.iter().collect();
    in_a_process(kind, test, &checks, || Furnished::locked(kind, &KEYS));
}

#[track_caller]
fn in_a_process(
    kind: Kind,
    test: &'static str,
    checks: &[&'static Check],
    furnish: impl FnOnce() -> (Furnished, &'static str),
) {
    if !kind.is_wanted(test) {
        return;
    }
    if checks.iter().all(|(name, _)| is_absent(kind, name)) {
        let cells = checks
            .iter()
            .map(|(name, _)| cell(kind, name, Ok(())).map(|it| (*name, it)));
        let cells: Result<Vec<_>, _> = cells.collect();
        return document::tells(kind, &cells.expect("nothing is asked"));
    }
    let results = Scratch::new();
    let file = results.file("results");
    let setup = || {
        let (furnished, pin) = furnish();
        Around {
            furnished,
            variables: vec![(RESULTS, file.clone().into()), (PIN, pin.into())],
        }
    };
    alone(test, setup, || run(kind, checks));
    if std::env::var_os(RESULTS).is_none() {
        compare(kind, checks, &file);
    }
}

/// In the child: a line for each check, with what it came to.
fn run(kind: Kind, checks: &[&Check]) {
    let only = std::env::var("KMIP_P11_ONLY").ok();
    let mut text = String::new();
    for (name, check) in checks {
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let start = std::time::Instant::now();
        let told = match cell(kind, name, staged(*check)) {
            Ok(cell) => format!("{name}\tok\t{cell}\n"),
            Err(what) => format!("{name}\twrong\t{}\n", what.replace(['\n', '\t'], " ")),
        };
        println!("{}: {told} {:?}", kind.name(), start.elapsed());
        text.push_str(&told);
    }
    if text.contains("\twrong\t") {
        let log = own_log();
        let end = log.lines().rev().take(60).collect::<Vec<_>>();
        eprintln!("{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    let path = std::env::var_os(RESULTS).map(PathBuf::from);
    std::fs::write(path.expect("the parent has set it"), text).expect("it can be written");
}

fn staged(check: fn(&Stage) -> Outcome) -> Outcome {
    let stage = Stage {
        module: Module::load(),
        pin: std::env::var(PIN).unwrap_or_default(),
    };
    stage.module.initialize()?;
    let outcome = check(&stage);
    match stage.module.finalize() {
        Err(rv) if outcome.is_ok() => Err(Fault::Answered(rv)),
        _ => outcome,
    }
}

#[track_caller]
fn compare(kind: Kind, checks: &[&'static Check], file: &Path) {
    let text = std::fs::read_to_string(file).expect("the child has written it");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let (mut found, mut wrong) = (vec![], vec![]);
    for (name, _) in checks {
        match rows
            .iter()
            .find(|row| row.first() == Some(name))
            .map(|row| &row[1..])
        {
            Some(["ok", cell]) => found.push((*name, (*cell).to_owned())),
            Some([_, what]) => wrong.push(format!("{name}: {what}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", kind.name(), wrong.join("\n"));
    document::tells(kind, &found);
}
