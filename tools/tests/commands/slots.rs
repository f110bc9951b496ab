//! `slot list`, and commands with several slots of which one does not answer.

use std::net::TcpListener;
use std::time::Duration;

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::kmip_server::Endpoint;
use ffi_tests::on_each_server;
use ffi_tests::openssh::sshd::free_port;
use ffi_tests::scene::{LABEL, Scene};

use crate::person::{Person, word};

/// A configuration with the scene's slot after one whose server is somewhere else.
fn with_dead(scene: &Scene, endpoint: Endpoint, address: String) -> Configuration {
    let dead = SlotEntry::new(
        "dead",
        Endpoint {
            address,
            ..endpoint
        },
    )
    .deadline("1s");
    Configuration::new(&[dead, scene.slot()])
}

on_each_server! {
    fn a_dead_server_is_told_of_and_the_other_slot_is_complete(case) {
        let scene = Scene::on(case.server);
        let owner = Person::of(&scene);
        let key = owner.generate("web", "rsa:2048");
        let address = format!("127.0.0.1:{}", free_port());
        let endpoint = case.server.shared().endpoint("alice");
        let configuration = with_dead(&scene, endpoint, address.clone());
        let person = Person::with(&configuration);

        let (slots, status) = person.json_and_status(&["slot", "list"]);
        assert_eq!(status, 1, "{slots}");
        let [dead, alive] = slots["slots"].as_array().unwrap().as_slice() else {
            panic!("{slots}");
        };
        assert_eq!((word(dead, "label"), &dead["reachable"]), ("dead", &false.into()));
        assert_eq!(dead["servers"], serde_json::json!([address]));
        assert!(dead["keys"].is_null() && dead["hidden"].is_null(), "{dead}");
        assert_eq!(dead["error"]["kind"], "unreachable");
        let message = word(&dead["error"], "message");
        assert!(message.contains(&address) && message.contains("refused"), "{message}");
        assert_eq!((word(alive, "label"), &alive["reachable"]), (LABEL, &true.into()));
        assert_eq!((&alive["keys"], &alive["hidden"]), (&1.into(), &0.into()), "{alive}");
        assert!(word(alive, "shows").contains(&scene.group), "{alive}");

        let listed = person.kmip_ssh(&["slot", "list"]);
        assert_eq!(listed.status.code(), Some(1));
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(text.contains("Connection refused") && text.contains("1 keys"), "{text}");

        let (keys, status) = person.json_and_status(&["key", "list"]);
        assert_eq!((status, &keys["keys"]), (1, &serde_json::json!([key])));
        assert_eq!(keys["errors"][0]["slot"], "dead");
        let public = person.kmip_ssh(&["key", "public"]);
        assert_eq!(public.stdout, format!("{}\n", word(&key, "openssh")).as_bytes());
        assert!(public.complaint().contains("slot \"dead\": "), "{}", public.report());
        assert_eq!(person.json(&["--slot", LABEL, "key", "list"])["keys"][0], key);
    }

    fn a_silent_server_is_given_up_at_the_deadline(case) {
        let scene = Scene::on(case.server);
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let endpoint = case.server.shared().endpoint("alice");
        let configuration = with_dead(&scene, endpoint, address.clone());
        let person = Person::with(&configuration);
        for line in [&["slot", "list"][..], &["key", "list"], &["doctor"]] {
            let finished = person.kmip_ssh(line);
            assert_eq!(finished.status.code(), Some(1), "{}", finished.report());
            // One deadline of a second, and what a busy machine needs besides.
            assert!(finished.took < Duration::from_secs(8), "{}", finished.report());
            let text = String::from_utf8_lossy(&finished.stdout) + finished.stderr.as_str();
            assert!(text.contains(&address), "{}", finished.report());
        }
    }

    fn changes_want_to_know_the_slot(case) {
        let scene = Scene::on(case.server);
        let owner = Person::of(&scene);
        let key = owner.generate("web", "rsa:2048");
        let second = SlotEntry::new("second", case.server.shared().endpoint("alice"));
        let second = second.group(&scene.group).names(&["nothing*"]);
        let configuration = Configuration::new(&[scene.slot(), second]);
        let person = Person::with(&configuration);
        let line = ["key", "revoke", word(&key, "name")];
        let refused = person.kmip_ssh(&line);
        assert_eq!(refused.status.code(), Some(2));
        let fix = "say which one with --slot (\"ssh keys\", \"second\")";
        assert!(refused.stderr.contains(fix), "{}", refused.report());
        let wrong = person.kmip_ssh(&["--slot", "thrid", "key", "list"]);
        assert_eq!(wrong.status.code(), Some(2));
        assert!(wrong.stderr.contains("\"second\""), "{}", wrong.report());
        person.json(&[&["--slot", LABEL], &line[..]].concat());
        let other = person.json(&["--slot", "second", "key", "list", "--all"]);
        assert_eq!(other["keys"][0]["shown"], false, "{other}");
    }
}
