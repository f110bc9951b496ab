//! `key list`, `key show`, `key public`: the same keys for people, machines and OpenSSH.

use std::collections::BTreeSet;

use ffi_tests::process::run_with_input;
use ffi_tests::scene::Scene;
use ffi_tests::{ServerKind, on_each_server};

use crate::person::{Person, named, word};

/// Names that lists, shells, URIs and tables trip over.
const ODD_NAMES: [&str; 8] = [
    "two words",
    "quo\"te's",
    "back\\slash",
    "100%;object=x?a#b",
    "-rf",
    "/etc/passwd",
    "SHA256:notone",
    "#comment",
];

on_each_server! {
    fn keys_are_listed_with_everything_that_is_known_of_them(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let made = person.generate("web", "rsa:2048");
        let listed = person.json(&["key", "list"]);
        assert_eq!(listed.as_object().unwrap().len(), 1, "{listed}");
        assert_eq!(listed["keys"], serde_json::json!([made]));
        let key = &listed["keys"][0];
        assert_eq!(person.show(word(key, "name")), *key);
        assert_eq!((word(key, "slot"), word(key, "type")), ("ssh keys", "RSA-2048"));
        assert_eq!(key["groups"], serde_json::json!([person.group]));
        assert_eq!(key["certificates"], 0);
        assert!(word(key, "created").ends_with('Z'), "{key}");
        assert_eq!(word(key, "key_id").len(), 40);
        assert_eq!([word(key, "openssh").to_owned()], *person.user.list());
        let uri = word(key, "uri");
        assert!(uri.starts_with("pkcs11:token=ssh%20keys;id=%"), "{uri}");
    }

    fn people_get_a_table_and_a_page(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        let table = person.text(&["key", "list"]);
        let rows: Vec<_> = table.lines().collect();
        assert_eq!(rows.len(), 2, "{table}");
        assert!(rows[0].starts_with("NAME"), "{table}");
        for cell in ["name", "type", "state", "fingerprint"] {
            assert!(rows[1].contains(word(&key, cell)), "{table}");
        }
        let page = person.text(&["key", "show", word(&key, "name")]);
        for fact in ["name", "id", "public_id", "key_id", "uri", "fingerprint", "openssh"] {
            assert!(page.contains(word(&key, fact)), "{fact}: {page}");
        }
    }

    fn an_empty_slot_says_so(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        assert!(person.text(&["key", "list"]).starts_with("no keys; "));
        assert_eq!(person.json(&["key", "list"]), serde_json::json!({"keys": []}));
        assert_eq!(person.text(&["key", "public"]), "");
    }

    fn hidden_keys_are_listed_with_their_reasons_and_only_on_demand(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let shown = person.generate("shown", "rsa:2048");
        let waits = person.generate_with("waits", "rsa:2048", &["--no-activate"]);
        let over = person.generate("over", "rsa:2048");
        person.json(&["key", "revoke", word(&over, "name")]);
        let names = |listing: &serde_json::Value| -> BTreeSet<String> {
            let keys = listing["keys"].as_array().unwrap();
            keys.iter().map(|key| word(key, "name").to_owned()).collect()
        };
        let listed = person.json(&["key", "list"]);
        assert_eq!(names(&listed), BTreeSet::from([word(&shown, "name").to_owned()]));
        let everything = person.everything();
        assert_eq!(names(&everything).len(), 3, "{everything}");
        for (key, reason) in [(&waits, "pre-active"), (&over, "deactivated")] {
            let key = named(&everything["keys"], word(key, "name"));
            assert_eq!(key["shown"], false, "{key}");
            assert!(word(key, "hidden_because").contains(reason), "{key}");
            let line = word(key, "openssh");
            assert_eq!(person.fingerprint(line), word(key, "fingerprint"));
        }
        assert!(named(&everything["keys"], word(&shown, "name"))["hidden_because"].is_null());
        let table = person.text(&["key", "list", "--all"]);
        assert!(table.contains("NOT SHOWN BECAUSE"), "{table}");
        assert_eq!(table.lines().filter(|row| row.contains("pre-active")).count(), 1, "{table}");
        assert_eq!(person.user.list().len(), 1);
    }

    fn public_prints_openssh_lines_and_nothing_else(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let keys = ["a", "b", "c"].map(|name| person.generate(name, "rsa:2048"));
        let text = person.text(&["key", "public"]);
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines, person.user.list());
        let [a, b, c] = keys.each_ref().map(|key| word(key, "name"));
        let chosen = person.text(&["key", "public", c, a]);
        assert_eq!(chosen, format!("{}\n{}\n", lines[2], lines[0]));
        person.json(&["key", "revoke", b]);
        assert_eq!(person.text(&["key", "public"]).lines().count(), 2);
        // By its name it is told all the same: somebody has to find that line.
        assert_eq!(person.text(&["key", "public", b]), lines[1].clone() + "\n");
        let refused = person.kmip_ssh(&["key", "public", a, "nobody"]);
        assert!(refused.complaint().contains("\"nobody\""), "{}", refused.report());
        assert_eq!(refused.stdout, b"", "half an answer would end in authorized_keys");
    }

    fn names_with_odd_characters_come_through_everywhere(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for odd in ODD_NAMES {
            let name = person.name(odd);
            let line = ["key", "generate", "--type", "rsa:2048", "--group", &person.group, "--", &name];
            let key = person.json(&line)["key"].clone();
            assert_eq!(word(&key, "name"), name);
            let shown = person.json(&["key", "show", "--", &name]);
            assert_eq!(shown["key"], key);
            let line = person.text(&["key", "public", "--", &name]);
            assert!(line.ends_with(&format!(" {name}\n")), "{line}");
            assert_eq!(person.fingerprint(&line), word(&key, "fingerprint"));
            let table = person.text(&["key", "list"]);
            assert!(table.contains(&name), "{table}");
        }
        let lines = person.text(&["key", "public"]);
        assert_eq!(lines.lines().map(str::to_owned).collect::<Vec<_>>(), person.user.list());
        // sshd reads them all from one file.
        let mut keygen = person.user.command("ssh-keygen");
        let read = run_with_input(keygen.args(["-l", "-f", "-"]), lines.as_bytes()).text();
        assert_eq!(read.lines().count(), ODD_NAMES.len(), "{read}");
    }

    fn names_of_other_scripts_work_or_are_refused_with_the_reason(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let name = person.name("Ünïcödé 鍵 🔑");
        let line = ["key", "generate", &name, "--type", "rsa:2048", "--group", &person.group];
        if case.server == ServerKind::PyKmip {
            // It counts characters for bytes, and cannot read such a request.
            for options in [&[][..], &["--here"]] {
                let (_, message) = person.refusal(&[&line[..], options].concat());
                assert!(message.contains(&format!("{name:?}")), "{message}");
                assert!(message.contains("plain ASCII"), "{message}");
                assert!(!message.contains("--here"), "{message}");
            }
            assert_eq!(person.everything()["keys"], serde_json::json!([]));
            return;
        }
        let key = person.json(&line)["key"].clone();
        assert_eq!(person.show(&name), key);
        assert!(person.text(&["key", "list"]).contains(&name));
        assert!(person.is_listed(word(&key, "openssh")));
        assert!(person.can_log_in(word(&key, "openssh")));
    }

    fn the_longest_name_is_listed_by_openssh(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let longest = format!("{}@{}", "x".repeat(254 - person.group.len()), person.group);
        let line = ["key", "generate", &longest, "--type", "rsa:2048", "--group", &person.group];
        person.json(&line);
        let lines = person.user.list();
        assert!(lines[0].ends_with(&longest), "{lines:?}");
        assert!(person.can_log_in(&lines[0]));
        let too_long = longest.clone() + "x";
        let refused = person.kmip_ssh(&["key", "rename", &longest, &too_long]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(refused.stderr.contains("at most 255"), "{}", refused.report());
    }
}
