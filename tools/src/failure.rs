//! Why a command ended without its result, and how that is told: one line, one JSON object, one
//! exit status.

use std::io;

use kmip_p11::config;
use kmip_p11::error::{Error, TokenError, TokenErrorKind};
use serde::Serialize;

use crate::output::Output;
use crate::person::Person;

/// Why a command ended. Each text says what, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no usable configuration.
    #[error(transparent)]
    Configuration(#[from] config::Error),
    /// The library or its token said no.
    #[error(transparent)]
    Library(#[from] Error),
    /// The command line asks for something that does not fit the configuration.
    #[error("{0}")]
    Usage(String),
    /// No key goes by what was given.
    #[error("{0}")]
    NoSuchKey(String),
    /// Several keys go by what was given.
    #[error("{0}")]
    Ambiguous(String),
    /// This tool does not do it: nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// A file of the user's cannot be used.
    #[error("{0}")]
    File(String),
    /// The results could not be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// The object of `{"error": ...}`.
#[derive(Debug, Serialize)]
pub struct FailureRecord {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    message: String,
}

#[derive(Serialize)]
struct Envelope {
    error: FailureRecord,
}

impl Failure {
    /// 2 for what only another command line cures, 1 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            _ => 1,
        }
    }

    /// For machines. These words stay.
    pub fn record(&self) -> FailureRecord {
        let (kind, slot) = match self {
            Failure::Configuration(_) | Failure::Library(Error::Configuration(_)) => {
                ("configuration", None)
            }
            Failure::Library(Error::Token(error)) => (kind_of(error), Some(error.slot.clone())),
            Failure::Library(_) => ("failed", None),
            Failure::Usage(_) => ("usage", None),
            Failure::NoSuchKey(_) => ("no-such-key", None),
            Failure::Ambiguous(_) => ("ambiguous", None),
            Failure::Refused(_) => ("refused", None),
            Failure::File(_) => ("file", None),
            Failure::Output(_) => ("output", None),
        };
        let message = one_line(&self.to_string());
        FailureRecord {
            kind,
            slot,
            message,
        }
    }

    /// One line for people; the object for machines. A reader that went away wants neither.
    pub fn tell(&self, output: &mut Output, person: &dyn Person) {
        if matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe) {
            return;
        }
        person.tell(&one_line(&self.to_string()));
        if output.is_json() {
            let error = self.record();
            // The line on standard error has said it; there is no third place.
            let _ = output.json(&Envelope { error });
        }
    }

    /// The same, with something to do about it added to what the token said.
    pub fn with_fix(self, kind: TokenErrorKind, fix: &str) -> Self {
        match self {
            Failure::Library(Error::Token(error)) if error.kind == kind => {
                Failure::Library(Error::Token(error)).noting(fix)
            }
            other => other,
        }
    }

    /// A token's failure with one more thing to know.
    pub fn noting(self, note: &str) -> Self {
        match self {
            Failure::Library(Error::Token(error)) => {
                let reason = format!("{}; {note}", error.reason);
                Failure::Library(Error::Token(TokenError { reason, ..error }))
            }
            other => other,
        }
    }
}

fn kind_of(error: &TokenError) -> &'static str {
    match error.kind {
        TokenErrorKind::Unreachable => "unreachable",
        TokenErrorKind::WrongSignature => "wrong-signature",
        TokenErrorKind::Impossible => "impossible",
        TokenErrorKind::Denied => "denied",
        TokenErrorKind::Gone => "gone",
        TokenErrorKind::WrongPin => "wrong-pin",
        TokenErrorKind::PinLocked => "pin-locked",
        TokenErrorKind::Removed => "removed",
        TokenErrorKind::ReadOnly => "read-only",
        TokenErrorKind::Full => "full",
        TokenErrorKind::LoginRequired => "login-required",
        TokenErrorKind::BadInput
        | TokenErrorKind::BadCiphertext
        | TokenErrorKind::BadLength
        | TokenErrorKind::BadParameter
        | TokenErrorKind::OtherKeyType => "bad-input",
        TokenErrorKind::Failed => "failed",
    }
}

/// Part of the text may come from a server: it gets no say over the terminal.
pub fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::Scripted;

    fn token_failure(kind: TokenErrorKind) -> Failure {
        Failure::Library(Error::Token(TokenError {
            kind,
            slot: "prod".into(),
            reason: "no\u{1b}[2J".into(),
        }))
    }

    #[test]
    fn machines_get_an_object_and_people_a_line() {
        let (mut written, person) = (vec![], Scripted::default());
        let mut output = Output::new(&mut written, true);
        token_failure(TokenErrorKind::Denied).tell(&mut output, &person);
        let object: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(object["error"]["kind"], "denied");
        assert_eq!(object["error"]["slot"], "prod");
        assert_eq!(person.told(), ["slot \"prod\": no [2J"]);
    }

    #[test]
    fn a_fix_is_added_only_where_it_helps() {
        let failure = |kind| token_failure(kind).with_fix(TokenErrorKind::Impossible, "add --here");
        let text = |kind| failure(kind).to_string();
        assert!(text(TokenErrorKind::Impossible).ends_with("; add --here"));
        assert!(!text(TokenErrorKind::Denied).contains("--here"));
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let (mut written, person) = (vec![], Scripted::default());
        let closed = Failure::Output(io::ErrorKind::BrokenPipe.into());
        closed.tell(&mut Output::new(&mut written, true), &person);
        assert!(written.is_empty() && person.told().is_empty());
    }
}
