//! `key copy`, `key move`: from files to servers, and between slots of servers.

use std::path::Path;

use ffi_tests::configuration::Configuration;
use ffi_tests::on_each_server;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::terminal::Terminal;
use serde_json::Value;

use crate::person::{Person, word};

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}

/// Somebody with the slot of that scene and another one, called "other", on the same server.
fn with_another(scene: &Scene, other: &Scene) -> (Configuration, Person) {
    let second = other.slot().called("other");
    let configuration = Configuration::new(&[scene.slot(), second]);
    let person = Person::with(&configuration);
    (configuration, person)
}

fn steps(plan: &Value) -> Vec<(&str, bool)> {
    let steps = plan["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| (word(step, "step"), step["possible"] == true))
        .collect()
}

on_each_server! {
    fn a_file_becomes_a_key_on_the_server_and_goes_only_when_that_is_said(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("id_ecdsa", &["-t", "ecdsa", "-b", "256", "-N", ""]);
        let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
        let name = person.name("web");
        let line = [
            "--from-file", shown(&file), "--to", LABEL, "--name", &name, "--group", &person.group,
        ];
        let command = |what: &'static str, more: &[&'static str]| {
            [&["key", what], &line[..], more].concat()
        };

        let before = person.everything();
        let plan = person.json(&command("move", &["--remove-file", "--dry-run"]));
        assert_eq!(plan["possible"], true, "{plan}");
        assert!(steps(&plan).contains(&("remove", true)), "{plan}");
        assert_eq!(person.everything(), before);

        let copied = person.json(&command("copy", &[]));
        assert_eq!((&copied["has_signed"], &copied["was_there"]), (&true.into(), &false.into()));
        assert!(file.exists());
        let refused = person.kmip_ssh(&command("move", &["--yes"]));
        assert_eq!(refused.status.code(), Some(2), "{}", refused.report());
        // The copy is taken up: as after an interruption.
        let moved = person.json(&command("move", &["--remove-file", "--yes"]));
        assert_eq!((&moved["was_there"], &moved["from"]["removed"]), (&true.into(), &true.into()));
        assert_eq!(moved["key"], copied["key"]);
        assert!(!file.exists() && file.with_extension("pub").exists());
        let key = word(&copied["key"], "openssh");
        let both = |line: &str| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(both(key), both(&public));
        assert!(person.can_log_in(key));
    }

    fn a_passphrase_is_asked_for(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("id_rsa", &["-t", "rsa", "-b", "2048", "-N", "sesame 5"]);
        let name = person.name("old");
        let line = [
            "key", "copy", "--from-file", shown(&file), "--to", LABEL, "--name", &name, "--group",
            &person.group,
        ];
        let mut terminal = Terminal::start(&person.command(&line));
        terminal.wait_until_it_says("Passphrase of ");
        terminal.type_line("sesame 5");
        let (text, status) = terminal.end();
        assert!(status.success() && text.contains("has signed there"), "{text}");
        assert!(text.contains("is still there"), "{text}");
    }

    fn a_key_leaves_its_server_only_if_its_owner_wants_that(case) {
        let scene = Scene::of(case.server.shared(), |slot| slot);
        let other = Scene::on(case.server);
        let (owner, new_owner) = (Person::of(&scene), Person::of(&other));
        let stays = owner.generate("stays", "rsa:2048");
        let leaves = owner.generate_with("leaves", "rsa:2048", &["--extractable"]);
        let (_configuration, person) = with_another(&scene, &other);
        let there = new_owner.name("moved");
        let line = |key: &Value, more: &[&str]| {
            let name = word(key, "name").to_owned();
            let line = [
                "--slot", LABEL, "key", "move", &name, "--to", "other", "--yes", "--name", &there,
                "--group", &new_owner.group,
            ];
            let line = [&line[..], more].concat();
            line.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let run = |line: &[String]| {
            let words: Vec<_> = line.iter().map(String::as_str).collect();
            person.json_and_status(&[&["--json"][..], &words].concat()[1..])
        };
        let (refused, status) = run(&line(&stays, &[]));
        assert_eq!((status, &refused["error"]["kind"]), (1, &"denied".into()), "{refused}");
        let (plan, status) = run(&line(&stays, &["--dry-run"]));
        assert_eq!(status, 1, "{plan}");
        assert!(steps(&plan).contains(&("read", false)), "{plan}");
        assert!(owner.can_log_in(word(&stays, "openssh")) || !case.server.signs_digests());

        let (moved, status) = run(&line(&leaves, &[]));
        if moved["error"]["kind"] == "denied" {
            // A server without the attribute cannot keep its owner's word.
            assert!(word(&moved["error"], "message").contains("does not say"), "{moved}");
            assert!(!case.server.signs_digests(), "{moved}");
            return;
        }
        assert_eq!(status, 0, "{moved}");
        assert_eq!(moved["key"]["fingerprint"], leaves["fingerprint"]);
        assert_eq!(word(&moved["key"], "name"), there);
        assert!(new_owner.can_log_in(word(&moved["key"], "openssh")));
        let gone = owner.everything().to_string();
        assert!(!gone.contains(word(&leaves, "id")), "{gone}");
    }

    fn a_name_that_is_taken_on_the_server_stops_it_before_anything_is_done(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let key = person.generate("web", "rsa:2048");
        let file = person.key_file("id_ecdsa", &["-t", "ecdsa", "-N", ""]);
        let before = person.everything();
        let line = [
            "key", "move", "--from-file", shown(&file), "--to", LABEL, "--name", word(&key, "name"),
            "--group", &person.group, "--remove-file", "--yes",
        ];
        let (kind, message) = person.refusal(&line);
        assert_eq!(kind, "refused", "{message}");
        assert!(message.contains("choose another name, by --name"), "{message}");
        assert!(file.exists());
        assert_eq!(person.everything(), before);
    }

    /// It is killed at some moment, again and again: the key is never lost, and a last run ends it.
    fn a_move_that_is_killed_loses_nothing(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for round in 0..6_u64 {
            let file = person.key_file(&format!("id_{round}"), &["-t", "ecdsa", "-N", ""]);
            let name = person.name(&format!("web-{round}"));
            let line = [
                "--json", "key", "move", "--from-file", shown(&file), "--to", LABEL, "--name",
                &name, "--group", &person.group, "--remove-file", "--yes",
            ];
            let mut child = person.command(&line).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(round * 12));
            let _ = child.kill();
            let _ = child.wait();
            if file.exists() {
                let again = run(&mut person.command(&line));
                // Killed between the two halves: the other one may still be on its way.
                if again.stderr.contains("try again in") {
                    std::thread::sleep(std::time::Duration::from_secs(11));
                    run(&mut person.command(&line)).text();
                } else {
                    again.text();
                }
                assert!(!file.exists());
            }
            assert_eq!(word(&person.show(&name), "state"), "active");
        }
    }
}
