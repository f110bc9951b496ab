//! docs/tokens.md: a row for each check, a column for each kind of place; what is written there is what is pinned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ffi_tests::place::Kind;

use crate::{checks, programs};

/// The variable by which it is written anew.
const WRITE: &str = "KMIP_P11_WRITE_DOCS";
const BEGIN: &str = "<!-- token contract -->\n";
const END: &str = "<!-- end of token contract -->";
/// A cell that nobody has filled.
const EMPTY: &str = "?";

/// Several tests write into one document.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// By check and kind.
type Cells = BTreeMap<(String, String), String>;

/// The document says of that kind what these checks came to.
#[track_caller]
pub fn tells(kind: Kind, found: &[(&str, String)]) {
    let alone = DOCUMENT.lock();
    let document = std::fs::read_to_string(path()).expect("the document is there");
    let (before, rest) = document.split_once(BEGIN).expect("its first mark");
    let (table, after) = rest.split_once(END).expect("its last mark");
    let mut cells = read(table);
    let mut differences = vec![];
    for (check, cell) in found {
        let place = ((*check).to_owned(), kind.name().to_owned());
        let told = cells.insert(place, cell.clone()).unwrap_or_default();
        if told != *cell {
            differences.push(format!("{check}: {cell}, not {told:?}"));
        }
    }
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        let new = format!("{before}{BEGIN}{}{END}{after}", written(&cells));
        std::fs::write(path(), new).expect("the document can be written");
        return;
    }
    drop(alone);
    assert!(
        differences.is_empty(),
        "docs/tokens.md says something else of {}; if this is right, write it anew with {WRITE}=1:\n{}",
        kind.name(),
        differences.join("\n")
    );
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tokens.md")
}

fn read(table: &str) -> Cells {
    let mut lines = table.lines().map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    let kinds = lines.next().unwrap_or_default();
    let mut cells = Cells::new();
    for row in lines.skip(1) {
        let check = row.first().cloned().unwrap_or_default();
        for (kind, cell) in kinds.iter().zip(&row).skip(1) {
            cells.insert((check.clone(), kind.clone()), cell.clone());
        }
    }
    cells
}

fn written(cells: &Cells) -> String {
    let kinds = Kind::ALL.map(Kind::name);
    let mut text = format!(
        "| check | {} |\n| --- |{}\n",
        kinds.join(" | "),
        " --- |".repeat(kinds.len())
    );
    for check in checks::names().into_iter().chain(programs::names()) {
        let of_check = kinds.map(|kind| {
            let cell = cells.get(&(check.to_owned(), kind.to_owned()));
            cell.map_or(EMPTY, String::as_str)
        });
        text.push_str(&format!("| {check} | {} |\n", of_check.join(" | ")));
    }
    text
}
