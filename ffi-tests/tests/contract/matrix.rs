//! The matrix: checks in rows, transports and versions in columns, and what is pinned of it.

use std::path::{Path, PathBuf};

use ffi_tests::kmip_server::Endpoint;
use kmip_p11::kmip::Version;

use crate::checks::{CHECKS, Check};
use crate::column::{Way, client};
use crate::document;
use crate::outcome::cell;
use crate::scene::Scene;

/// A server that does not do this in some version does not speak it.
const SPOKEN: Check = CHECKS[1];
/// The cells of such a version.
pub const UNSPOKEN: &str = "not spoken";

/// What the checks came to on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// `transport version`, the oldest version first.
    pub columns: Vec<String>,
    /// A check's name, and its cell in each column.
    pub rows: Vec<(String, Vec<String>)>,
}

/// Runs all checks in every version over every transport.
pub fn run(endpoint: &Endpoint, ways: &[Way], versions: &[Version]) -> Matrix {
    let mut matrix = Matrix {
        columns: vec![],
        rows: CHECKS.map(|(name, _)| (name.to_owned(), vec![])).to_vec(),
    };
    for way in ways {
        for &version in versions.iter().rev() {
            let column = format!("{} {version}", way.name());
            let scene = Scene::new(
                client(endpoint, way, Some(version)),
                client(endpoint, way, None),
                version,
                column.clone(),
            );
            let spoken = SPOKEN.1(&scene).is_ok();
            for ((name, check), (_, cells)) in CHECKS.iter().zip(&mut matrix.rows) {
                cells.push(match spoken || *name == SPOKEN.0 {
                    true => cell(check(&scene)),
                    false => UNSPOKEN.to_owned(),
                });
            }
            matrix.columns.push(column);
        }
    }
    matrix
}

/// The run gives what is pinned, and the document says so; or, if that is wanted, both are written.
#[track_caller]
pub fn holds(server: &str, run: impl FnOnce() -> Matrix) {
    let found = run();
    println!("{server}\n{}", found.text());
    let path = pinned(server);
    if document::is_to_be_written() {
        std::fs::write(&path, found.text()).expect("the matrix can be written");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let differences = found.differences(&Matrix::parse(&text));
    assert!(
        differences.is_empty(),
        "{server} is not what {} says; if that is right, write it anew with {}=1:\n{}",
        path.display(),
        document::WRITE,
        differences.join("\n")
    );
    document::tells(server, &found);
}

fn pinned(server: &str) -> PathBuf {
    let file = format!("tests/contract/outcomes/{server}.tsv");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

impl Matrix {
    /// Lines of cells with tabs between them, the columns' names first.
    pub fn text(&self) -> String {
        let mut text = format!("check\t{}\n", self.columns.join("\t"));
        for (name, cells) in &self.rows {
            text.push_str(&format!("{name}\t{}\n", cells.join("\t")));
        }
        text
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| {
            let mut cells = line.split('\t').map(str::to_owned);
            (cells.next().unwrap_or_default(), cells.collect())
        });
        let (_, columns) = lines.next().unwrap_or_default();
        Self {
            columns,
            rows: lines.collect(),
        }
    }

    fn cell(&self, check: &str, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|name| name == column)?;
        let (_, cells) = self.rows.iter().find(|(name, _)| name == check)?;
        cells.get(place).map(String::as_str)
    }

    /// What is found here and is not pinned so, and what is pinned and was not found.
    fn differences(&self, pinned: &Self) -> Vec<String> {
        let mut differences = vec![];
        for (check, cells) in &self.rows {
            for (column, found) in self.columns.iter().zip(cells) {
                let expected = pinned.cell(check, column).unwrap_or("nothing");
                if expected != found {
                    let line = format!("{check}, {column}: {found}; pinned is {expected}");
                    differences.push(line);
                }
            }
        }
        if differences.is_empty() && self != pinned {
            differences.push("rows or columns that are not run any more".to_owned());
        }
        differences
    }
}
