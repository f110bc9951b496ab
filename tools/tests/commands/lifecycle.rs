//! `key activate`, `rename`, `revoke`, `destroy`: each change is seen by OpenSSH.

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::FakeServer;
use ffi_tests::on_each_server;
use ffi_tests::openssh::{comment, name};
use ffi_tests::scene::Scene;
use ffi_tests::terminal::Terminal;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::person::{Person, named, word};

/// The slot keeps PyKMIP's keys usable by local use; both servers have a login key of this type.
const TYPE: &str = "p256";

/// The key with that identifier in a listing of everything, if it is still there.
fn find(person: &Person, id: &str) -> bool {
    let everything = person.everything().to_string();
    everything.contains(&format!("{id:?}"))
}

on_each_server! {
    fn a_key_that_waits_logs_in_after_activation_and_not_before(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate_with("waits", TYPE, &["--no-activate"]);
        let line = word(&key, "openssh");
        assert_eq!(word(&key, "state"), "pre-active");
        assert!(word(&key, "hidden_because").contains("pre-active"), "{key}");
        assert!(!person.is_listed(line));
        assert!(!person.can_log_in(line));
        let text = person.text(&["key", "activate", word(&key, "name")]);
        assert!(text.ends_with(" is active\n"), "{text}");
        assert!(text.contains(word(&key, "id")), "{text}");
        assert_eq!(person.user.list(), [line]);
        assert!(person.can_log_in(line));
        // Again is no mistake.
        let again = person.json(&["key", "activate", word(&key, "name")]);
        assert_eq!(again["key"]["state"], "active");
    }

    fn a_renamed_key_has_its_new_label_and_logs_in(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("old", TYPE);
        let new = person.name("new name");
        let renamed = person.json(&["key", "rename", word(&key, "name"), &new]);
        assert_eq!(word(&renamed["key"], "name"), new);
        for same in ["id", "public_id", "key_id", "fingerprint"] {
            assert_eq!(renamed["key"][same], key[same], "{same}");
        }
        let lines = person.user.list();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(comment(&lines[0]), new);
        assert!(person.can_log_in(&lines[0]));
        assert_eq!(person.refusal(&["key", "show", &person.name("old")]).0, "no-such-key");
        // The old name is free for another key.
        person.generate("old", "rsa:2048");
        // And back, over a name that is taken now.
        let (kind, message) = person.refusal(&["key", "rename", &new, &person.name("old")]);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("choose another name"), "{message}");
    }

    /// Where names pair the halves, two pairs of one name would both be lost.
    fn a_name_that_the_slot_does_not_show_is_refused_too(case) {
        let (scene, foreign) = (Scene::on(case.server), Scene::on(case.server));
        let (person, other) = (Person::of(&scene), Person::of(&foreign));
        let key = person.generate("web", TYPE);
        let taken = other.generate("taken", TYPE);
        let before = (person.everything(), other.everything());
        let renamed = person.kmip_ssh(&["key", "rename", word(&key, "id"), word(&taken, "name")]);
        let complaint = renamed.complaint();
        assert!(complaint.contains(word(&taken, "id")), "{complaint}");
        assert_eq!((person.everything(), other.everything()), before);
    }

    fn a_revoked_key_is_shown_as_deactivated_and_refused(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", TYPE);
        let line = word(&key, "openssh");
        assert!(person.can_log_in(line));
        let text = person.text(&["key", "revoke", word(&key, "name"), "--message", "staff left"]);
        assert!(text.contains("is revoked: remove its line from authorized_keys"), "{text}");
        assert!(!person.can_log_in(line));
        assert!(!person.is_listed(line));
        let shown = person.show(word(&key, "name"));
        assert_eq!((word(&shown, "state"), &shown["shown"]), ("deactivated", &false.into()));
        assert!(word(&shown, "hidden_because").contains("deactivated"), "{shown}");
        let (kind, message) = person.refusal(&["key", "activate", word(&key, "name")]);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("make a new key"), "{message}");
    }

    fn a_compromised_key_is_told_as_such(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", TYPE);
        let line = ["key", "revoke", word(&key, "name"), "--reason", "compromised"];
        let revoked = person.json(&line);
        assert_eq!(revoked["key"]["state"], "compromised", "{revoked}");
        assert!(!person.can_log_in(word(&key, "openssh")));
    }

    fn an_active_key_is_destroyed_only_with_revoke(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", TYPE);
        let (id, web) = (word(&key, "id"), word(&key, "name"));
        let (kind, message) = person.refusal(&["key", "destroy", web, "--yes"]);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("add --revoke"), "{message}");
        assert!(person.can_log_in(word(&key, "openssh")));
        let destroyed = person.json(&["key", "destroy", web, "--yes", "--revoke"]);
        assert_eq!(destroyed["destroyed"]["id"], id, "{destroyed}");
        assert!(!find(&person, id), "{}", person.everything());
        assert_eq!(person.refusal(&["key", "show", web]).0, "no-such-key");
        // Its name is free: nothing of it is left in the way.
        let again = person.generate("web", TYPE);
        assert_ne!(again["id"], key["id"]);
        assert!(person.can_log_in(word(&again, "openssh")));
    }

    fn a_key_is_destroyed_after_a_yes_on_the_terminal_and_not_without(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate_with("web", TYPE, &["--no-activate"]);
        let line = ["key", "destroy", word(&key, "name")];
        let (kind, message) = person.refusal(&line);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("add --yes"), "{message}");
        for (answer, done) in [("", false), ("n", false), ("yes", true)] {
            assert!(find(&person, word(&key, "id")));
            let mut terminal = Terminal::start(&person.command(&line));
            terminal.wait_until_it_says("It cannot be brought back. [y/N] ");
            terminal.type_line(answer);
            let (text, status) = terminal.end();
            assert_eq!(status.success(), done, "{text}");
            assert_eq!(text.contains("is destroyed"), done, "{text}");
        }
        assert!(!find(&person, word(&key, "id")));
    }

    fn a_revoked_key_is_destroyed_and_others_stay(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let (gone, stays) = (person.generate("gone", TYPE), person.generate("stays", TYPE));
        person.json(&["key", "revoke", word(&gone, "name")]);
        person.json(&["key", "destroy", word(&gone, "name"), "--yes"]);
        let everything = person.everything();
        assert_eq!(everything["keys"].as_array().map(Vec::len), Some(1), "{everything}");
        assert!(everything["other_objects"].is_null(), "{everything}");
        named(&everything["keys"], word(&stays, "name"));
        assert_eq!(person.user.list().iter().map(|line| name(line)).collect::<Vec<_>>(), ["stays"]);
        assert!(person.can_log_in(word(&stays, "openssh")));
    }
}

