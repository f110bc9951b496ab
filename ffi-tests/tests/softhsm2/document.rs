//! docs/softhsm2.md: a row for each fault; what is written there is what is pinned.

use std::path::{Path, PathBuf};

use crate::Row;
use crate::faults::FAULTS;

const WRITE: &str = "KMIP_P11_WRITE_DOCS";
const HEAD: &str = "| calls | section | SoftHSM2 2.6.1 | kmip-p11 |\n| --- | --- | --- | --- |\n";
const OLD: &str =
    "docs/softhsm2.md is old; if this is right, write it anew with KMIP_P11_WRITE_DOCS=1";
const BEGIN: &str = "<!-- faults -->\n";
const END: &str = "<!-- end of faults -->";

/// True if it is to be written anew.
pub fn is_written() -> bool {
    std::env::var(WRITE).is_ok_and(|value| value == "1")
}

/// The document has these rows; those of calls that were not made stay as they are.
#[track_caller]
pub fn tells(rows: &[Row]) {
    let document = std::fs::read_to_string(path()).expect("the document is there");
    let (before, rest) = document.split_once(BEGIN).expect("its first mark");
    let (table, after) = rest.split_once(END).expect("its last mark");
    if is_written() {
        let lines: String = rows.iter().map(line).collect();
        let new = format!("{before}{BEGIN}{HEAD}{lines}{END}{after}");
        return std::fs::write(path(), new).expect("the document can be written");
    }
    assert_eq!(
        table.lines().count(),
        HEAD.lines().count() + FAULTS.len(),
        "{OLD}"
    );
    for row in rows {
        let line = line(row);
        assert!(table.contains(&line), "{OLD}\n{line}");
    }
}

fn line(row: &Row) -> String {
    let (calls, section) = (row.fault.calls, row.fault.section);
    format!(
        "| {calls} | {section} | {} | {} |\n",
        row.softhsm2, row.ours
    )
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/softhsm2.md")
}
