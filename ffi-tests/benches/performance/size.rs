//! The size of the library as it is packaged: built on its own, optimised as a whole, stripped.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::table::{Measured, ValueRow};

/// Without databases it was 6 MiB; SQLite, the Postgres client and the client of other modules came to it.
const MOST: u64 = 10 << 20;

/// The size, beside its target.
pub fn row() -> ValueRow {
    let what = "size of the library as packaged, stripped".to_owned();
    match size() {
        Err(reason) => ValueRow {
            what,
            measured: Measured::Not(reason),
            target: None,
        },
        Ok(bytes) => ValueRow {
            what,
            measured: Measured::Here(format!("{:.2} MiB", bytes as f64 / (1 << 20) as f64)),
            target: Some(("<= 10 MiB".into(), bytes <= MOST)),
        },
    }
}

/// With both of its crate types asked for, cargo leaves out the optimisation over crates; so it is
/// built the way that README.md gives.
fn size() -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // target/release/deps/performance-…
    let target = program.ancestors().nth(3).ok_or("no target directory")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args("rustc --release --quiet --lib --crate-type cdylib -p kmip-p11".split(' '));
    build.arg("--target-dir").arg(target).current_dir(root);
    let built = build.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match built {
        Ok(status) if status.success() => {
            let library = target.join("release/libkmip_p11.so");
            let metadata = std::fs::metadata(library);
            metadata
                .map(|found| found.len())
                .map_err(|error| error.to_string())
        }
        Ok(status) => Err(format!("cargo rustc: {status}")),
        Err(error) => Err(format!("cargo: {error}")),
    }
}
