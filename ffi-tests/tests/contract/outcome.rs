//! What a check came to: as the specification says, refused, or something else.

use kmip_p11::kmip::{Error, ErrorKind, Refusal, Response};

/// Why a check did not go as the specification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The version has no words for it.
    Inexpressible,
    /// The server says no, with this reason.
    Refused(String),
    /// The server answers something else.
    Deviates(String),
    /// What the check needs is not to be had on this server, for this reason: it was not run.
    Lacking(String),
}

/// What a check, or a step of one, came to.
pub type Outcome<T = ()> = Result<T, Fault>;

impl From<Refusal> for Fault {
    /// The reason alone: words of servers have identifiers in them.
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.reason.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Unencodable(_) => Self::Inexpressible,
            ErrorKind::Refused(refusal) => refusal.into(),
            ErrorKind::Malformed { .. } => Self::Deviates("unreadable answer".into()),
            ErrorKind::WrongReply { .. } => Self::Deviates("another's answer".into()),
            ErrorKind::Closed { .. } => Self::Deviates("connection closed".into()),
            ErrorKind::HttpStatus { status, .. } => Self::Deviates(format!("HTTP {status}")),
            ErrorKind::CredentialsRefused { status, .. } => {
                Self::Deviates(format!("HTTP {status}"))
            }
            other => Self::Deviates(other.to_string()),
        }
    }
}

/// What a check needs before it begins.
pub fn needed<T>(outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|fault| match fault {
        Fault::Lacking(_) | Fault::Inexpressible => fault,
        other => Fault::Lacking(cell(Err(other))),
    })
}

/// A deviation unless it holds.
pub fn demand(holds: bool, otherwise: &str) -> Outcome {
    match holds {
        true => Ok(()),
        false => deviates(otherwise),
    }
}

/// That deviation.
pub fn deviates<T>(what: &str) -> Outcome<T> {
    Err(Fault::Deviates(what.to_owned()))
}

/// The answer was of another operation than the request: our client lets none through.
pub fn never<T>(response: &Response) -> Outcome<T> {
    panic!("the client let the answer to another operation through: {response:?}")
}

/// The cell of a version that has no words for it.
pub const INEXPRESSIBLE: &str = "-";

/// One cell of the matrix.
pub fn cell(outcome: Outcome) -> String {
    match outcome {
        Ok(()) => "works".to_owned(),
        Err(Fault::Inexpressible) => INEXPRESSIBLE.to_owned(),
        Err(Fault::Refused(reason)) => format!("refused: {reason}"),
        Err(Fault::Deviates(what)) => format!("deviates: {what}"),
        Err(Fault::Lacking(why)) => format!("not run: no key ({why})"),
    }
}
