//! The quickstarts, as README.md has people run them, with the programs that are built already.

use std::path::Path;

use ffi_tests::module::library;
use ffi_tests::process::run;
use ffi_tests::scratch::Scratch;
use ffi_tests::tool;

use crate::person::KMIP_SSH;

/// It ends with a login by the key that it made, and leaves neither a file nor a process.
fn logs_in_and_cleans_up(script: &str, how: &str) {
    let (programs, temporary) = (Scratch::new(), Scratch::new());
    for program in [Path::new(KMIP_SSH), &library()] {
        let name = program.file_name().unwrap();
        std::fs::copy(program, programs.path().join(name)).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let mut command = tool::command("bash");
    command.arg(&script).arg("--built").arg(programs.path());
    // Where PyKMIP is installed.
    command.envs(std::env::vars_os().filter(|(name, _)| name == "HOME"));
    command.env("TMPDIR", temporary.path());
    let finished = run(&mut command);
    let text = finished.text();
    assert!(
        text.contains(&format!("\nlogged in as {}\n", tool::user())),
        "{text}"
    );
    assert!(
        text.contains("Accepted publickey for ") && text.contains(how),
        "{text}"
    );
    let left = std::fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 0, "files are left in {}", temporary.path().display());
    let mut processes = tool::command("pgrep");
    let processes = run(processes.arg("-f").arg(temporary.path()));
    assert_eq!(processes.status.code(), Some(1), "{}", processes.report());
}

#[test]
fn a_new_user_logs_in_with_a_key_in_a_keystore() {
    logs_in_and_cleans_up("../examples/quickstart.sh", "keystore.db is made");
}

#[test]
fn a_new_user_logs_in_with_a_key_on_a_server() {
    // It installs packages if some are missing, which only root can.
    if tool::user() == "root" {
        logs_in_and_cleans_up("../examples/quickstart-kmip.sh", "made on the server");
    }
}
