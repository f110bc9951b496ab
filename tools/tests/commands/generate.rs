//! `key generate`: pairs made on the server, and here where it cannot.

use ffi_tests::keys::EVERY_TYPE;
use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;
use kmip_p11::model::public_key::KeyType;

use crate::person::{Person, word};
use ffi_tests::ServerKind;

/// As people type it.
const TYPED: [&str; 7] = [
    "rsa:2048",
    "rsa:3072",
    "rsa:4096",
    "ecdsa:256",
    "p384",
    "ecdsa:521",
    "ed25519",
];

/// PyKMIP makes RSA alone.
fn server_makes(server: ServerKind, key_type: KeyType) -> bool {
    server == ServerKind::Cosmian || matches!(key_type, KeyType::Rsa(_))
}

/// Made as people make it, who read the answer: what it says, the fingerprint, the line.
fn made(person: &Person, case: ServerKind, index: usize) -> (String, String, String) {
    let (name, key_type) = EVERY_TYPE[index];
    let (name, group) = (person.name(name), person.group.as_str());
    let line = [
        "key",
        "generate",
        &name,
        "--type",
        TYPED[index],
        "--group",
        group,
    ];
    let text = match server_makes(case, key_type) {
        true => person.text(&line),
        false => {
            let before = person.everything();
            let (kind, message) = person.refusal(&line);
            assert_eq!(kind, "impossible", "{message}");
            assert!(message.contains(&key_type.to_string()), "{message}");
            assert!(message.ends_with("add --here to make it in this process, register it at the server and wipe it here"), "{message}");
            assert_eq!(person.everything(), before);
            person.text(&[&line[..], &["--here"]].concat())
        }
    };
    let lines: Vec<_> = text.lines().collect();
    let head = format!("{key_type} key {name:?} in slot \"ssh keys\": ");
    assert!(lines[0].starts_with(&head), "{text}");
    assert_eq!((lines[2], lines[4]), ("", ""), "{text}");
    (lines[0].into(), lines[1].into(), lines[3].into())
}

on_each_server! {
    fn every_type_is_made_and_told_as_ssh_keygen_tells_it(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for (index, (name, key_type)) in EVERY_TYPE.into_iter().enumerate() {
            let (head, fingerprint, line) = made(&person, case.server, index);
            let by_server = head.contains(": made on the server, id ");
            assert_eq!(by_server, server_makes(case.server, key_type), "{head}");
            assert_eq!(fingerprint, person.fingerprint(&line));
            assert!(line.ends_with(&format!(" {}", person.name(name))), "{line}");
            let listed = person.user.list();
            match key_type {
                // OpenSSH 9.2 leaves it out; newer ones list it.
                KeyType::Ed25519 if listed.len() == index => {}
                _ => assert!(listed.contains(&line), "{line} in {listed:?}"),
            }
            let shown = person.show(&person.name(name));
            assert_eq!(word(&shown, "openssh"), line);
            assert_eq!(word(&shown, "fingerprint"), fingerprint);
            assert_eq!((word(&shown, "state"), &shown["shown"]), ("active", &true.into()));
            assert_eq!(word(&shown, "type"), key_type.to_string());
        }
    }

    /// PyKMIP has room for one of the two.
    fn a_key_is_made_with_the_id_or_label_that_programs_are_to_see(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let group = person.group.as_str();
        let line = |name| ["key", "generate", name, "--type", "rsa:2048", "--group", group];
        let (web, front, other) = (person.name("web"), person.name("front"), person.name("other"));
        let with_id = [&line(&web)[..], &["--id", "c0:ff:ee"]].concat();
        assert_eq!(word(&person.json(&with_id)["key"], "key_id"), "c0ffee");
        let with_label = [&line(&front)[..], &["--label", "front door"]].concat();
        assert_eq!(word(&person.json(&with_label)["key"], "label"), "front door");
        let before = person.everything();
        let taken = [&line(&other)[..], &["--id", "c0ffee"]].concat();
        let (kind, message) = person.refusal(&taken);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("has this CKA_ID"), "{message}");
        assert_eq!(person.everything(), before, "nothing was made");
    }

    fn every_type_that_openssh_takes_logs_in(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for key_type in ["rsa:2048", "p256", "p384", "p521"] {
            let key = person.generate(key_type, key_type);
            let login = person.login(word(&key, "openssh"));
            assert_eq!(login.text(), "logged in\n", "{key_type}");
        }
    }

    fn a_key_made_here_logs_in_and_leaves_no_file(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let files = || std::fs::read_dir(person.user.desk.path()).unwrap().count();
        let before = files();
        let key = person.generate_with("here", "p256", &["--here"]);
        assert_eq!(files(), before);
        assert!(person.can_log_in(word(&key, "openssh")));
    }

    fn a_taken_name_is_refused_and_nothing_is_made(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        let before = person.everything();
        for options in [&[][..], &["--here"]] {
            let name = person.name("web");
            let line = ["key", "generate", &name, "--type", "rsa:2048", "--group", &person.group];
            let (_, message) = person.refusal(&[&line[..], options].concat());
            assert!(message.contains(word(&key, "id")), "{message}");
            assert!(message.contains("choose another name"), "{message}");
        }
        assert_eq!(person.everything(), before);
    }

    /// The slot shows one group only: a key outside of it has its name all the same.
    fn a_name_that_the_slot_does_not_show_is_taken_too(case) {
        let (one, other) = (Scene::on(case.server), Scene::on(case.server));
        let (one, other) = (Person::of(&one), Person::of(&other));
        let key = one.generate("web", "rsa:2048");
        let name = word(&key, "name");
        let line = ["key", "generate", name, "--type", "rsa:2048", "--group", &other.group];
        let (kind, message) = other.refusal(&line);
        assert_eq!(kind, "bad-input", "{message}");
        assert!(message.contains(word(&key, "id")), "{message}");
    }

    /// It could be neither used nor managed through this slot.
    fn a_key_outside_the_slots_groups_is_not_made(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let name = person.name("stray");
        let file = person.key_file("stray", &["-t", "ecdsa", "-N", ""]);
        for line in [
            &["key", "generate", &name, "--type", "rsa:2048"][..],
            &["key", "generate", &name, "--type", "p256", "--here", "--group", "other"],
            &["key", "import", &name, file.to_str().unwrap()],
        ] {
            let (kind, message) = person.refusal(line);
            assert_eq!(kind, "refused", "{message}");
            let fix = format!("add --group {:?}", person.group);
            assert!(message.contains(&fix), "{message}");
        }
        // The name is free still: nothing of it was made.
        person.generate("stray", "rsa:2048");
    }
}
