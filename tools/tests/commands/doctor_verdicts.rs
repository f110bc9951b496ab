//! `doctor` on keys: what it says of each program is what the program then does.

use ffi_tests::ServerKind;
use ffi_tests::module::library;
use ffi_tests::on_each_server;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::process::run;
use ffi_tests::scene::Scene;
use serde_json::Value;

use crate::person::{Person, named, word};

/// `doctor` about the module that these tests load.
fn doctor(person: &Person) -> (Value, i32) {
    person.json_and_status(&["doctor", "--module", library().to_str().unwrap()])
}

/// What it says of a program, by the beginning of the program's name.
fn usable(key: &Value, program: &str) -> bool {
    let programs = key["programs"].as_array().unwrap();
    let mut fitting = programs
        .iter()
        .filter(|it| word(it, "program").starts_with(program));
    fitting.next().unwrap()["usable"].as_bool().unwrap()
}

/// The public-key lines that an agent of the system's defaults has after `ssh-add -s`.
fn in_agent(person: &Person) -> String {
    let mut agent = person.user.command("ssh-agent");
    agent.env("SSH_ASKPASS_REQUIRE", "never");
    let script = "ssh-add -s \"$1\" </dev/null; ssh-add -L";
    agent.args(["sh", "-c", script, "sh"]).arg(library());
    String::from_utf8_lossy(&run(&mut agent).stdout).into_owned()
}

/// Every verdict on the keys of the one slot, against the programs themselves.
fn check_against_openssh(person: &Person, report: &Value) {
    let (lines, agent) = (person.user.list(), in_agent(person));
    for key in report["slots"][0]["keys"].as_array().unwrap() {
        let shown = person.show(word(key, "id"));
        let line = word(&shown, "openssh");
        for same in ["name", "id", "key_id", "type", "fingerprint"] {
            assert_eq!(key[same], shown[same], "{key}");
        }
        assert_eq!(usable(key, "ssh -I"), person.can_log_in(line), "{key}");
        assert_eq!(
            usable(key, "ssh-add -s"),
            agent.contains(line),
            "{key}\n{agent}"
        );
        if usable(key, "ssh-keygen -D") {
            assert!(
                lines.iter().any(|listed| listed == line),
                "{key}\n{lines:?}"
            );
        }
    }
}

on_each_server! {
    fn a_slot_with_good_keys_is_all_good(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for key_type in ["rsa:2048", "p256"] {
            person.generate(key_type, key_type);
        }
        let (report, status) = doctor(&person);
        assert_eq!((status, &report["ok"]), (0, &true.into()), "{report:#}");
        assert!(!report.to_string().contains("\"problem\""), "{report:#}");
        let findings = report["slots"][0]["findings"].as_array().unwrap();
        for what in ["servers", "protocol", "operations", "client certificate", "OpenSSH's listing"] {
            assert!(findings.iter().any(|it| it["what"] == what), "{what}: {report:#}");
        }
        let rsa = named(&report["slots"][0]["keys"], &person.name("rsa:2048"));
        assert_eq!(rsa["signed"], serde_json::json!(["rsa-sha2-256", "rsa-sha2-512"]));
        let text = person.text(&["doctor", "--module", library().to_str().unwrap()]);
        assert!(text.ends_with("No problems found.\n"), "{text}");
    }

    fn its_verdicts_are_what_openssh_does(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for key_type in ["rsa:2048", "p256", "p384", "p521", "ed25519"] {
            person.generate(key_type, key_type);
        }
        let waits = person.generate_with("waits", "p256", &["--no-activate"]);
        let over = person.generate("over", "rsa:2048");
        person.json(&["key", "revoke", word(&over, "name")]);
        let (report, status) = doctor(&person);
        assert_eq!(status, 0, "{report:#}");
        assert_eq!(report["slots"][0]["keys"].as_array().map(Vec::len), Some(5));
        check_against_openssh(&person, &report);
        for key in [waits, over] {
            let what = format!("hidden {:?}", word(&key, "name"));
            let findings = report["slots"][0]["findings"].as_array().unwrap();
            assert!(findings.iter().any(|it| it["what"] == what), "{report:#}");
            assert!(!person.can_log_in(word(&key, "openssh")));
        }
    }

    fn the_seventh_key_is_too_late_unless_it_is_named(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let lines = names.map(|name| {
            let key = person.generate_with(name, "p256", &["--here"]);
            word(&key, "openssh").to_owned()
        });
        let (report, status) = doctor(&person);
        assert_eq!(status, 0, "{report:#}");
        let keys = report["slots"][0]["keys"].as_array().unwrap();
        for (key, line) in keys.iter().zip(&lines) {
            assert!(line.ends_with(word(key, "name")), "the order is OpenSSH's: {report:#}");
            let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
            person.user.knows(&sshd.known_hosts());
            let login = person.user.login(&sshd, &["-o", "BatchMode=yes"], "true");
            let warned = key["programs"][0]["notes"].to_string().contains("MaxAuthTries");
            assert_eq!(login.status.success(), !warned, "{key}: {}", login.report());
            assert!(usable(key, "ssh -I"));
        }
        // As the warning advises.
        assert!(person.can_log_in(&lines[6]));
    }

    fn an_empty_slot_is_told_with_what_to_do(case) {
        let scene = Scene::on(case.server);
        let text = Person::of(&scene).text(&["doctor"]);
        assert!(text.contains("no key: make one with \"kmip-ssh key generate\""), "{text}");
    }

    fn a_server_that_signs_no_digests_is_found_out(case) {
        let scene = Scene::of(case.server.shared(), |slot| slot);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        let (report, status) = doctor(&person);
        check_against_openssh(&person, &report);
        if case.server == ServerKind::Cosmian {
            assert_eq!((status, &report["ok"]), (0, &true.into()), "{report:#}");
            return;
        }
        assert_eq!((status, &report["ok"]), (1, &false.into()), "{report:#}");
        assert!(!person.can_log_in(word(&key, "openssh")));
        let key = &report["slots"][0]["keys"][0];
        assert_eq!(key["signed"], serde_json::json!([]));
        for problem in key["problems"].as_array().unwrap() {
            let problem = problem.as_str().unwrap();
            assert!(problem.contains("PyKMIP signs only messages, no digests"), "{problem}");
            assert!(problem.contains("keys.local_use = true"), "{problem}");
        }
        let finished = person.kmip_ssh(&["doctor"]);
        let text = String::from_utf8_lossy(&finished.stdout).into_owned();
        assert!(text.contains("PROBLEM  key \"web@"), "{text}");
        assert!(text.ends_with("1 problem found.\n"), "{text}");
        assert_eq!(finished.stderr, "");
    }
}
