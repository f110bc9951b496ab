//! The matrix as docs/servers.md tells it: a table for each server, between two marks.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::matrix::{Matrix, UNSPOKEN};
use crate::outcome::INEXPRESSIBLE;

/// The variable by which what is pinned is written anew.
pub const WRITE: &str = "KMIP_P11_WRITE_DOCS";

/// The tests of several servers write into one document.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// Whether what is found becomes what is pinned.
pub fn is_to_be_written() -> bool {
    std::env::var(WRITE).is_ok_and(|value| value == "1")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/servers.md")
}

/// The document has the table of that server.
#[track_caller]
pub fn tells(server: &str, matrix: &Matrix) {
    let _alone = DOCUMENT
        .lock()
        .expect("no other server's test has failed here");
    let document = std::fs::read_to_string(path()).expect("the document is there");
    let (begin, end) = marks(server);
    let place = document.split_once(&begin).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(&end)?;
        Some((before, table, after))
    });
    let Some((before, told, after)) = place else {
        panic!("docs/servers.md has no {begin} and {end}");
    };
    let table = format!("\n{}", table(matrix));
    if is_to_be_written() {
        let new = format!("{before}{begin}{table}{end}{after}");
        std::fs::write(path(), new).expect("the document can be written");
    } else {
        assert_eq!(
            told, table,
            "docs/servers.md tells something else of {server}"
        );
    }
}

fn marks(server: &str) -> (String, String) {
    (
        format!("<!-- contract of {server} -->"),
        format!("<!-- end of {server} -->"),
    )
}

/// One column for each transport.
fn table(matrix: &Matrix) -> String {
    let mut ways: Vec<&str> = matrix.columns.iter().map(|name| way(name)).collect();
    ways.dedup();
    let mut text = format!("| check | {} |\n", ways.join(" | "));
    text.push_str(&format!("| --- |{}\n", " --- |".repeat(ways.len())));
    for (check, cells) in &matrix.rows {
        let told = ways.iter().map(|wanted| {
            let of_way = matrix.columns.iter().zip(cells);
            let of_way = of_way.filter(|(column, _)| way(column) == *wanted);
            summary(of_way.map(|(column, cell)| (version(column), cell.as_str())))
        });
        let told: Vec<String> = told.collect();
        text.push_str(&format!("| {check} | {} |\n", told.join(" | ")));
    }
    text
}

fn way(column: &str) -> &str {
    column.split_once(' ').map_or(column, |(way, _)| way)
}

fn version(column: &str) -> &str {
    column
        .split_once(' ')
        .map_or(column, |(_, version)| version)
}

/// Versions in a row with the same outcome are told as one; those that have no words for it, or are not spoken, are left out.
fn summary<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut runs: Vec<(&str, &str, &str)> = vec![];
    for (version, cell) in cells.filter(|(_, cell)| ![INEXPRESSIBLE, UNSPOKEN].contains(cell)) {
        match runs.last_mut() {
            Some((_, last, same)) if *same == cell => *last = version,
            _ => runs.push((version, version, cell)),
        }
    }
    if let [(_, _, cell)] = runs[..] {
        return cell.to_owned();
    }
    let told = runs.iter().map(|(first, last, cell)| match first == last {
        true => format!("{first} {cell}"),
        false => format!("{first} to {last} {cell}"),
    });
    told.collect::<Vec<_>>().join("; ")
}
