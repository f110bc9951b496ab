//! `key copy`, `key move` with SoftHSM2: what a PKCS#11 token takes in, and what it has no words for.

use std::path::Path;

use ffi_tests::configuration::Configuration;
use ffi_tests::delivery::WRAPPING_KEY;
use ffi_tests::hsm::{Configured, Hsm, LABEL, MODULE, VARIABLE};
use ffi_tests::on_each_server;
use ffi_tests::openssh::user::User;
use ffi_tests::scene::{self, Scene};

use crate::person::{Person, word};

/// Somebody with an empty HSM, and with the keystore "keys".
fn owner() -> (Configured, Person) {
    let hsm = Hsm::soft();
    let file = |name: &str| hsm.directory().join(name);
    let keystore = format!(
        "[[slot]]\nlabel = \"keys\"\nkeystore.path = {:?}\nkeystore.seal = \"file\"\n\
         keystore.seal_file = {:?}\n",
        file("keys.db"),
        file("keys.seal")
    );
    let slots = hsm.slot_with_pin() + &keystore;
    let configured = hsm.configured(&slots);
    let person = Person::at(configured.user());
    person.json(&["--slot", "keys", "init"]);
    (configured, person)
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}

#[test]
fn a_file_is_moved_into_an_hsm() {
    let (_configured, person) = owner();
    let file = person.key_file("id_ecdsa", &["-t", "ecdsa", "-b", "384", "-N", ""]);
    let line = [
        "key",
        "move",
        "--from-file",
        shown(&file),
        "--to",
        LABEL,
        "--name",
        "web",
        "--remove-file",
        "--yes",
    ];
    let moved = person.json(&line);
    assert_eq!(
        (&moved["has_signed"], &moved["from"]["removed"]),
        (&true.into(), &true.into())
    );
    assert!(!file.exists());
    assert!(person.can_log_in(word(&moved["key"], "openssh")));
    let text = person.text(&[
        "--slot", LABEL, "key", "destroy", "web", "--revoke", "--yes",
    ]);
    assert!(text.contains("is destroyed"), "{text}");
    let left = person.json(&["--slot", LABEL, "key", "list", "--all"]);
    assert_eq!(left["keys"], serde_json::json!([]));
}

#[test]
fn a_key_moves_from_a_keystore_into_an_hsm_and_not_back() {
    let (_configured, person) = owner();
    let line = [
        "--slot",
        "keys",
        "key",
        "generate",
        "web",
        "--type",
        "p256",
        "--extractable",
    ];
    let key = person.json(&[&line[..], &["--group", "ssh"]].concat())["key"].clone();
    person.json(&["--slot", "keys", "key", "set-id", "web", "0102"]);
    let line = [
        "--slot", "keys", "key", "move", "web", "--to", LABEL, "--yes",
    ];
    let moved = person.json(&line);
    assert_eq!(
        moved["not_brought"],
        serde_json::json!(["its object group \"ssh\""]),
        "{moved}"
    );
    let there = person.json(&["--slot", LABEL, "key", "show", "web"])["key"].clone();
    assert_eq!(there["fingerprint"], key["fingerprint"]);
    assert_eq!(word(&there, "key_id"), "0102");
    assert!(person.can_log_in(word(&there, "openssh")));
    let left = person.json(&["--slot", "keys", "key", "list", "--all"]);
    assert_eq!(left["keys"], serde_json::json!([]));

    let back = ["--slot", LABEL, "key", "copy", "web", "--to", "keys"];
    let (kind, message) = person.refusal(&back);
    assert_eq!(kind, "impossible", "{message}");
    assert!(
        message.contains("does not give private keys out"),
        "{message}"
    );
}

on_each_server! {
    fn a_key_that_its_server_lets_go_moves_into_an_hsm_and_no_other(case) {
        let scene = Scene::of(case.server.shared(), |slot| slot);
        let keeper = Person::of(&scene);
        let hsm = Hsm::soft();
        let pin = hsm.secret("pin", ffi_tests::hsm::PIN);
        let slot = hsm.slot(LABEL, &format!("hsm.pin_file = {pin:?}"));
        let configuration = Configuration::with_more(&[scene.slot()], &slot);
        let user = User::of(&configuration).with_variable(VARIABLE, hsm.conf().into());
        let person = Person::at(user);
        let stays = keeper.generate("stays", "rsa:2048");
        let leaves = keeper.generate_with("leaves", "rsa:2048", &["--extractable"]);
        let go = |key: &serde_json::Value| {
            let line = ["--slot", scene::LABEL, "key", "move", word(key, "name"), "--to", LABEL, "--yes"];
            person.json_and_status(&line)
        };
        let (refused, _) = go(&stays);
        assert_eq!(refused["error"]["kind"], "denied", "{refused}");
        let (moved, status) = go(&leaves);
        if status != 0 {
            // A server without the attribute cannot keep its owner's word.
            assert!(word(&moved["error"], "message").contains("does not say"), "{moved}");
            assert!(!case.server.signs_digests(), "{moved}");
            return;
        }
        assert_eq!(moved["key"]["fingerprint"], leaves["fingerprint"]);
        assert!(person.can_log_in(word(&moved["key"], "openssh")));
        let left = keeper.everything();
        assert_eq!(left["keys"].as_array().map(Vec::len), Some(1), "{left}");
    }

    /// The check signature is the HSM's: with a key that came to it wrapped.
    fn a_file_is_moved_to_a_server_that_delivers_it_to_an_hsm(case) {
        if !case.server.signs_digests() {
            // PyKMIP takes no wrapping key in: nothing can be delivered from there.
            return;
        }
        let hsm = Hsm::soft();
        let pin = hsm.secret("pin", ffi_tests::hsm::PIN);
        let scene = Scene::of(case.server.shared(), |slot| {
            slot.line(format!("hsm.module = {MODULE:?}"))
                .line(format!("hsm.pin_file = {pin:?}"))
                .line(format!("delivery.wrapping_key = {WRAPPING_KEY:?}"))
        });
        let user = scene.user().with_variable(VARIABLE, hsm.conf().into());
        let person = Person::at(user);
        person.json(&["delivery", "setup"]);
        let file = person.key_file("id_ecdsa", &["-t", "ecdsa", "-b", "256", "-N", ""]);
        let name = format!("web@{}", scene.group);
        let line = [
            "key", "move", "--from-file", shown(&file), "--to", scene::LABEL, "--name", &name,
            "--group", &scene.group, "--remove-file", "--yes",
        ];
        let moved = person.json(&line);
        assert_eq!(moved["has_signed"], true, "{moved}");
        assert!(!file.exists());
        assert!(person.can_log_in(word(&moved["key"], "openssh")));
        person.json(&["key", "destroy", &name, "--revoke", "--yes"]);
    }
}
