//! Where in the file something stands: its line, its column and the key it belongs to.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of the byte at `offset`.
    pub(super) fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The dotted key (`slot.kmip.port`) whose name or value covers the byte at `offset`.
pub(super) fn key_at(text: &str, offset: usize) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let keys = in_table(document.get_ref(), offset)?;
    (!keys.is_empty()).then(|| keys.join("."))
}

/// Looks into every value before believing a table's own place: that of a table made of dotted
/// keys covers only a part of it, and that of `[a.b]` covers both.
fn in_table(table: &DeTable<'_>, offset: usize) -> Option<Vec<String>> {
    let below = table
        .iter()
        .find_map(|(key, value)| Some((key, in_value(value, offset)?)));
    let itself = || table.iter().find(|(key, _)| key.span().contains(&offset));
    let around = || {
        table
            .iter()
            .find(|(_, value)| value.span().contains(&offset))
    };
    let (key, below) =
        below.or_else(|| itself().or_else(around).map(|(key, _)| (key, Vec::new())))?;
    Some([vec![key.get_ref().to_string()], below].concat())
}

fn in_value(value: &Spanned<DeValue<'_>>, offset: usize) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, offset),
        DeValue::Array(array) => {
            let found = array.iter().find_map(|element| in_value(element, offset));
            found.or_else(|| covers(value, offset))
        }
        _ => covers(value, offset),
    }
}

fn covers(value: &Spanned<DeValue<'_>>, offset: usize) -> Option<Vec<String>> {
    value.span().contains(&offset).then(Vec::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[log]\nlevel = \"warn\"\n[[slot]]\nlabel = \"ä\"\nkmip.port = 1\nkmip.tls.ca = \"/x\"\n\
                        [[slot]]\nkmip = { servers = [\"a\", \"b\"] }\n";

    fn key_of(part: &str) -> Option<String> {
        key_at(TEXT, TEXT.find(part).unwrap())
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let position = Position::of(Path::new("/f"), TEXT, TEXT.find("ä").unwrap());
        assert_eq!(position.to_string(), "/f:4:10");
        assert_eq!(Position::of(Path::new("/f"), "", 9).to_string(), "/f:1:1");
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(Position::of(Path::new("/f"), "ä = 1", "ä ".len()).column, 3);
    }

    #[test]
    fn names_and_values_have_a_key() {
        assert_eq!(key_of("level").as_deref(), Some("log.level"));
        assert_eq!(key_of("\"warn\"").as_deref(), Some("log.level"));
        assert_eq!(key_of("1\n").as_deref(), Some("slot.kmip.port"));
        assert_eq!(key_of("\"/x\"").as_deref(), Some("slot.kmip.tls.ca"));
        assert_eq!(key_of("\"b\"").as_deref(), Some("slot.kmip.servers"));
    }

    #[test]
    fn what_is_no_toml_has_no_key() {
        assert_eq!(key_at("a = = b", 4), None);
    }
}
