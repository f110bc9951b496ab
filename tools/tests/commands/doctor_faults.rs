//! `doctor` on what stands between a key and a login: each fault is named with its place and its fix.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::FakeServer;
use ffi_tests::kmip_server::Endpoint;
use ffi_tests::on_each_server;
use ffi_tests::openssh::sshd::free_port;
use ffi_tests::process::run;
use ffi_tests::scene::{NoServer, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::tool;
use serde_json::Value;

use crate::person::{Person, word};

/// All findings of that level: those of the machine, then those of the slots.
fn findings(report: &Value, level: &str) -> Vec<String> {
    let slots = report["slots"].as_array().unwrap().iter();
    let lists = slots.map(|slot| &slot["findings"]);
    let all = std::iter::once(&report["findings"]).chain(lists);
    let all = all.flat_map(|list| list.as_array().unwrap());
    let of_level = all.filter(|it| it["level"] == level);
    of_level
        .map(|it| format!("{}: {}", word(it, "what"), word(it, "how")))
        .collect()
}

/// The problems that `doctor` finds with one slot, all of which say these words between them.
#[track_caller]
fn problems_of(slot: SlotEntry, words: &[&str]) -> String {
    let configuration = Configuration::new(&[slot.deadline("2s")]);
    let person = Person::with(&configuration);
    let (report, status) = person.json_and_status(&["doctor"]);
    assert_eq!((status, &report["ok"]), (1, &false.into()), "{report:#}");
    let problems = findings(&report, "problem").join("\n");
    for word in words {
        assert!(problems.contains(word), "{word:?} is not in:\n{problems}");
    }
    // It is no guess: nothing else works either.
    assert_eq!(person.kmip_ssh(&["key", "list"]).status.code(), Some(1));
    problems
}

/// Whose certificate the server has shown, and that it ends soon.
#[test]
fn the_servers_certificate_is_shown_with_its_end() {
    let server = FakeServer::with(|vault| {
        vault.pairs(1);
    });
    let server = server.certified_for(20).start();
    let configuration = Configuration::new(&[SlotEntry::new("near", server.endpoint())]);
    let (report, _) = Person::with(&configuration).json_and_status(&["doctor"]);
    let address = server.address();
    let told = findings(&report, "ok").join("\n");
    let fact = format!("server certificate: {address}: ");
    let line = told.lines().find(|line| line.starts_with(&fact));
    let line = line.unwrap_or_else(|| panic!("{fact:?} is not in:\n{told}"));
    for word in [
        "issued by CN=ours",
        "for localhost and 127.0.0.1",
        "(19 days)",
    ] {
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
    let warnings = findings(&report, "warning").join("\n");
    let warning = format!("server certificate of {address} (");
    assert!(
        warnings.contains(&warning) && warnings.contains("in 19 days"),
        "{warnings}"
    );
}

/// A certificate of the server's own authority for alice's key, for so many days.
fn certified_for(scratch: &Scratch, endpoint: &Endpoint, days: &str) -> PathBuf {
    let file = |name: &str| endpoint.ca.with_file_name(name);
    let request = scratch.file("request");
    let mut openssl = tool::command("openssl");
    openssl.args(["req", "-new", "-subj", "/O=kmip-p11 test/CN=alice", "-key"]);
    run(openssl.arg(&endpoint.key).arg("-out").arg(&request)).text();
    let extensions = scratch.write("extensions", "extendedKeyUsage=clientAuth\n");
    let certificate = scratch.file("alice.crt");
    let mut openssl = tool::command("openssl");
    openssl.args([
        "x509",
        "-req",
        "-sha256",
        "-set_serial",
        "4711",
        "-days",
        days,
    ]);
    openssl
        .arg("-CA")
        .arg(file("ca.crt"))
        .arg("-CAkey")
        .arg(file("ca.key"));
    openssl
        .arg("-in")
        .arg(&request)
        .arg("-extfile")
        .arg(&extensions);
    run(openssl.arg("-out").arg(&certificate)).text();
    certificate
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}

on_each_server! {
    fn a_server_of_another_authority_is_named_with_the_file_to_mend(case) {
        let mut endpoint = case.server.shared().endpoint("alice");
        endpoint.ca = endpoint.ca.with_file_name("stranger-ca.crt");
        let address = endpoint.address.clone();
        problems_of(SlotEntry::new("s", endpoint), &[&address, "check tls.ca"]);
    }

    fn a_strangers_certificate_is_refused_and_the_file_to_mend_named(case) {
        let endpoint = case.server.shared().endpoint("stranger");
        let address = endpoint.address.clone();
        problems_of(SlotEntry::new("s", endpoint), &[&address, "check tls.client_cert"]);
    }

    fn a_certificate_without_its_key_is_named(case) {
        let server = case.server.shared();
        let mut endpoint = server.endpoint("alice");
        endpoint.key = server.endpoint("bob").key;
        problems_of(SlotEntry::new("s", endpoint), &["bob.key", "alice.crt", "another certificate"]);
    }

    fn a_certificate_that_ends_soon_is_a_warning_with_the_day(case) {
        let scratch = Scratch::new();
        let mut endpoint = case.server.shared().endpoint("alice");
        endpoint.certificate = certified_for(&scratch, &endpoint, "5");
        let configuration = Configuration::new(&[SlotEntry::new("s", endpoint.clone()).group("x")]);
        let (report, status) = Person::with(&configuration).json_and_status(&["doctor"]);
        assert_eq!(status, 0, "{report:#}");
        let warnings = findings(&report, "warning").join("\n");
        assert!(warnings.contains(plain(&endpoint.certificate)), "{warnings}");
        assert!(warnings.contains("renew it before"), "{warnings}");
        assert!(!warnings.contains("certificate authority"), "{warnings}");
    }

    fn a_server_that_went_away_is_found(case) {
        let mut endpoint = case.server.shared().endpoint("alice");
        endpoint.address = format!("127.0.0.1:{}", free_port());
        let address = endpoint.address.clone();
        problems_of(SlotEntry::new("s", endpoint), &[&address, "refused"]);
    }

    fn a_server_of_a_group_that_is_away_is_a_warning(case) {
        let away = format!("127.0.0.1:{}", free_port());
        let slot = SlotEntry::new("s", case.server.shared().endpoint("alice")).group("x");
        let configuration = Configuration::new(&[slot.or_at(away.clone())]);
        let (report, status) = Person::with(&configuration).json_and_status(&["doctor"]);
        assert_eq!(status, 0, "{report:#}");
        let warnings = findings(&report, "warning").join("\n");
        assert!(warnings.contains(&away) && warnings.contains("cannot be reached"), "{warnings}");
        let facts = report["slots"][0].to_string();
        assert!(facts.contains("usable") && facts.contains("skipped for another"), "{facts}");
    }

    fn a_dead_slot_does_not_keep_the_other_from_being_examined(case) {
        let scene = Scene::on(case.server);
        let owner = Person::of(&scene);
        let key = owner.generate("web", "p256");
        let mut endpoint = case.server.shared().endpoint("alice");
        endpoint.address = format!("127.0.0.1:{}", free_port());
        let configuration = Configuration::new(&[SlotEntry::new("dead", endpoint), scene.slot()]);
        let (report, status) = Person::with(&configuration).json_and_status(&["doctor"]);
        assert_eq!(status, 1, "{report:#}");
        let other = &report["slots"][1]["keys"][0];
        assert_eq!(other["id"], key["id"]);
        assert_eq!(other["programs"][0]["usable"], true, "{report:#}");
    }
}

#[test]
fn a_name_that_nobody_has_is_told_as_such() {
    let files = Scratch::new();
    let endpoint = ffi_tests::kmip_server::certificates(&files, "no-such-host.invalid:5696");
    let problems = problems_of(SlotEntry::new("s", endpoint), &["no-such-host.invalid"]);
    assert!(problems.lines().count() <= 2, "{problems}");
}

#[test]
fn a_missing_module_is_a_warning_and_another_file_a_problem() {
    let nobody = NoServer::new();
    let person = Person::with(&nobody.configuration);
    let module = |file: &str| {
        let (report, _) = person.json_and_status(&["doctor", "--module", file]);
        let finding = report["findings"].as_array().unwrap().iter();
        let mut finding = finding.filter(|it| it["what"] == "module");
        finding.next().unwrap().clone()
    };
    let missing = module("/nonexistent/libkmip_p11.so");
    assert_eq!(missing["level"], "warning", "{missing}");
    let other = module("/bin/sh");
    assert_eq!(other["level"], "problem", "{other}");
    assert!(word(&other, "how").contains("no PKCS#11 module"), "{other}");
    let ours = module(plain(&ffi_tests::module::library()));
    assert_eq!(ours["level"], "warning", "{ours}");
    assert!(
        word(&ours, "how").contains("start the agent with -P"),
        "{ours}"
    );
}

#[test]
fn mistakes_in_the_configuration_are_named_with_line_and_fix() {
    let good = "[[slot]]\nlabel = \"a\"\nkmip.servers = [\"127.0.0.1:1\"]\n";
    for (text, words) in [
        (
            format!("{good}kmip.tsl.ca = \"x\"\n"),
            &["config.toml:4", "tsl", "tls"][..],
        ),
        (
            format!("{good}kmip.tls.ca = \"/nonexistent/ca\"\nkmip.username = \"a\"\n"),
            &["config.toml:4", "/nonexistent/ca: No such file"],
        ),
        (
            format!("{good}kmip.tls.ca = \"/nonexistent/ca\"\n"),
            &[
                "config.toml:1",
                "nothing by which the servers could know us",
            ],
        ),
        ("[[slot]]\nlabel = \n".into(), &["config.toml:2"]),
        (
            format!("{good}kmip.deadline = \"soon\"\n"),
            &["config.toml:4", "soon"],
        ),
        ("".into(), &["config.toml", "slot"]),
    ] {
        let configuration = Configuration::of_text(&text);
        let person = Person::with(&configuration);
        let (report, status) = person.json_and_status(&["doctor"]);
        assert_eq!(status, 1, "{report:#}");
        let problems = findings(&report, "problem").join("\n");
        assert!(problems.starts_with("configuration: "), "{problems}");
        for word in words {
            assert!(problems.contains(word), "{word:?} is not in {problems}");
        }
        // The other commands say the same, in one line.
        let (kind, message) = person.refusal(&["key", "list"]);
        assert_eq!(kind, "configuration");
        assert_eq!(problems, format!("configuration: {message}"));
    }
}

#[test]
fn a_missing_configuration_is_told_with_the_places_that_were_looked_at() {
    let nobody = NoServer::new();
    let person = Person::with(&nobody.configuration);
    let mut command = person.command(&["doctor"]);
    command.env("KMIP_P11_CONFIG", "/nonexistent/kmip.toml");
    let finished = run(&mut command);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.report());
    let text = String::from_utf8_lossy(&finished.stdout).into_owned();
    assert!(text.contains("PROBLEM  configuration: "), "{text}");
    assert!(text.contains("/nonexistent/kmip.toml"), "{text}");
    assert!(finished.took < Duration::from_secs(10));
}
