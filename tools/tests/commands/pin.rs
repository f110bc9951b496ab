//! A slot that asks for a PIN: from a file, at the terminal, wrong, and not there at all.

use ffi_tests::locked::{Locked, PIN};
use ffi_tests::module::library;
use ffi_tests::on_each_server;
use ffi_tests::terminal::Terminal;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::person::{Person, word};

fn locked(case: ffi_tests::Case) -> (Locked, Person) {
    let locked = Locked::on(case);
    locked.scene.make("web", KeyType::Ec(Curve::P256));
    let person = Person::with(&locked.configuration);
    (locked, person)
}

/// A file of that person's with a PIN in it.
fn file(person: &Person, pin: &str) -> String {
    let path = person
        .user
        .desk
        .write_mode("pin", format!("{pin}\n"), 0o600);
    path.to_str().unwrap().to_owned()
}

on_each_server! {
    fn the_pin_may_be_in_a_file(case) {
        let (_locked, person) = locked(case);
        let right = file(&person, PIN);
        let listed = person.json(&["--pin-file", &right, "key", "list"]);
        assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
        let wrong = file(&person, "open barley");
        let (kind, message) = person.refusal(&["--pin-file", &wrong, "key", "show", "web"]);
        assert_eq!(kind, "wrong-pin", "{message}");
        assert!(message.contains("this passphrase does not open"), "{message}");
        assert!(!message.contains("barley"), "{message}");
    }

    fn the_pin_may_be_typed_and_is_not_shown(case) {
        let (_locked, person) = locked(case);
        let mut terminal = Terminal::start(&person.command(&["key", "public"]));
        terminal.wait_until_it_says("PIN of slot \"ssh keys\": ");
        terminal.type_line(PIN);
        let (text, status) = terminal.end();
        assert!(status.success() && text.contains("ecdsa-sha2-nistp256 "), "{text}");
        assert!(!text.contains(PIN), "{text}");
    }

    fn nobody_to_ask_is_told(case) {
        let (_locked, person) = locked(case);
        let refused = person.kmip_ssh(&["key", "list"]);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.report());
        assert!(refused.stderr.contains("--pin-file"), "{}", refused.report());
    }

    fn doctor_logs_in_as_openssh_does(case) {
        let (_locked, person) = locked(case);
        let module = library();
        let doctor = |pin: &str| {
            let pin = file(&person, pin);
            let module = module.to_str().unwrap();
            person.json_and_status(&["--pin-file", &pin, "doctor", "--module", module])
        };
        let (report, _) = doctor(PIN);
        let slot = &report["slots"][0];
        assert_eq!(word(&slot["keys"][0], "type"), "ECDSA P-256", "{report:#}");
        assert_eq!(slot["keys"][0]["problems"], serde_json::json!([]), "{report:#}");
        let findings = slot["findings"].as_array().unwrap();
        assert!(findings.iter().any(|it| it["what"] == "PIN"), "{report:#}");
        let (report, status) = doctor("open barley");
        assert_eq!(status, 1);
        assert!(report.to_string().contains("this passphrase does not open"), "{report:#}");
    }
}
