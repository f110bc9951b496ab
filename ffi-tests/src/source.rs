//! Rust source as the house rules see it: without comments and strings, split at its tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
#[derive(Debug)]
pub struct SourceFile {
    /// Its path under the folder that was asked for.
    pub path: PathBuf,
    /// Its lines before its tests, comments and all.
    pub lines: usize,
    /// What the compiler sees before its tests; comments and what is in quotes are blanks.
    pub code: String,
    /// Its first line.
    pub first_line: String,
    is_test: bool,
}

/// A function's name, and the lines from its `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its length.
    pub lines: usize,
}

/// All Rust files under a folder, without those that hold nothing but tests.
pub fn files_under(folder: &Path) -> Vec<SourceFile> {
    let mut paths = vec![];
    collect(folder, &mut paths);
    paths.sort();
    let files = paths.iter().map(|path| SourceFile::read(folder, path));
    files.filter(|file| !file.is_test).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        match path.is_dir() {
            true => collect(&path, paths),
            false if path.extension().is_some_and(|e| e == "rs") => paths.push(path),
            false => {}
        }
    }
}

impl SourceFile {
    fn read(folder: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a readable file");
        let path = path.strip_prefix(folder).expect("it is under the folder");
        Self::of(path, &text)
    }

    /// From the text of a file.
    pub fn of(path: &Path, text: &str) -> Self {
        let code = blanked(text);
        let end = start_of_tests(&code).unwrap_or(code.len());
        let in_tests = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        Self {
            path: path.to_owned(),
            lines: text[..end].trim_end().lines().count(),
            code: code[..end].to_owned(),
            first_line: text.lines().next().unwrap_or_default().to_owned(),
            is_test: in_tests,
        }
    }

    /// The module it is, from the crate's root: `["ffi", "table"]`; of `lib.rs`, nothing.
    pub fn module(&self) -> Vec<String> {
        let without_extension = self.path.with_extension("");
        let parts = without_extension
            .iter()
            .map(|part| part.to_string_lossy().into_owned());
        let mut parts: Vec<_> = parts.collect();
        if parts
            .last()
            .is_some_and(|last| last == "mod" || last == "lib" || last == "main")
        {
            parts.pop();
        }
        parts
    }

    /// The top modules of the crate that it names, by `crate::` or by a chain of `super::`.
    pub fn rooms_named(&self) -> Vec<String> {
        let words = words(&self.code);
        let depth = self.module().len();
        let mut rooms = vec![];
        for (at, word) in words.iter().enumerate() {
            let supers = match *word {
                "crate" => depth,
                "super" if at == 0 || words[at - 1] != "::" => chain_of_supers(&words[at..]),
                _ => continue,
            };
            let after = match *word {
                "crate" => at + 1,
                _ => at + 2 * supers - 1,
            };
            if supers >= depth && words.get(after) == Some(&"::") {
                rooms.extend(first_names(&words[after + 1..]));
            }
        }
        rooms
    }

    /// True if that word occurs in the code.
    pub fn has_word(&self, wanted: &str) -> bool {
        words(&self.code).contains(&wanted)
    }

    /// All functions that have a body.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = vec![];
        for (start, _) in self.code.match_indices("fn ") {
            let before = self.code[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            functions.extend(function_at(&self.code[start..]));
        }
        functions
    }
}

fn chain_of_supers(words: &[&str]) -> usize {
    let mut count = 0;
    while words.get(2 * count) == Some(&"super") {
        count += 1;
    }
    count
}

/// The names that a path goes on with: one, or the first of each branch of `{a::b, c}`.
fn first_names(words: &[&str]) -> Vec<String> {
    if words.first() != Some(&"{") {
        return words
            .first()
            .map(|word| word.to_string())
            .into_iter()
            .collect();
    }
    let (mut depth, mut names) = (0, vec![]);
    for pair in words.windows(2) {
        match pair[0] {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && (pair[0] == "{" || pair[0] == ",") && pair[1] != "}" {
            names.push(pair[1].to_owned());
        }
    }
    names
}

fn function_at(code: &str) -> Option<Function> {
    let name: String = code[3..]
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let end_of_head = code.find(['{', ';'])?;
    if name.is_empty() || code.as_bytes()[end_of_head] == b';' {
        return None;
    }
    let mut depth = 0;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at < end_of_head) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let lines = code[..=at].lines().count();
            return Some(Function { name, lines });
        }
    }
    None
}

