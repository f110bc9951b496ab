//! Refusals: what a server says when it does not do what it was asked.

use super::enums::{Operation, ResultReason, ResultStatus};
use std::fmt;

/// The server's "no" to one request. Nothing else of the batch is affected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What was asked for; none if the server refused a whole message.
    pub operation: Option<Operation>,
    /// What the server called the outcome, if it called it anything.
    pub status: Option<ResultStatus>,
    /// The kind of reason.
    pub reason: ResultReason,
    /// The server's words: at most [`Refusal::MESSAGE_LENGTH`] characters, none of which steers a terminal.
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
            status: Some(ResultStatus::OPERATION_FAILED),
            reason,
            message: Self::sanitised(message),
        }
    }

    /// True if the server has neither done what it was asked nor said that it will not: the status is Operation Pending, though
    /// nobody asked for that, or none that we know. Whether something was changed is open then.
    pub fn leaves_open(&self) -> bool {
        !matches!(
            self.status,
            Some(ResultStatus::OPERATION_FAILED | ResultStatus::OPERATION_UNDONE)
        )
    }

    /// A server's words, fit for a log and a terminal: cut, without characters that steer either.
    pub(super) fn sanitised(text: &str) -> String {
        let printable = text.chars().map(|c| if steers(c) { ' ' } else { c });
        printable.take(Self::MESSAGE_LENGTH).collect()
    }
}

/// Control characters, line separators, and marks that turn the direction of writing.
fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.operation, self.status) {
            (Some(operation), Some(status)) if self.leaves_open() => write!(
                out,
                "{operation} has an unexpected Result Status ({status}): {}",
                self.reason
            )?,
            (Some(operation), None) => {
                write!(out, "{operation} has no Result Status: {}", self.reason)?;
            }
            (Some(operation), _) => write!(out, "{operation} was refused: {}", self.reason)?,
            (None, _) => write!(out, "{}", self.reason)?,
        }
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(out, " ({})", self.message)
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_servers_steer_no_terminal_and_end() {
        let hostile = "a\nb\u{1b}[2J\u{202e}c\u{2028}d\u{2067}\u{9b}schl\u{fc}ssel";
        assert_eq!(Refusal::sanitised(hostile), "a b [2J c d  schl\u{fc}ssel");
        let long = Refusal::sanitised(&"x".repeat(1 << 20));
        assert_eq!(long.len(), Refusal::MESSAGE_LENGTH);
    }

    #[test]
    fn only_a_status_that_says_no_says_no() {
        let of = |status: Option<u32>| Refusal {
            status: status.map(ResultStatus),
            ..Refusal::new(Some(Operation::SIGN), ResultReason::GENERAL_FAILURE, "")
        };
        let open = |status| of(status).leaves_open();
        assert!([Some(2), Some(0x77), None].into_iter().all(open));
        assert!(![Some(1), Some(3)].into_iter().any(open));
        assert_eq!(
            of(Some(0x77)).to_string(),
            "Sign has an unexpected Result Status (0x77): General Failure"
        );
    }
}
