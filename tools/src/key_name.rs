//! A name for a key, fit for every program that will show it.

use std::str::FromStr;

/// OpenSSH's buffer for a label: a longer one ends its listing of the slot.
const LONGEST: usize = 255;

/// At most 255 bytes, something to see, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(pub String);

impl FromStr for KeyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("a name has at least one visible character".into());
        }
        if text.chars().any(char::is_control) {
            return Err("a name has no control characters: they would break lists of keys".into());
        }
        match text.len() {
            ..=LONGEST => Ok(Self(text.into())),
            length => Err(format!("{length} bytes; a name has at most {LONGEST}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_one_line_and_short() {
        assert!("web server 1, ü".parse::<KeyName>().is_ok());
        for wrong in ["", " ", "a\nb", "a\u{1b}[2J", &"x".repeat(256)] {
            assert!(wrong.parse::<KeyName>().is_err(), "{wrong:?}");
        }
    }
}
