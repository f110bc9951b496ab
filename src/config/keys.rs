//! `slot.keys`: which keys of a token are shown, and how they may be used.

use std::fmt;

use toml::Spanned;
use wildmatch::WildMatch;

use super::choice::choice;
use super::complaint::{Complaint, read};
use super::syntax::{self, Text};

const NO_TYPE: &str = "an empty list shows no key at all; leave it out for all that OpenSSH knows";
const NO_STATE: &str = "an empty list shows no key at all; leave it out for active keys";

/// Which keys are shown: those that pass all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyFilter {
    /// Object groups: a key must be in one of them. Empty: in any or none.
    pub groups: Vec<String>,
    /// Patterns of which the key's name must match one. None: any name, or no name.
    pub names: Patterns,
    /// Types of key, at least one, each once.
    pub types: Vec<KeyKind>,
    /// States, at least one, each once. Only active keys sign, whatever is shown.
    pub states: Vec<KeyState>,
    /// A key that the server lets out may be used in this process, if the server cannot sign.
    pub local_use: bool,
}

/// A type of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA of any size.
    Rsa,
    /// ECDSA with NIST P-256.
    EcdsaP256,
    /// ECDSA with NIST P-384.
    EcdsaP384,
    /// ECDSA with NIST P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

/// A state of a key, as KMIP's State attribute has it, in which it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Made, and not yet to be used.
    PreActive,
    /// In use.
    Active,
    /// No longer to be used for new signatures.
    Deactivated,
    /// Known to others, or feared to be.
    Compromised,
}

/// Patterns of names, with `*` for any characters and `?` for one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patterns(Vec<WildMatch>);

impl<S: AsRef<str>> FromIterator<S> for Patterns {
    fn from_iter<I: IntoIterator<Item = S>>(patterns: I) -> Self {
        let patterns = patterns.into_iter();
        Self(patterns.map(|it| WildMatch::new(it.as_ref())).collect())
    }
}

impl Patterns {
    /// True if there are no patterns, so that every name matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names themselves, if there are some and none has a wildcard.
    pub fn exact(&self) -> Option<Vec<String>> {
        let patterns = self.0.iter().map(|pattern| pattern.pattern());
        let exact = |name: &String| !name.contains(['*', '?']);
        let names: Vec<_> = patterns.collect();
        (!names.is_empty() && names.iter().all(exact)).then_some(names)
    }

    /// True if a pattern matches the whole name, or if there are no patterns.
    pub fn matches(&self, name: &str) -> bool {
        self.is_empty() || self.0.iter().any(|pattern| pattern.matches(name))
    }
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Rsa,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Those that OpenSSH knows, which is also the default: it complains of any other in a slot.
    pub const OPENSSH: [Self; 5] = [
        Self::Rsa,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
    ];

    /// As written in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }
}

impl KeyState {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::PreActive,
        Self::Active,
        Self::Deactivated,
        Self::Compromised,
    ];

    /// As written in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreActive => "pre-active",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            names: Patterns::default(),
            types: KeyKind::OPENSSH.to_vec(),
            states: vec![KeyState::Active],
            local_use: false,
        }
    }
}

impl KeyFilter {
    pub(super) fn read(written: &syntax::Keys) -> Result<Self, Complaint> {
        let default = Self::default();
        let names = texts(&written.names)?;
        Ok(Self {
            groups: texts(&written.groups)?,
            names: names.iter().collect(),
            types: some_of(written.types.as_ref(), kind, NO_TYPE)?.unwrap_or(default.types),
            states: some_of(written.states.as_ref(), state, NO_STATE)?.unwrap_or(default.states),
            local_use: written
                .local_use
                .as_ref()
                .map_or(default.local_use, |it| *it.get_ref()),
        })
    }
}

fn texts(written: &[Text]) -> Result<Vec<String>, Complaint> {
    written
        .iter()
        .map(|text| read(text, |text| not_empty(text)))
        .collect()
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("an empty name is in the list".into())
    } else {
        Ok(text.to_owned())
    }
}

/// A list of at least one, each once; `None` if it is left out.
fn some_of<T: Copy + PartialEq>(
    written: Option<&Spanned<Vec<Text>>>,
    meaning: impl Fn(&str) -> Result<T, String>,
    empty: &str,
) -> Result<Option<Vec<T>>, Complaint> {
    let Some(list) = written else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for text in list.get_ref() {
        let each = read(text, |text| meaning(text))?;
        if !found.contains(&each) {
            found.push(each);
        }
    }
    match found.is_empty() {
        true => Err(Complaint::about(list, empty)),
        false => Ok(Some(found)),
    }
}

fn kind(text: &str) -> Result<KeyKind, String> {
    let allowed = KeyKind::ALL.map(|kind| (kind.name(), kind));
    choice(text, &allowed, "a type of key")
}

fn state(text: &str) -> Result<KeyState, String> {
    let allowed = KeyState::ALL.map(|state| (state.name(), state));
    choice(text, &allowed, "a state in which a key may be shown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns(texts.iter().map(|text| WildMatch::new(text)).collect())
    }

    #[test]
    fn patterns_match_whole_names() {
        let patterns = patterns(&["web-*", "db?"]);
        for (name, shown) in [
            ("web-", true),
            ("web-1", true),
            ("db1", true),
            ("db", false),
            ("my-web-1", false),
        ] {
            assert_eq!(patterns.matches(name), shown, "{name}");
        }
    }

    #[test]
    fn names_without_wildcards_are_known_as_such() {
        assert_eq!(
            patterns(&["b", "a"]).exact(),
            Some(vec!["b".into(), "a".into()])
        );
        assert_eq!(patterns(&["a", "b*"]).exact(), None);
        assert_eq!(patterns(&[]).exact(), None);
    }

    #[test]
    fn no_pattern_matches_all() {
        assert!(patterns(&[]).matches(""));
        assert!(patterns(&[]).matches("x"));
    }

    #[test]
    fn a_hostile_name_costs_little() {
        let name = "a".repeat(10_000);
        assert!(!patterns(&["*a*a*a*a*a*a*a*b"]).matches(&name));
    }

    #[test]
    fn types_have_names() {
        for each in KeyKind::ALL {
            assert_eq!(kind(each.name()), Ok(each));
        }
        assert!(
            kind("ecdsa_p256")
                .unwrap_err()
                .contains("did you mean \"ecdsa-p256\"?")
        );
        assert!(kind("dsa").is_err());
    }

    #[test]
    fn states_have_names() {
        for each in KeyState::ALL {
            assert_eq!(state(each.name()), Ok(each));
        }
        assert!(
            state("preactive")
                .unwrap_err()
                .contains("did you mean \"pre-active\"?")
        );
        assert!(state("destroyed").is_err());
    }
}
