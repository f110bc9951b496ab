//! Whether what a hostile call came to is something that PKCS#11 has for it.

use std::collections::BTreeMap;

use cryptoki_sys::*;

use super::{FAULTS, Outcome, World, Wrong, start_of, supported, told};
use crate::surface::{Function, Kind};

/// Every way to spoil one argument of a function.
pub fn ways(function: &Function) -> Vec<Wrong> {
    let each = |(position, kind): (usize, &Kind)| {
        let fitting = FAULTS.iter().filter(|fault| (fault.fits)(*kind));
        fitting
            .map(move |fault| (position, fault))
            .collect::<Vec<_>>()
    };
    function.takes.iter().enumerate().flat_map(each).collect()
}

/// What was found in a world, and how many calls it took.
#[derive(Default)]
pub struct Findings {
    /// Hostile calls.
    pub calls: usize,
    /// What functions answer when nothing is wrong with their arguments, as far as that can be.
    pub honest: BTreeMap<&'static str, CK_RV>,
    /// Answers that should not be.
    pub complaints: Vec<String>,
}

impl Findings {
    /// Makes each call once as it should be.
    pub fn of(world: &World) -> Self {
        let mut findings = Self::default();
        for function in world.functions() {
            let answer = match function.name {
                "C_Finalize" => CKR_OK, // and the end of the world
                _ => world.attempt(function, &[]).answer,
            };
            findings.honest.insert(function.name, answer);
        }
        findings
    }

    /// Makes a call with these faults.
    pub fn try_out(&mut self, world: &World, function: &Function, wrong: &[Wrong]) {
        let outcome = world.attempt(function, wrong);
        self.calls += 1;
        let complaint = complaint(function, wrong, self.honest[function.name], outcome);
        let told = complaint.map(|complaint| format!("{}: {complaint}", told(function, wrong)));
        self.complaints.extend(told);
    }

    /// How many functions did what they are for when they were called honestly.
    pub fn works(&self) -> usize {
        self.honest
            .values()
            .filter(|answer| **answer == CKR_OK)
            .count()
    }

    /// Whether the function is there at all.
    pub fn has(&self, function: &Function) -> bool {
        self.honest[function.name] != CKR_FUNCTION_NOT_SUPPORTED
    }
}

/// What is wrong with an outcome, if something is.
///
/// A fault names its answers; beside them there is what the honest call gets, where that fails as well: PKCS#11
/// does not say which of two faults comes first. The better a token is, the more this holds it to.
pub fn complaint(
    function: &Function,
    wrong: &[Wrong],
    honest: CK_RV,
    outcome: Outcome,
) -> Option<String> {
    let answer = outcome.answer;
    if !supported().contains(function.name) {
        return (answer != CKR_FUNCTION_NOT_SUPPORTED)
            .then(|| format!("{answer:#x} of a function that is not there"));
    }
    let is_named = is_named(wrong, honest, answer) || gives_nothing(function, wrong, answer);
    if answer == CKR_GENERAL_ERROR || !is_named {
        return Some(format!(
            "{answer:#x}, where an honest call gets {honest:#x}"
        ));
    }
    let ends = start_of(function.name).is_some() && !function.name.starts_with("C_FindObjects");
    let after = outcome.afterwards.filter(|_| ends)?;
    let goes_on = after != CKR_OPERATION_NOT_INITIALIZED;
    goes_on.then(|| format!("{answer:#x}, and the operation goes on with {after:#x}"))
}

/// RSA puts nothing out before the end: to a part of its input, no room is room enough.
fn gives_nothing(function: &Function, wrong: &[Wrong], answer: CK_RV) -> bool {
    let is_part = matches!(function.name, "C_EncryptUpdate" | "C_DecryptUpdate");
    let small = |(_, fault): &Wrong| fault.answers.contains(&CKR_BUFFER_TOO_SMALL);
    is_part && answer == CKR_OK && wrong.iter().all(|it| small(it) || it.1.is_legal())
}

fn is_named(wrong: &[Wrong], honest: CK_RV, answer: CK_RV) -> bool {
    let names = |(_, fault): &Wrong| fault.answers.contains(&answer);
    let may_be_anything = wrong.iter().any(|(_, fault)| fault.answers.is_empty());
    let may_succeed = wrong.iter().all(|(_, fault)| fault.is_legal());
    // Without a mechanism an operation is ended, and the key is of no interest.
    let cancels = |(_, fault): &Wrong| fault.answers.contains(&CKR_OPERATION_CANCEL_FAILED);
    let is_cancelled = wrong.iter().any(cancels) && wrong.iter().all(|(at, _)| *at != 0);
    match answer {
        CKR_OK => may_succeed || is_cancelled,
        _ => may_be_anything || answer == honest || wrong.iter().any(names),
    }
}
