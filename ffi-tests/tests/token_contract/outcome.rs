//! What a check came to.

use cryptoki_sys::CK_RV;
use ffi_tests::place::Kind;
use ffi_tests::scene::LABEL;
use kmip_p11::error::{Error, TokenError};

use crate::exceptions::{Expected, exception};

/// Why a check did not come to its end.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The token refused something that the contract wants.
    Refused(TokenError),
    /// The library answered with something else than CKR_OK.
    Answered(CK_RV),
    /// Something happened that the contract does not allow.
    Deviates(String),
}

/// What a check, or a step of one, came to.
pub type Outcome<T = ()> = Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Token(error) => Self::Refused(error),
            other => Self::Deviates(other.to_string()),
        }
    }
}

impl From<CK_RV> for Fault {
    fn from(rv: CK_RV) -> Self {
        Self::Answered(rv)
    }
}

/// A deviation unless it holds.
pub fn demand(holds: bool, otherwise: impl Into<String>) -> Outcome {
    match holds {
        true => Ok(()),
        false => Err(Fault::Deviates(otherwise.into())),
    }
}

/// A deviation unless they are the same.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Outcome {
    demand(
        found == wanted,
        format!("{what}: {found:?}, not {wanted:?}"),
    )
}

/// The refusal that it has to be.
pub fn refused<T>(what: &str, answer: Result<T, Error>) -> Outcome<TokenError> {
    match answer {
        Ok(_) => Err(Fault::Deviates(format!("{what} was not refused"))),
        Err(Error::Token(error)) => fit(error),
        Err(other) => Err(Fault::Deviates(format!("{what}: {other}"))),
    }
}

/// That a refusal is one that people can act on: it names the slot, in one line, with a reason.
fn fit(error: TokenError) -> Outcome<TokenError> {
    same("the slot in an error", error.slot.as_str(), LABEL)?;
    let told = error.reason.len() > 12 && !error.reason.contains('\n');
    demand(told, format!("{:?} tells nobody what to do", error.reason))?;
    Ok(error)
}

/// A cell of the document, if the check came to what it has to come to on that kind of place.
///
/// # Errors
/// What is wrong.
pub fn cell(kind: Kind, check: &str, outcome: Outcome) -> Result<String, String> {
    let Some(exception) = exception(kind, check) else {
        return match outcome {
            Ok(()) => Ok("works".into()),
            Err(fault) => Err(told(&fault)),
        };
    };
    let as_declared = match (&outcome, exception.expected) {
        (_, Expected::Absent) => true,
        (Err(Fault::Refused(error)), Expected::Refusal(kind, words)) => {
            fit(error.clone()).map_err(|fault| told(&fault))?;
            error.kind == kind && error.reason.contains(words)
        }
        (Err(Fault::Deviates(found)), Expected::Deviation(words)) => found.contains(words),
        _ => false,
    };
    match as_declared {
        true => Ok(exception.cell()),
        false => Err(format!(
            "{}, where {exception:?} is expected",
            said(&outcome)
        )),
    }
}

fn said(outcome: &Outcome) -> String {
    outcome.as_ref().map_or_else(told, |()| "it works".into())
}

fn told(fault: &Fault) -> String {
    match fault {
        Fault::Refused(error) => format!("refused, {:?}: {error}", error.kind),
        Fault::Answered(rv) => format!("the library answered {rv:#x}"),
        Fault::Deviates(what) => what.clone(),
    }
}