/// On a server that moves names and leaves the old pair as it is, as KMIP says.
#[test]
fn a_replaced_key_keeps_its_name_and_its_predecessor_can_be_ended() {
    let server = FakeServer::with(|vault| {
        vault.pair("web", KeyType::Ec(Curve::P256));
    });
    let server = server.start();
    let configuration = Configuration::new(&[SlotEntry::new("fake", server.endpoint())]);
    let person = Person::with(&configuration);
    let text = person.text(&["key", "rekey", "web"]);
    for word in [
        "takes the place of private-1",
        "kmip-ssh key revoke private-1",
    ] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let keys = &person.json(&["key", "list"])["keys"];
    assert_eq!(word(named(keys, "web"), "id"), "private-2");
    let revoked = person.json(&["key", "revoke", "private-1"]);
    assert_eq!(word(&revoked["key"], "state"), "deactivated");
    let (kind, message) = person.refusal(&["key", "rekey", "private-1"]);
    assert_eq!(kind, "bad-input", "{message}");
    assert!(message.contains("private-2"), "{message}");
}

/// What a destruction in two steps has left after the first one.
#[test]
fn half_of_a_key_is_destroyed_by_its_identifier_after_a_yes() {
    let server = FakeServer::with(|vault| {
        vault.pairs(2);
        vault.objects.retain(|it| it.id != "private-1");
    });
    let server = server.start();
    let configuration = Configuration::new(&[SlotEntry::new("fake", server.endpoint())]);
    let person = Person::with(&configuration);
    let (kind, message) = person.refusal(&["key", "destroy", "public-1"]);
    assert_eq!(kind, "refused", "{message}");
    assert!(message.contains("without a private half"), "{message}");
    let destroyed = person.json(&["key", "destroy", "public-1", "--yes"]);
    assert_eq!(word(&destroyed["destroyed"], "id"), "public-1");
    assert!(server.vault().get("public-1").is_none());
    for id in ["public-1", "nothing"] {
        assert_eq!(
            person.refusal(&["key", "destroy", id, "--yes"]).0,
            "no-such-key"
        );
    }
    assert!(server.vault().get("public-2").is_some());
}
