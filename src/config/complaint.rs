//! A complaint about the text of the file, made with nothing but a byte offset in hand, and how it
//! becomes an error that names file, line, key, what is allowed and the fix.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::error::Error;
use super::expectation::expected;
use super::position::{Position, key_at};
use super::suggestion;

/// What is wrong with the text, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Complaint {
    at: Range<usize>,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    /// With the key or value that stands there.
    With(String),
    /// This key should stand there.
    Missing(&'static str),
    /// A whole sentence, fix included.
    Said(String),
}

impl Complaint {
    /// About a value: `problem` goes between the key's name and what is allowed.
    pub fn about<T>(value: &Spanned<T>, problem: impl Into<String>) -> Self {
        Self {
            at: value.span(),
            problem: Problem::With(problem.into()),
        }
    }

    /// About a key that `place` should have.
    pub fn missing(place: Range<usize>, key: &'static str) -> Self {
        Self {
            at: place,
            problem: Problem::Missing(key),
        }
    }

    /// About a place, in a sentence that needs no addition.
    pub fn said(place: Range<usize>, sentence: impl Into<String>) -> Self {
        Self {
            at: place,
            problem: Problem::Said(sentence.into()),
        }
    }

    /// From what the TOML reader says.
    pub fn from_reader(error: &toml::de::Error) -> Self {
        let at = error.span().unwrap_or_default();
        Self {
            at,
            problem: Problem::With(reworded(error.message())),
        }
    }

    /// With everything that only the text can tell.
    pub fn into_error(self, file: &Path, text: &str) -> Error {
        let position = Position::of(file, text, self.at.start);
        let problem = match self.problem {
            Problem::Missing(key) => format!("{key} is missing{}", fix(key)),
            Problem::Said(sentence) => sentence,
            Problem::With(problem) => match key_at(text, self.at.start) {
                Some(key) => format!("{key}: {problem}{}", fix(&key)),
                None => format!("not TOML{}: {problem}", quoted(text.get(self.at))),
            },
        };
        Error::Content { position, problem }
    }
}

fn fix(key: &str) -> String {
    expected(key).map_or(String::new(), |expected| format!("; write {expected}"))
}

/// Where the reader stumbled, unless it is long or nothing.
fn quoted(part: Option<&str>) -> String {
    match part.map(str::trim) {
        Some(part) if (1..=40).contains(&part.len()) => format!(" at {part:?}"),
        _ => String::new(),
    }
}

/// Reads a value by `read`, whose problem becomes a complaint about that value.
pub fn read<T, U>(
    value: &Spanned<T>,
    read: impl FnOnce(&T) -> Result<U, String>,
) -> Result<U, Complaint> {
    read(value.get_ref()).map_err(|problem| Complaint::about(value, problem))
}

/// The same for a key that may be missing.
pub fn read_or<T, U>(
    value: Option<&Spanned<T>>,
    default: U,
    reader: impl FnOnce(&T) -> Result<U, String>,
) -> Result<U, Complaint> {
    value.map_or(Ok(default), |value| read(value, reader))
}

/// serde's words name Rust types and do not guess what was meant: ours do better.
fn reworded(message: &str) -> String {
    if message.starts_with("unknown field `") {
        return unknown_key(message);
    }
    match message
        .split_once(", expected ")
        .filter(|_| message.starts_with("invalid type"))
    {
        Some((found, _)) => found.replacen("invalid type", "wrong type", 1),
        None => message.to_owned(),
    }
}

/// serde puts the unknown name and then the allowed ones between back quotes.
fn unknown_key(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = quoted.next().unwrap_or_default();
    let allowed: Vec<&str> = quoted.collect();
    let question = suggestion::question(written, allowed.iter().copied());
    format!(
        "there is no such key{question}; allowed here: {}",
        allowed.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_get_a_suggestion_and_the_list() {
        assert_eq!(
            reworded("unknown field `prot`, expected one of `port`, `tls`"),
            "there is no such key (did you mean \"port\"?); allowed here: port, tls"
        );
        assert_eq!(
            reworded("unknown field `x`, expected `port`"),
            "there is no such key; allowed here: port"
        );
    }

    #[test]
    fn rust_types_are_not_mentioned() {
        assert_eq!(
            reworded("invalid type: string \"x\", expected i64"),
            "wrong type: string \"x\""
        );
        assert_eq!(reworded("duplicate key"), "duplicate key");
    }

    #[test]
    fn an_error_names_line_key_and_fix() {
        let text = "[log]\nlevel = 3\n";
        let complaint = Complaint {
            at: 14..15,
            problem: Problem::With("no".into()),
        };
        let message = complaint.into_error(Path::new("/f"), text).to_string();
        assert!(
            message.starts_with("/f:2:9: log.level: no; write one of "),
            "{message}"
        );
    }
}
