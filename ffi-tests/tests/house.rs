//! The walls of the house: which room may use which, where `unsafe` is, how large things get.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ffi_tests::source::{SourceFile, files_under};

/// What each room may import besides itself. Nobody imports `ffi` but the doors for fuzzing.
const ALLOWED: [(&str, &[&str]); 14] = [
    ("config", &[]),
    ("crypto", &["error", "forks", "model"]),
    ("error", &[]),
    (
        "ffi",
        &["error", "forks", "model", "panics", "provider", "startup"],
    ),
    // Only with the feature of that name.
    (
        "fuzzing",
        &["crypto", "ffi", "kmip", "model", "provider", "token"],
    ),
    ("kmip", &[]),
    ("logging", &["config", "model"]),
    ("model", &["error"]),
    ("forks", &[]),
    ("panics", &[]),
    ("provider", &["crypto", "error", "model", "token"]),
    ("ssh", &["error", "model"]),
    (
        "startup",
        &[
            "config", "crypto", "error", "kmip", "logging", "model", "provider", "ssh", "token",
        ],
    ),
    (
        "token",
        &["config", "crypto", "error", "forks", "kmip", "model"],
    ),
];

/// Names that say nothing of what is behind them.
const EMPTY_NAMES: [&str; 11] = [
    "core", "cryptoki", "util", "utils", "common", "helper", "helpers", "manager", "handler",
    "misc", "shared",
];

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn library() -> Vec<SourceFile> {
    files_under(&root().join("src"))
}

/// The workspace's other code has the same budgets.
fn everything() -> Vec<SourceFile> {
    let folders = [
        "src",
        "tools/src",
        "ffi-tests/src",
        "ffi-tests/tests",
        "ffi-tests/fuzz/src",
        "ffi-tests/fuzz/targets",
        "tools/tests",
        "benches",
        "examples",
    ];
    let there = folders.map(|folder| root().join(folder));
    let there = there.into_iter().filter(|folder| folder.is_dir());
    there.flat_map(|folder| files_under(&folder)).collect()
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn rooms_use_only_what_stands_under_them() {
    let allowed = BTreeMap::from(ALLOWED);
    let mut faults = vec![];
    for file in library() {
        let module = file.module();
        let Some(room) = module.first() else {
            continue; // lib.rs is the map of the house
        };
        let Some(allowed) = allowed.get(room.as_str()) else {
            faults.push(format!(
                "{room}: a room that the table of this test does not know"
            ));
            continue;
        };
        for named in file.rooms_named() {
            let is_room = ALLOWED.iter().any(|(room, _)| *room == named);
            if is_room && named != *room && !allowed.contains(&named.as_str()) {
                faults.push(format!(
                    "{}: {room} must not use {named}",
                    file.path.display()
                ));
            }
        }
    }
    report(faults);
}

#[test]
fn unsafe_code_is_in_the_c_boundary_alone() {
    let outside = |file: &SourceFile| !file.path.starts_with("ffi") && file.has_word("unsafe");
    let faults = library().into_iter().filter(outside);
    report(faults.map(|file| file.path.display().to_string()).collect());
}

#[test]
fn the_c_boundary_is_where_this_test_looks_for_it() {
    let unsafe_files = library().into_iter().filter(|file| file.has_word("unsafe"));
    assert!(unsafe_files.count() >= 3);
}

#[test]
fn no_file_is_longer_than_400_lines_before_its_tests() {
    let long = everything()
        .into_iter()
        .filter(|file| file.lines > LONGEST_FILE);
    let fault = |file: SourceFile| format!("{}: {} lines", file.path.display(), file.lines);
    report(long.map(fault).collect());
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut faults = vec![];
    for file in everything() {
        for function in file.functions() {
            if function.lines > LONGEST_FUNCTION {
                let path = file.path.display();
                faults.push(format!(
                    "{path}: {} has {} lines",
                    function.name, function.lines
                ));
            }
        }
    }
    report(faults);
}

#[test]
fn modules_have_names_that_say_what_they_are() {
    let empty = |file: &SourceFile| {
        let module = file.module();
        module
            .iter()
            .any(|name| EMPTY_NAMES.contains(&name.as_str()))
    };
    let faults = everything().into_iter().filter(empty);
    report(faults.map(|file| file.path.display().to_string()).collect());
}

#[test]
fn every_module_begins_with_a_sentence_on_what_it_is() {
    let silent = everything()
        .into_iter()
        .filter(|file| !file.first_line.starts_with("//! "));
    report(silent.map(|file| file.path.display().to_string()).collect());
}
