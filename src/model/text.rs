//! Characters that a text from elsewhere must not bring with it: they steer what shows it.

/// Control characters, line separators, and marks that reverse the direction of writing.
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
