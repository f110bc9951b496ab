//! The contract as programs see it: the shipped library, called through its C interface by a process of its own.

mod certificates;
mod closed;
mod decrypting;
mod deriving;
mod faults;
mod making;
mod objects;
mod processes;
mod sessions;
mod signing;

use std::ffi::OsString;

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::keys::Keyring;
use ffi_tests::module::{Module, answer};
use ffi_tests::own_process::Surroundings;
use ffi_tests::place::{Furnished, Kind, set_up};
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::exceptions::is_absent;
use crate::outcome::{Fault, Outcome};
use crate::reported;

/// One demand on the library; it finds the keys of [`KEYS`] in the slot.
pub type Check = (&'static str, fn(&Stage) -> Outcome);

const OPEN: [&[Check]; 9] = [
    objects::CHECKS,
    certificates::CHECKS,
    making::CHECKS,
    signing::CHECKS,
    decrypting::CHECKS,
    deriving::CHECKS,
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

/// A place, and the PIN that its process has to know.
struct Around(Furnished);

impl Surroundings for Around {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut all = self.0.environment();
        all.push((PIN, self.0.pin.into()));
        all
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
    in_a_process(kind, test, &checks, || Furnished::empty(kind));
}

/// Runs the checks of a slot behind a PIN.
#[track_caller]
pub fn hold_locked(kind: Kind, test: &'static str) {
    let checks: Vec<_> = LOCKED.iter().collect();
    in_a_process(kind, test, &checks, || Furnished::locked(kind));
}

#[track_caller]
fn in_a_process(
    kind: Kind,
    test: &'static str,
    checks: &[&'static Check],
    place: impl FnOnce() -> Furnished,
) {
    if !kind.is_wanted(test) {
        return;
    }
    let named = || checks.iter().map(|(name, check)| (*name, *check));
    if named().all(|(name, _)| is_absent(kind, name)) {
        let nothing = named().map(|(name, _)| (name, || Ok(())));
        return reported::compare(kind, &reported::run(kind, nothing));
    }
    reported::in_a_process(
        kind,
        test,
        || Around(place()),
        || {
            furnish(kind);
            let staged = named().map(|(name, check)| (name, move || staged(check)));
            reported::run(kind, staged)
        },
    );
}

/// Makes the keys; nothing of their maker is left when the library is loaded.
fn furnish(kind: Kind) {
    let keyring = Keyring::of_environment(LABEL);
    let pin = std::env::var(PIN).unwrap_or_default();
    if !pin.is_empty() {
        let opened = keyring.token().login(&pin);
        opened.unwrap_or_else(|error| panic!("{error}"));
    }
    if kind == Kind::Delivered {
        set_up(&**keyring.token());
    }
    keyring.make_all(&KEYS);
    if !pin.is_empty() {
        keyring.token().logout();
    }
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
