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
            reason,
            message: Self::sanitised(message),
        }
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
}
