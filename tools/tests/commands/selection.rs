//! Which key a command is about: by every name that a key has, and never by a guess.

use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;

use crate::person::{Person, word};

on_each_server! {
    fn every_name_of_a_key_selects_it(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        person.generate("database", "rsa:2048");
        let [id, public_id, key_id, fingerprint] =
            ["id", "public_id", "key_id", "fingerprint"].map(|name| word(&key, name));
        let colons: Vec<_> = key_id.as_bytes().chunks(2).map(|it| str::from_utf8(it).unwrap()).collect();
        for wanted in [
            word(&key, "name"),
            "web@",
            id,
            public_id,
            key_id,
            &key_id.to_uppercase(),
            &colons.join(":"),
            &key_id[..12],
            fingerprint,
            &fingerprint[..14],
        ] {
            assert_eq!(person.show(wanted), key, "{wanted}");
        }
    }

    fn a_beginning_of_several_names_lists_them_and_chooses_none(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let keys = ["web-1", "web-10", "web-2"].map(|name| person.generate(name, "rsa:2048"));
        let (kind, message) = person.refusal(&["key", "show", "web-"]);
        assert_eq!(kind, "ambiguous", "{message}");
        for key in &keys {
            assert!(message.contains(word(key, "name")), "{message}");
            assert!(message.contains(word(key, "id")), "{message}");
        }
        let (kind, message) = person.refusal(&["key", "activate", "web-1"]);
        assert_eq!(kind, "ambiguous", "{message}");
        assert!(!message.contains("web-2"), "{message}");
        assert_eq!(person.show("web-2"), keys[2]);
        assert_eq!(person.refusal(&["key", "show", "web"]).0, "no-such-key");
        assert_eq!(person.refusal(&["key", "show", ""]).0, "no-such-key");
    }

    fn what_cannot_be_undone_wants_a_whole_name(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web-1", "rsa:2048");
        let before = person.everything();
        for line in [
            &["key", "revoke", "web-1"][..],
            &["key", "destroy", "web-1", "--revoke", "--yes"],
        ] {
            let (kind, message) = person.refusal(line);
            assert_eq!(kind, "no-such-key", "{message}");
            assert!(message.contains("write the whole of it"), "{message}");
            assert!(message.contains(word(&key, "name")), "{message}");
        }
        assert_eq!(person.everything(), before);
        person.json(&["key", "revoke", word(&key, "fingerprint")]);
    }
}
