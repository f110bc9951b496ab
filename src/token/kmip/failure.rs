//! What a server's failures and refusals mean to a caller of PKCS#11.

use crate::error::{Error, TokenError, TokenErrorKind};
use crate::kmip::{self, ErrorKind, Refusal, ResultReason, ResultStatus};

/// Makes errors that name the slot.
#[derive(Debug, Clone)]
pub struct Failures {
    /// The slot's label.
    pub slot: String,
    /// Its server, or the servers that hold the same objects.
    pub servers: String,
}

/// The same error with one more thing to know.
pub fn noting(error: Error, note: &str) -> Error {
    match error {
        Error::Token(mut token) => {
            token.reason.push_str("; ");
            token.reason.push_str(note);
            Error::Token(token)
        }
        other => other,
    }
}

impl Failures {
    /// An error of the slot.
    pub fn error(&self, kind: TokenErrorKind, reason: impl ToString) -> Error {
        Error::Token(TokenError {
            kind,
            slot: self.slot.clone(),
            reason: reason.to_string(),
        })
    }

    /// A call that failed as a whole.
    pub fn call(&self, error: &kmip::Error) -> Error {
        let kind = match &error.kind {
            ErrorKind::Refused(refusal) => kind_of(refusal),
            ErrorKind::Unencodable(_) => TokenErrorKind::Impossible,
            _ => TokenErrorKind::Unreachable,
        };
        self.error(kind, error)
    }

    /// A request that the server did not carry out.
    pub fn refusal(&self, refusal: &Refusal) -> Error {
        let reason = format!("server {}: {refusal}", self.servers);
        self.error(kind_of(refusal), reason)
    }

    /// An answer of another kind than the request's.
    pub fn unexpected(&self, wanted: &str) -> Error {
        let servers = &self.servers;
        let reason = format!("server {servers} did not answer {wanted} with what belongs to it");
        self.error(TokenErrorKind::Failed, reason)
    }
}

/// What the version in use has no words for, as a refusal.
pub fn unencodable(error: &kmip::Error) -> Refusal {
    Refusal {
        operation: None,
        status: Some(ResultStatus::OPERATION_FAILED),
        reason: ResultReason::FEATURE_NOT_SUPPORTED,
        message: match &error.kind {
            ErrorKind::Unencodable(reason) => reason.to_string(),
            _ => error.to_string(),
        },
    }
}

/// What a refusal means to a caller.
pub fn kind_of(refusal: &Refusal) -> TokenErrorKind {
    match refusal.reason {
        _ if refusal.leaves_open() => TokenErrorKind::Failed,
        ResultReason::ITEM_NOT_FOUND
        | ResultReason::OBJECT_NOT_FOUND
        | ResultReason::OBJECT_DESTROYED => TokenErrorKind::Gone,
        ResultReason::PERMISSION_DENIED
        | ResultReason::NOT_AUTHORISED
        | ResultReason::AUTHENTICATION_NOT_SUCCESSFUL
        | ResultReason::WRONG_KEY_LIFECYCLE_STATE => TokenErrorKind::Denied,
        _ if is_inability(refusal) => TokenErrorKind::Impossible,
        _ => TokenErrorKind::Failed,
    }
}

/// True where another object, or another client, would have been served: it is gone, denied, or not to
/// be had in this way.
pub fn is_about_the_object(refusal: &Refusal) -> bool {
    const NOT_TO_BE_HAD: [ResultReason; 4] = [
        ResultReason::OBJECT_ARCHIVED,
        ResultReason::KEY_VALUE_NOT_PRESENT,
        ResultReason::SENSITIVE,
        ResultReason::NOT_EXTRACTABLE,
    ];
    match kind_of(refusal) {
        TokenErrorKind::Gone | TokenErrorKind::Denied => true,
        _ => NOT_TO_BE_HAD.contains(&refusal.reason) && !refusal.leaves_open(),
    }
}

/// True where the reason cannot be one object's: the server does not know such a request at all.
pub fn is_inability_for_all(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        ResultReason::INVALID_MESSAGE
            | ResultReason::OPERATION_NOT_SUPPORTED
            | ResultReason::FEATURE_NOT_SUPPORTED
    )
}

/// True where the server says that it does not do such a thing, however often it is asked.
pub fn is_inability(refusal: &Refusal) -> bool {
    const INABILITIES: [ResultReason; 9] = [
        ResultReason::INVALID_MESSAGE,
        ResultReason::OPERATION_NOT_SUPPORTED,
        ResultReason::FEATURE_NOT_SUPPORTED,
        ResultReason::INVALID_FIELD,
        ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED,
        ResultReason::UNSUPPORTED_ATTRIBUTE,
        ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ResultReason::INVALID_ATTRIBUTE,
        ResultReason::INVALID_ATTRIBUTE_VALUE,
    ];
    INABILITIES.contains(&refusal.reason) && !refusal.leaves_open()
}

/// True where the reason is neither the object's nor its form's: the server has failed, or does not take our messages.
pub fn is_of_the_server(refusal: &Refusal) -> bool {
    let about_something = is_about_the_object(refusal) || is_inability(refusal);
    !about_something || refusal.reason == ResultReason::INVALID_MESSAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: ResultReason) -> Refusal {
        Refusal {
            operation: None,
            status: Some(ResultStatus::OPERATION_FAILED),
            reason,
            message: String::new(),
        }
    }

    /// A store whose only public key was destroyed is an empty one, and no failed listing.
    #[test]
    fn what_is_said_of_an_object_is_no_failure_of_the_server() {
        for reason in [
            ResultReason::OBJECT_DESTROYED,
            ResultReason::NOT_AUTHORISED,
            ResultReason::SENSITIVE,
            ResultReason::OBJECT_ARCHIVED,
        ] {
            let refusal = refusal(reason);
            assert!(is_about_the_object(&refusal), "{refusal}");
            assert!(!is_of_the_server(&refusal), "{refusal}");
        }
        for reason in [
            ResultReason::GENERAL_FAILURE,
            ResultReason::INTERNAL_SERVER_ERROR,
            ResultReason::INVALID_MESSAGE,
        ] {
            assert!(is_of_the_server(&refusal(reason)), "{reason}");
        }
    }
}
