//! Without any configuration file: `init`, the keystore in the user's folder, and logins with its keys.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};
use ffi_tests::terminal::Terminal;
use serde_json::Value;

use crate::person::{KMIP_SSH, word};

const PIN: &str = "correct horse 9";

fn newcomer() -> User {
    User::newcomer(Path::new(KMIP_SSH))
}

fn kmip_ssh(user: &User, arguments: &[&str]) -> Command {
    let program = user.desk.file("kmip-ssh");
    let mut command = user.command(program.to_str().expect("a plain path"));
    command.args(arguments);
    command
}

#[track_caller]
fn done(user: &User, arguments: &[&str]) -> Value {
    let finished = run(&mut kmip_ssh(user, &[&["--json"], arguments].concat()));
    serde_json::from_str(&finished.text()).expect("JSON")
}

fn keystore(user: &User) -> PathBuf {
    user.desk.path().join(".local/share/kmip-p11/keystore.db")
}

/// A file with that PIN; its path.
fn pin_file(user: &User, name: &str, pin: &str) -> String {
    let file = user.desk.write(name, pin);
    user.owns_his_files();
    file.to_str().expect("a plain path").into()
}

/// `ssh -I` with the only key there is.
fn login(user: &User, line: &str, options: &[&str]) -> Finished {
    let sshd = Setup::authorizing(&[line.to_owned()]).start();
    user.knows(&sshd.known_hosts());
    user.login(&sshd, options, "echo logged in")
}

#[test]
fn a_newcomer_logs_in_with_a_pin_that_he_chose() {
    let user = newcomer().answering(PIN);
    user.owns_his_files();
    let mut terminal = Terminal::start(&kmip_ssh(&user, &["init"]));
    terminal.wait_until_it_says("New PIN of ");
    terminal.type_line(PIN);
    terminal.wait_until_it_says("The same once more");
    terminal.type_line(PIN);
    let (text, status) = terminal.end();
    assert!(
        status.success() && text.contains("is made, sealed by \"pin\""),
        "{text}"
    );
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keystore(&user)), 0o600);
    assert_eq!(mode(keystore(&user).parent().unwrap()), 0o700);

    let pin = pin_file(&user, "pin", PIN);
    let made = done(
        &user,
        &[
            "key",
            "generate",
            "web",
            "--type",
            "p256",
            "--pin-file",
            &pin,
        ],
    );
    let line = word(&made["key"], "openssh");
    // Public keys are shown to everybody who may read the file: nobody is asked.
    assert_eq!(done(&user, &["key", "list"])["keys"][0]["name"], "web");
    assert_eq!(user.was_asked(), "");
    assert_eq!(login(&user, line, &[]).text(), "logged in\n");
    assert!(user.was_asked().contains("PIN"), "{}", user.was_asked());
}

#[test]
fn a_file_opens_it_where_nobody_can_be_asked() {
    let user = newcomer();
    let made = done(&user, &["init", "--seal", "file"]);
    assert_eq!(
        (&made["seal"], &made["in_use"]),
        (&"file".into(), &true.into())
    );
    let seal = Path::new(word(&made, "seal_file"));
    assert_eq!(seal.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for key_type in ["rsa:2048", "p256", "p384", "p521", "ed25519"] {
        done(&user, &["key", "generate", key_type, "--type", key_type]);
    }
    for key_type in ["rsa:2048", "p384"] {
        let shown = done(&user, &["key", "show", key_type]);
        let file = user.desk.write("only.pub", word(&shown["key"], "openssh"));
        user.owns_his_files();
        let file = file.to_str().unwrap();
        let only = [
            "-i",
            file,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
        ];
        let login = login(&user, word(&shown["key"], "openssh"), &only);
        assert_eq!(login.text(), "logged in\n", "{key_type}");
    }
    assert_eq!(user.was_asked(), "");
    let doctor = done(
        &user,
        &["doctor", "--module", user.module().to_str().unwrap()],
    );
    assert_eq!(doctor["ok"], true, "{doctor}");
    let findings = doctor["findings"].as_array().unwrap();
    let configuration = findings
        .iter()
        .find(|it| it["what"] == "configuration")
        .unwrap();
    assert_eq!(configuration["level"], "ok", "{doctor}");
    assert_eq!(
        doctor["slots"][0]["keys"].as_array().map(Vec::len),
        Some(5),
        "{doctor}"
    );
    // RSA, three curves, Ed25519: each has signed, and `check` says the same.
    assert_eq!(done(&user, &["keystore", "check"])["signed"], 5);
}

#[test]
fn nothing_is_written_over() {
    let user = newcomer();
    done(&user, &["init", "--seal", "file"]);
    done(&user, &["key", "generate", "web", "--type", "p256"]);
    for line in [&["init"][..], &["init", "--seal", "file"]] {
        let refused = run(&mut kmip_ssh(&user, line));
        assert!(
            refused.complaint().contains("left as it is"),
            "{}",
            refused.report()
        );
    }
    assert_eq!(done(&user, &["key", "list"])["keys"][0]["name"], "web");
}

/// The module works, and has no token yet; whoever runs it is told once what to do.
#[test]
fn without_a_keystore_programs_see_no_token_and_people_what_to_do() {
    let user = newcomer();
    let sshd = Setup::authorizing(&[]).start();
    user.knows(&sshd.known_hosts());
    let refused = user.login(&sshd, &["-o", "BatchMode=yes"], "true");
    assert_eq!(refused.status.code(), Some(255));
    let ours: Vec<_> = refused
        .stderr
        .lines()
        .filter(|it| it.contains("kmip"))
        .collect();
    assert_eq!(ours.len(), 1, "{}", refused.report());
    assert!(
        ours[0].contains("\"kmip-ssh init\" makes one"),
        "{}",
        refused.report()
    );
    assert!(
        refused.stderr.contains("Permission denied"),
        "{}",
        refused.report()
    );
    assert_eq!(user.was_asked(), "");
    let doctor = run(&mut kmip_ssh(&user, &["doctor"]));
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        !doctor.status.success() && text.contains("kmip-ssh init"),
        "{text}"
    );
    for line in [
        &["key", "list"][..],
        &["slot", "list"],
        &["key", "generate", "a", "--type", "p256"],
    ] {
        let finished = run(&mut kmip_ssh(&user, line));
        assert_eq!(finished.status.code(), Some(1), "{}", finished.report());
        let text = String::from_utf8_lossy(&finished.stdout) + finished.stderr.as_str();
        assert!(text.contains("kmip-ssh init"), "{}", finished.report());
    }
}