/// Identifiers, `::`, and every other sign by itself.
fn words(code: &str) -> Vec<&str> {
    let mut words = vec![];
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

/// Where `#[cfg(test)]` stands before a module.
fn start_of_tests(code: &str) -> Option<usize> {
    let mut marks = code.match_indices("#[cfg(test)]");
    let is_module = |at: usize| code[at + 12..].trim_start().starts_with("mod ");
    marks.find(|(at, _)| is_module(*at)).map(|(at, _)| at)
}

/// The text with a blank in place of each character of comments, strings and characters.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kept, length) = match token_length(rest) {
            Some(length) => (false, length),
            None => (true, first.len_utf8()),
        };
        for c in rest[..length].chars() {
            match kept || c == '\n' {
                true => code.push(c),
                false => code.extend(std::iter::repeat_n(' ', c.len_utf8())),
            }
        }
        rest = &rest[length..];
        if kept && first == '\'' {
            // A lifetime: its name must not be taken for the start of anything.
            continue;
        }
    }
    code
}

/// How long the comment, string or character is that the text begins with.
fn token_length(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |at| at + 2));
    }
    if text.starts_with('"') {
        return Some(quoted(text, '"'));
    }
    if let Some(hashes) = text
        .strip_prefix('r')
        .map(|t| t.bytes().take_while(|b| *b == b'#').count())
        && text[1 + hashes..].starts_with('"')
    {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = 2 + hashes;
        return Some(
            text[start..]
                .find(&end)
                .map_or(text.len(), |at| start + at + end.len()),
        );
    }
    let mut characters = text.strip_prefix('\'')?.char_indices();
    let (_, first) = characters.next()?;
    let (at, second) = characters.next()?;
    match (first, second) {
        ('\\', _) => Some(quoted(text, '\'')),
        (_, '\'') => Some(at + 2),
        _ => None,
    }
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::of(Path::new(path), text)
    }

    #[test]
    fn comments_and_quotes_are_not_code() {
        let text = "a /* unsafe */ \"un\\\"safe\" r#\"x\"y\"# '\"' b // unsafe\nc<'a>(&'a str)";
        let code = file("x.rs", text).code;
        let left: Vec<_> = code.split_whitespace().collect();
        assert_eq!(left, ["a", "b", "c<'a>(&'a", "str)"]);
        assert_eq!(code.len(), text.len());
    }

    #[test]
    fn tests_are_cut_off() {
        let file = file(
            "a.rs",
            "fn a() {}\n\n#[cfg(test)]\nmod tests {\n use crate::ffi;\n}\n",
        );
        assert_eq!((file.lines, file.rooms_named().len()), (1, 0));
    }

    #[test]
    fn rooms_are_found_by_every_path() {
        let text = "use crate::{error::{Error, Result}, model};\nuse super::super::ffi::x;\n\
                    fn f() { crate::kmip::g(); super::own(); $crate::token::t() }";
        let rooms = file("provider/slot.rs", text).rooms_named();
        assert_eq!(rooms, ["error", "model", "ffi", "kmip", "token"]);
        assert_eq!(
            file("provider/mod.rs", "super::ffi::x").rooms_named(),
            ["ffi"]
        );
    }

    #[test]
    fn functions_have_a_length() {
        let text = "fn a(x: u8) -> u8 {\n  if x { 1 }\n}\ntrait T { fn b(); }\nfn c() {}\n";
        let functions = file("a.rs", text).functions();
        let expected = [("a", 3), ("c", 1)];
        let expected = expected.map(|(name, lines)| Function {
            name: name.into(),
            lines,
        });
        assert_eq!(functions, expected);
    }
}
