//! Refusals: what a server says when it does not do what it was asked.

use super::enums::{Operation, ResultReason};
use std::fmt;

/// The server's "no" to one request. Nothing else of the batch is affected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What was asked for; none if the server refused a whole message.
    pub operation: Option<Operation>,
    /// The kind of reason.
    pub reason: ResultReason,
    /// The server's words: at most [`Refusal::MESSAGE_LENGTH`] characters, none of them control characters.
    pub message: String,
}

impl Refusal {
    /// Characters of a server's message that are kept.
    pub const MESSAGE_LENGTH: usize = 200;

    pub(super) fn new(
        operation: Option<Operation>,
        reason: ResultReason,
        message: &str,
    ) -> Refusal {
        Refusal {
            operation,
            reason,
            message: Self::sanitised(message),
        }
    }

    /// A server's words, fit for a log: cut, without control characters.
    pub(super) fn sanitised(text: &str) -> String {
        let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(Self::MESSAGE_LENGTH).collect()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Some(operation) => write!(out, "{operation} was refused: {}", self.reason)?,
            None => write!(out, "{}", self.reason)?,
        }
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(out, " ({})", self.message)
        }
    }
}

impl std::error::Error for Refusal {}
