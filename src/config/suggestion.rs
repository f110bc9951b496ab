//! "Did you mean ...?": the allowed word that is closest to what was written.

/// The allowed word that was probably meant, if one is close enough to say so.
pub fn closest<'a>(written: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase().replace('_', "-");
    let distance = |word: &str| match written.starts_with(word) && word.len() > 2 {
        true => 1,
        false => strsim::damerau_levenshtein(&written, &word.replace('_', "-")),
    };
    let scored = allowed.into_iter().map(|word| (distance(word), word));
    let (distance, word) = scored.min_by_key(|(distance, _)| *distance)?;
    // A third of the word may be wrong: more, and the guess is as likely to mislead.
    (distance * 3 <= word.len().max(3)).then_some(word)
}

/// ` (did you mean "x"?)`, or nothing.
pub fn question<'a>(written: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    match closest(written, allowed) {
        Some(word) => format!(" (did you mean {word:?}?)"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TLS: [&str; 4] = ["ca", "client_cert", "client_key", "server_name"];

    #[test]
    fn slips_are_understood() {
        assert_eq!(closest("client-cert", TLS), Some("client_cert"));
        assert_eq!(closest("clientkey", TLS), Some("client_key"));
        assert_eq!(closest("CA", TLS), Some("ca"));
        assert_eq!(closest("servername", TLS), Some("server_name"));
        assert_eq!(closest("warning", ["error", "warn"]), Some("warn"));
        assert_eq!(closest("deadlin", ["deadline", "port"]), Some("deadline"));
    }

    #[test]
    fn other_words_are_left_alone() {
        assert_eq!(closest("password", TLS), None);
        assert_eq!(closest("x", []), None);
    }
}
