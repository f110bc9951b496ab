//! Rounds of a C program with the module under Valgrind's memcheck, and with AddressSanitizer and its leak detection.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::process::{Finished, run, run_within};
use ffi_tests::scratch::Scratch;
use ffi_tests::tool;
use kmip_p11::model::public_key::{Curve, KeyType};

/// Much more than it takes, under Valgrind and on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

fn scene() -> KeystoreScene {
    KeystoreScene::by_file().with(&[
        ("rsa", KeyType::Rsa(2048)),
        ("p256", KeyType::Ec(Curve::P256)),
    ])
}

/// The harness, built with these options.
fn built(folder: &Scratch, options: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/rounds.c");
    let program = folder.file("rounds");
    let mut cc = tool::command("gcc");
    cc.args(["-std=gnu11", "-g", "-Wall", "-Werror"])
        .args(options);
    cc.arg("-o").arg(&program).arg(source);
    run(cc.args(["-lpthread", "-ldl"])).text();
    program
}

fn rounds(scene: &KeystoreScene, mut command: Command, numbers: [&str; 2]) -> Finished {
    let user = scene.user("");
    command.env("KMIP_P11_CONFIG", scene.configuration.path());
    let finished = run_within(LIMIT, command.arg(user.module()).args(numbers), b"");
    assert_eq!(finished.text(), "done\n", "{}", finished.report());
    finished
}

#[test]
fn memcheck_finds_no_error_and_no_leak() {
    let (scene, folder) = (scene(), Scratch::new());
    let mut valgrind = tool::command("valgrind");
    valgrind.args(["--leak-check=full", "--error-exitcode=9"]);
    valgrind.arg(built(&folder, &["-O1"]));
    let told = rounds(&scene, valgrind, ["2", "2"]).stderr;
    for clean in ["definitely lost: 0 bytes", "ERROR SUMMARY: 0 errors"] {
        assert!(told.contains(clean), "{told}");
    }
    println!("{told}");
}

#[test]
fn the_address_sanitizer_finds_no_error_and_no_leak() {
    let (scene, folder) = (scene(), Scratch::new());
    let program = built(&folder, &["-fsanitize=address"]);
    let mut command = Command::new(program);
    command.env("ASAN_OPTIONS", "detect_leaks=1");
    rounds(&scene, command, ["20", "4"]);
}
