//! What goes where: results to standard output, complaints to standard error, verdicts to the status.

use std::process::Stdio;

use ffi_tests::process::run;
use ffi_tests::scene::{NoServer, Scene};
use ffi_tests::terminal::Terminal;
use ffi_tests::{ServerKind, on_each_server};

use crate::person::{KMIP_SSH, Person, word};

/// Commands that print much or little, and change nothing.
const READING: [&[&str]; 6] = [
    &["key", "list"],
    &["key", "list", "--all", "--json"],
    &["key", "public"],
    &["slot", "list"],
    &["doctor"],
    &["--help"],
];

on_each_server! {
    fn a_reader_that_went_away_is_no_reason_to_complain(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        person.generate("web", "rsa:2048");
        for line in READING {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = person.user.command("timeout");
            command.arg("60").arg(KMIP_SSH).args(line);
            let ended = command.stdout(writer).stdin(Stdio::null()).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{line:?}");
            assert!(matches!(ended.status.code(), Some(0 | 1)), "{line:?}: {:?}", ended.status);
        }
    }

    fn results_that_cannot_be_written_are_an_error(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        person.generate("web", "rsa:2048");
        for line in &READING[..5] {
            let mut command = person.user.command("sh");
            command.args(["-c", "exec \"$@\" >/dev/full", "sh", KMIP_SSH]).args(*line);
            let finished = run(&mut command);
            let complaint = finished.complaint();
            assert!(complaint.starts_with("kmip-ssh: standard output: "), "{complaint}");
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
        }
    }

    fn a_failure_is_one_line_and_no_result(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let failed = person.kmip_ssh(&["key", "show", "nobody"]);
        assert_eq!((failed.status.code(), failed.stdout.as_slice()), (Some(1), &b""[..]));
        let head = "kmip-ssh: slot \"ssh keys\": there is no key \"nobody\"";
        assert!(failed.stderr.starts_with(head), "{}", failed.report());
        assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.report());
    }

    /// A person at a terminal sees who keeps him waiting; the results stay the same.
    fn a_terminal_gets_the_same_results(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        let (text, status) = Terminal::start(&person.command(&["key", "public"])).end();
        assert!(status.success(), "{text}");
        assert_eq!(text, format!("{}\r\n", word(&key, "openssh")));
    }
}

#[test]
fn a_wrong_command_line_is_told_as_usage() {
    let nobody = NoServer::new();
    let person = Person::with(&nobody.configuration);
    for line in [
        &["frobnicate"][..],
        &["key"],
        &["key", "frobnicate"],
        &["key", "generate", "web"],
        &["key", "generate", "web", "--type", "dsa"],
        &["key", "generate", "a\nb", "--type", "rsa"],
        &["--slot", "other", "key", "list"],
        &[],
    ] {
        let finished = person.kmip_ssh(line);
        assert_eq!(finished.status.code(), Some(2), "{}", finished.report());
        assert_eq!(finished.stdout, b"", "{}", finished.report());
        assert!(!finished.stderr.is_empty(), "{line:?}");
    }
    assert!(person.text(&["--help"]).contains("Exit status: 0 done"));
    assert!(person.text(&["--version"]).starts_with("kmip-ssh 0."));
}

#[test]
fn a_slow_server_is_named_on_the_terminal_and_nowhere_else() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut endpoint = ServerKind::PyKmip.shared().endpoint("alice");
    endpoint.address = address.clone();
    let slot = ffi_tests::configuration::SlotEntry::new("silent", endpoint).deadline("3s");
    let configuration = ffi_tests::configuration::Configuration::new(&[slot]);
    let person = Person::with(&configuration);
    let mut terminal = Terminal::start(&person.command(&["key", "list"]));
    terminal.wait_until_it_says(&format!("asking {address} ..."));
    let (text, status) = terminal.end();
    assert_eq!(status.code(), Some(1), "{text}");
    let listed = person.kmip_ssh(&["key", "list"]);
    assert!(!listed.report().contains("asking"), "{}", listed.report());
}
