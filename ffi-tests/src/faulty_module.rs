//! SoftHSM2 behind a module of a few lines of C, which crashes, hangs and lies on demand.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::hsm::{Configured, Hsm, MODULE};
use crate::own_process::Surroundings;
use crate::process::run;
use crate::scratch::Scratch;
use crate::tool;

const FAULT: &str = "FAULT_FILE";

/// The module, compiled, with one slot of ours on it and one on SoftHSM2 itself.
pub struct Faulty {
    configured: Configured,
    files: Scratch,
}

impl Faulty {
    /// With a P-256 key, and lines of the slot besides its module and its PIN.
    pub fn new(lines: &str) -> Self {
        let files = Scratch::new();
        let source = files.write("faulty.c", include_str!("faulty_module.c"));
        let module = files.file("faulty.so");
        let mut compiler = tool::command("gcc");
        compiler.args(["-shared", "-fPIC", "-w", "-o"]).arg(&module);
        let compiled = run(compiler.arg(source).arg("-ldl"));
        assert!(compiled.status.success(), "{}", compiled.report());
        let hsm = Hsm::soft().with(&["p256"]);
        let sound = hsm
            .slot_with_pin()
            .replace("label = \"hsm\"", "label = \"sound\"");
        let slot = hsm
            .slot_with_pin()
            .replace(MODULE, &module.display().to_string());
        Self {
            configured: hsm.configured(&format!("{slot}{lines}\n{sound}")),
            files,
        }
    }
}

impl Surroundings for Faulty {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment = self.configured.environment();
        environment.push((FAULT, self.files.file("fault").into()));
        environment.push(("REAL_MODULE", MODULE.into()));
        environment
    }
}

/// From the next signature on, in this process and its children: "crash", "hang", "closed" (all
/// sessions), the hexadecimal number of a return value, each once; or "wrong" and "removed", until
/// [`end_fault`].
pub fn fault(kind: &str) {
    std::fs::write(file(), kind).expect("the fault's file");
}

/// The module is sound again.
pub fn end_fault() {
    let _ = std::fs::remove_file(file());
}

fn file() -> PathBuf {
    std::env::var_os(FAULT)
        .expect("the surroundings are a Faulty")
        .into()
}
