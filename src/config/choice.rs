//! One word of several: how each is written, and what it means.

use super::suggestion;

/// What `text` means; `what` says in the complaint what it is not ("known", "a type of key").
pub fn choice<T: Copy>(text: &str, allowed: &[(&'static str, T)], what: &str) -> Result<T, String> {
    let found = allowed.iter().find(|(name, _)| *name == text);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let question = suggestion::question(text, allowed.iter().map(|(name, _)| *name));
        format!("{text:?} is not {what}{question}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRUIT: [(&str, u8); 2] = [("apple", 1), ("pear", 2)];

    #[test]
    fn words_have_meanings() {
        assert_eq!(choice("pear", &FRUIT, "known"), Ok(2));
        assert_eq!(
            choice("appel", &FRUIT, "known"),
            Err("\"appel\" is not known (did you mean \"apple\"?)".into())
        );
        assert_eq!(
            choice("stone", &FRUIT, "a fruit"),
            Err("\"stone\" is not a fruit".into())
        );
    }
}
