//! The contract as an administrator sees it: what the trait `Token` promises, on a fresh place for each check.

mod certificates;
mod life;
mod listing;
mod login;
mod making;
mod names;
mod signing;
mod wishes;

use ffi_tests::place::{Kind, Place};
use kmip_p11::model::key::{Found, Key};
use kmip_p11::token::{Revocation, Token};

use crate::outcome::{Fault, Outcome};
use crate::reported;

/// One demand on a token.
pub type Check = (&'static str, fn(&Place) -> Outcome);

const PARTS: [&[Check]; 8] = [
    making::CHECKS,
    signing::CHECKS,
    listing::CHECKS,
    names::CHECKS,
    wishes::CHECKS,
    life::CHECKS,
    certificates::CHECKS,
    login::CHECKS,
];

/// What this kind of revocation leaves: a key that is no longer to be used.
pub const RETIRED: Revocation = Revocation {
    compromised: false,
    message: None,
};

fn all() -> impl Iterator<Item = &'static Check> {
    PARTS.iter().flat_map(|part| part.iter())
}

/// The names of all checks, in their order.
pub fn names() -> Vec<&'static str> {
    all().map(|(name, _)| *name).collect()
}

/// Runs all checks; each comes to what the document says.
#[track_caller]
pub fn hold(kind: Kind, test: &'static str) {
    if !kind.is_wanted(test) {
        return;
    }
    if kind.needs_a_process() {
        let checks = || all().map(|(name, check)| (*name, || check(&kind.place())));
        let around = || kind.surroundings(names().len());
        return reported::in_a_process(kind, test, around, || reported::run(kind, checks()));
    }
    let checks = all().map(|(name, check)| (*name, || check(&kind.place())));
    let cells = reported::run(kind, checks);
    reported::compare(kind, &cells);
}

/// The only key of these that is called so.
pub fn named<'found>(found: &'found Found, name: &str) -> Outcome<&'found Key> {
    let mut keys = found.keys.iter().filter(|key| key.name == name);
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(Fault::Deviates(format!("{name:?} is not found"))),
        _ => Err(Fault::Deviates(format!("{name:?} is found twice"))),
    }
}

/// The names of the keys that programs see.
pub fn shown(token: &dyn Token) -> Outcome<Vec<String>> {
    let found = token.find()?;
    Ok(found.keys.into_iter().map(|key| key.name).collect())
}
