//! A name for a key, fit for every program that will show it.

use std::str::FromStr;

use kmip_p11::token::check_name;

/// At most 255 bytes, something to see, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(pub String);

impl FromStr for KeyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check_name(text).map(|()| Self(text.into()))
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
