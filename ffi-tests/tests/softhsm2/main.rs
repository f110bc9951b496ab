//! Known faults of SoftHSM2: the same calls on it and on ours, each in a process of its own, since some end it.
//!
//! docs/softhsm2.md tells what came of them; `KMIP_P11_WRITE_DOCS=1` writes it anew.

mod document;
mod faults;
mod ground;
mod names;
mod requests;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use faults::{FAULTS, Fault};
use ffi_tests::here;
use ffi_tests::hsm::Hsm;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::own_process::Surroundings;
use ffi_tests::process::run_within;
use ground::{Ground, Whose};
use kmip_p11::model::public_key::{Curve, KeyType};

/// Much more than a fault takes: one hands over 4 GiB.
const LIMIT: Duration = Duration::from_secs(120);
const FAULT: &str = "KMIP_P11_TEST_FAULT";
const WHOSE: &str = "KMIP_P11_TEST_WHOSE";
/// Before what a child has to say.
const MARK: &str = "\ncame to: ";

const KEYS: [(&str, KeyType); 3] = [
    ("rsa", KeyType::Rsa(2048)),
    ("p256", KeyType::Ec(Curve::P256)),
    ("ed25519", KeyType::Ed25519),
];

/// What a fault came to, on SoftHSM2 and on ours.
struct Row {
    fault: &'static Fault,
    softhsm2: String,
    ours: String,
}

#[test]
fn what_softhsm2_does_wrong_is_right_here() {
    if let Ok(name) = std::env::var(FAULT) {
        return in_a_child(&name);
    }
    let ours = KeystoreScene::by_file().with(&KEYS);
    let theirs = Hsm::soft().with(&KEYS.map(|(name, _)| name));
    let test = here!();
    let row = |fault: &'static Fault| Row {
        fault,
        softhsm2: came_to(test, fault, Whose::SoftHsm2, &theirs),
        ours: came_to(test, fault, Whose::Ours, &ours),
    };
    let made = |fault: &&Fault| !fault.slow || document::is_written();
    let rows: Vec<_> = FAULTS.iter().filter(made).map(row).collect();
    for row in &rows {
        let (calls, right) = (row.fault.calls, row.fault.right);
        println!(
            "{calls}\n    SoftHSM2: {}\n    ours:     {}",
            row.softhsm2, row.ours
        );
        assert_eq!(row.ours, right, "{calls}");
        assert_ne!(row.softhsm2, right, "SoftHSM2 does it right: {calls}");
    }
    document::tells(&rows);
}

/// Makes the calls in this process and tells what came of them.
fn in_a_child(name: &str) {
    let fault = FAULTS.iter().find(|fault| fault.name == name);
    let fault = fault.unwrap_or_else(|| panic!("no fault {name}"));
    let whose = Whose::of_environment(WHOSE);
    let ground = Ground::of(whose);
    println!("{MARK}{}", (fault.make)(&ground));
}

/// What the calls came to in a process of their own, or how that ended.
#[track_caller]
fn came_to(test: &str, fault: &Fault, whose: Whose, surroundings: &dyn Surroundings) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.args([test, "--exact", "--nocapture"]);
    command.env_clear().envs(surroundings.environment());
    for name in ["PATH", "HOME", "TMPDIR"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.env(FAULT, fault.name).env(WHOSE, whose.name());
    let finished = run_within(LIMIT, &mut command, b"");
    let said = String::from_utf8_lossy(&finished.stdout).into_owned();
    match (said.split_once(MARK), finished.status.signal()) {
        (Some((_, rest)), _) => rest.lines().next().unwrap_or_default().to_owned(),
        (None, Some(libc::SIGSEGV)) => "the process ends by SIGSEGV".to_owned(),
        (None, Some(libc::SIGABRT)) => "the process ends by SIGABRT".to_owned(),
        (None, _) => panic!("{}: {}", fault.calls, finished.report()),
    }
}