#[test]
fn a_pin_is_changed_and_the_old_one_is_wrong() {
    let user = newcomer();
    let (old, new) = (
        pin_file(&user, "old", PIN),
        pin_file(&user, "new", "another 4"),
    );
    done(&user, &["init", "--pin-file", &old]);
    done(
        &user,
        &[
            "key",
            "generate",
            "web",
            "--type",
            "p256",
            "--pin-file",
            &old,
        ],
    );
    done(
        &user,
        &[
            "keystore",
            "pin",
            "--pin-file",
            &old,
            "--new-pin-file",
            &new,
        ],
    );
    let check = |pin: &str| {
        run(&mut kmip_ssh(
            &user,
            &["keystore", "check", "--pin-file", pin],
        ))
    };
    assert!(check(&new).text().contains("1 keys signed, 0 did not"));
    let refused = check(&old);
    assert!(refused.complaint().contains("PIN"), "{}", refused.report());
}

#[test]
fn what_opens_it_is_changed_and_no_configuration_has_to_be() {
    let user = newcomer();
    let pin = pin_file(&user, "pin", PIN);
    done(&user, &["init", "--pin-file", &pin]);
    done(
        &user,
        &[
            "key",
            "generate",
            "web",
            "--type",
            "p256",
            "--pin-file",
            &pin,
        ],
    );
    let sealed = done(&user, &["keystore", "seal", "file", "--pin-file", &pin]);
    assert!(Path::new(word(&sealed, "seal_file")).exists());
    assert_eq!(done(&user, &["keystore", "check"])["signed"], 1);
    done(&user, &["keystore", "seal", "pin", "--new-pin-file", &pin]);
    let asked = run(&mut kmip_ssh(&user, &["keystore", "check"]));
    assert!(
        asked.complaint().contains("--pin-file"),
        "{}",
        asked.report()
    );
    assert_eq!(
        done(&user, &["keystore", "check", "--pin-file", &pin])["signed"],
        1
    );
}

#[test]
fn a_backup_brings_back_what_was_destroyed() {
    let user = newcomer();
    done(&user, &["init", "--seal", "file"]);
    done(&user, &["key", "generate", "web", "--type", "p256"]);
    let copy = user.desk.file("copy.db");
    let copy = copy.to_str().unwrap();
    done(&user, &["keystore", "backup", copy]);
    let again = run(&mut kmip_ssh(&user, &["keystore", "backup", copy]));
    assert!(!again.status.success(), "{}", again.report());
    done(&user, &["key", "destroy", "web", "--revoke", "--yes"]);
    let unsaid = run(&mut kmip_ssh(&user, &["keystore", "restore", copy]));
    assert!(unsaid.complaint().contains("--yes"), "{}", unsaid.report());
    let restored = done(&user, &["keystore", "restore", copy, "--yes"]);
    assert!(Path::new(word(&restored, "copy")).exists(), "{restored}");
    assert_eq!(done(&user, &["keystore", "check"])["signed"], 1);
}
