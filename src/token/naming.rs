//! Names for keys: what every token takes, and every program and list can show.

/// OpenSSH's buffer for a label: a longer one ends its listing of the slot.
const LONGEST: usize = 255;

/// Why a text is no name for a key: it has 1 to 255 bytes, something to see, no control characters.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_name(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("a name has at least one visible character".into());
    }
    if text.chars().any(char::is_control) {
        return Err("a name has no control characters: they would break lists of keys".into());
    }
    match text.len() {
        ..=LONGEST => Ok(()),
        length => Err(format!("{length} bytes; a name has at most {LONGEST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_one_line_and_short() {
        assert_eq!(check_name("web server 1, ü"), Ok(()));
        assert_eq!(check_name(&"x".repeat(255)), Ok(()));
        for wrong in ["", " ", "a\nb", "a\u{1b}[2J", &"x".repeat(256)] {
            assert!(check_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
