//! `key copy`, `key move` with keystores: from files, to and from servers, and to each other.

use std::path::Path;
use std::time::Duration;

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::on_each_server;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::tool;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::KeyType;
use pem_rfc7468::LineEnding;
use serde_json::Value;

use crate::person::{Person, word};

/// Somebody with the keystores "keys" and "more", which need no PIN, and with these slots.
struct Owner {
    person: Person,
    _configuration: Configuration,
    _databases: Scratch,
}

impl Owner {
    fn with(slots: &[SlotEntry]) -> Self {
        Self::showing(slots, ["", ""])
    }

    /// The same with a line more for each keystore.
    fn showing(slots: &[SlotEntry], lines: [&str; 2]) -> Self {
        let databases = Scratch::new();
        let text: Vec<_> = ["keys", "more"]
            .into_iter()
            .zip(lines)
            .map(|(label, line)| {
                let path = databases.file(label);
                format!(
                    "[[slot]]\nlabel = {label:?}\nkeystore.path = {:?}\nkeystore.seal = \"file\"\n\
                     keystore.seal_file = {:?}\n{line}\n",
                    path.with_extension("db"),
                    path.with_extension("seal")
                )
            })
            .collect();
        let configuration = Configuration::with_more(slots, &text.concat());
        let person = Person::with(&configuration);
        for label in ["keys", "more"] {
            person.json(&["--slot", label, "init"]);
        }
        Self {
            person,
            _configuration: configuration,
            _databases: databases,
        }
    }

    fn keys(&self, slot: &str) -> Vec<Value> {
        let listed = self.person.json(&["--slot", slot, "key", "list", "--all"]);
        listed["keys"].as_array().expect("a list").clone()
    }

    /// A key with a certificate, made by openssl and taken into the keystore "keys"; the certificate in PEM.
    fn certified(&self, name: &str) -> String {
        let openssl = |line: &str| {
            let mut openssl = tool::command("openssl");
            openssl.current_dir(self.person.user.desk.path());
            let finished = run(openssl.args(line.split(' ')));
            assert!(finished.status.success(), "{}", finished.report());
        };
        openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out web.pem");
        openssl("req -x509 -key web.pem -subj /CN=web -days 2 -out web.crt");
        let [key, certificate] = ["web.pem", "web.crt"].map(|it| self.person.user.desk.file(it));
        let line = ["--slot", "keys", "key", "import", name, shown(&key)];
        self.person.json(&[&line[..], &["--extractable"]].concat());
        let line = [
            "--slot",
            "keys",
            "key",
            "certify",
            name,
            shown(&certificate),
        ];
        let kept = self.person.json(&line);
        assert_eq!(kept["key"]["certificates"], 1, "{kept}");
        std::fs::read_to_string(certificate).expect("the certificate is there")
    }

    fn make(&self, slot: &str, name: &str, options: &[&str]) -> Value {
        let line = ["--slot", slot, "key", "generate", name, "--type", "p256"];
        self.person.json(&[&line, options].concat())["key"].clone()
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}

#[test]
fn a_file_is_moved_into_a_keystore() {
    let owner = Owner::with(&[]);
    let person = &owner.person;
    let file = person.key_file("id_ed25519", &["-t", "ed25519", "-N", ""]);
    let line = [
        "key",
        "move",
        "--from-file",
        shown(&file),
        "--to",
        "keys",
        "--remove-file",
    ];
    let plan = person.json(&[&line[..], &["--dry-run"]].concat());
    assert_eq!(plan["possible"], true, "{plan}");
    assert_eq!(owner.keys("keys").len(), 0);
    let asked = person.kmip_ssh(&line);
    assert!(
        asked.complaint().contains("add --yes"),
        "{}",
        asked.report()
    );
    person.json(&[&line[..], &["--yes"]].concat());
    assert!(!file.exists() && file.with_extension("pub").exists());
    assert_eq!(word(&owner.keys("keys")[0], "name"), "id_ed25519");
}

#[test]
fn a_key_moves_from_one_keystore_to_another_with_what_it_has() {
    let owner = Owner::with(&[]);
    let person = &owner.person;
    let key = owner.make("keys", "web", &["--extractable", "--group", "ssh"]);
    owner.make("keys", "stays", &[]);
    person.json(&["--slot", "keys", "key", "set-id", "web", "0102"]);
    person.json(&["--slot", "keys", "key", "set-label", "web", "front"]);
    let line = [
        "--slot", "keys", "key", "move", "web", "--to", "more", "--yes",
    ];
    let moved = person.json(&line);
    assert_eq!(moved["not_brought"], serde_json::json!([]), "{moved}");
    let there = &owner.keys("more")[0];
    assert_eq!(there["fingerprint"], key["fingerprint"]);
    assert_eq!(
        (word(there, "key_id"), word(there, "label")),
        ("0102", "front")
    );
    assert_eq!(
        (&there["groups"][0], &there["extractable"]),
        (&"ssh".into(), &false.into())
    );
    assert_eq!(owner.keys("keys").len(), 1);
    assert!(person.can_log_in(word(there, "openssh")));

    let line = [
        "--slot", "keys", "key", "move", "stays", "--to", "more", "--yes",
    ];
    let (kind, message) = person.refusal(&line);
    assert_eq!(kind, "denied", "{message}");
    assert_eq!((owner.keys("keys").len(), owner.keys("more").len()), (1, 1));
    // Once it is there, it stays there.
    let back = ["--slot", "more", "key", "copy", "web", "--to", "keys"];
    assert_eq!(person.refusal(&back).0, "denied");
}

const ML_DSA: &str = "keys.types = [\"ml-dsa-44\", \"ml-dsa-65\"]";

/// From its making to its end, in two keystores that show such keys.
#[test]
fn an_ml_dsa_key_lives_like_any_other() {
    let owner = Owner::showing(&[], [ML_DSA, ML_DSA]);
    let person = &owner.person;
    let slot = |label, line: &[&str]| person.json(&[&["--slot", label, "key"], line].concat());
    let line = ["generate", "made", "--type", "ml-dsa-65", "--extractable"];
    let key = slot("keys", &line)["key"].clone();
    assert_eq!(
        (word(&key, "type"), word(&key, "openssh")),
        ("ML-DSA-65", "")
    );
    assert!(word(&key, "pem").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    slot("keys", &["rename", "made", "named"]);
    let moved = slot("keys", &["move", "named", "--to", "more", "--yes"]);
    assert_eq!(moved["key"]["fingerprint"], key["fingerprint"]);
    assert_eq!((owner.keys("keys").len(), owner.keys("more").len()), (0, 1));
    slot("more", &["revoke", "named"]);
    slot("more", &["destroy", "named", "--yes"]);
    assert_eq!(owner.keys("more").len(), 0);
}

#[test]
fn an_ml_dsa_key_comes_from_a_file_and_is_not_brought_where_nobody_would_see_it() {
    let owner = Owner::showing(&[], [ML_DSA, ""]);
    let person = &owner.person;
    let private = PrivateKey::generate(KeyType::MlDsa(ParameterSet::MlDsa44));
    let pkcs8 = private.and_then(|key| key.to_pkcs8()).expect("a key");
    let pem = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, &pkcs8);
    let files = Scratch::new();
    let file = files.write("id", pem.expect("a file"));
    let line = ["--slot", "keys", "key", "import", "web", shown(&file)];
    let imported = person.json(&[&line[..], &["--extractable"]].concat());
    assert_eq!(word(&imported["key"], "type"), "ML-DSA-44");
    let (kind, message) = person.refusal(&["--slot", "keys", "key", "copy", "web", "--to", "more"]);
    assert_eq!(kind, "refused", "{message}");
    assert!(
        message.contains("shows no ML-DSA-44 keys: see keys.types"),
        "{message}"
    );
}

#[test]
fn certificates_are_kept_told_moved_and_removed() {
    let owner = Owner::with(&[]);
    let person = &owner.person;
    let pem = owner.certified("web");
    let given = |slot: &str| person.kmip_ssh(&["--slot", slot, "key", "certificates", "web"]);
    assert_eq!(given("keys").text(), pem);
    let shown = person.json(&["--slot", "keys", "key", "show", "web"]);
    assert_eq!(shown["certificates"][0]["subject"], "CN=web", "{shown}");
    let line = [
        "--slot", "keys", "key", "move", "web", "--to", "more", "--yes",
    ];
    let plan = person.json(&[&line[..], &["--dry-run"]].concat());
    assert!(plan.to_string().contains("(CN=web) to slot"), "{plan}");
    let moved = person.json(&line);
    assert_eq!(moved["not_brought"], serde_json::json!([]), "{moved}");
    assert_eq!(given("more").text(), pem);
    assert_eq!(owner.keys("keys").len(), 0);
    assert_eq!(person.user.list().len(), 1);
    let line = ["--slot", "more", "key", "uncertify", "web", "--all"];
    assert_eq!(person.json(&line)["key"]["certificates"], 0);
    let (kind, message) = person.refusal(&["--slot", "more", "key", "certificates", "web"]);
    assert_eq!(kind, "refused", "{message}");
}

#[test]
fn a_name_that_is_taken_and_a_wrong_slot_are_refused() {
    let owner = Owner::with(&[]);
    let person = &owner.person;
    owner.make("keys", "web", &["--extractable"]);
    owner.make("more", "web", &[]);
    let line = [
        "--slot", "keys", "key", "move", "web", "--to", "more", "--yes",
    ];
    let (kind, message) = person.refusal(&line);
    assert_eq!(kind, "refused", "{message}");
    assert!(
        message.contains("choose another name, by --name"),
        "{message}"
    );
    person.json(&[&line[..], &["--name", "web-2"]].concat());
    for (slot, to) in [("keys", "keys"), ("keys", "none")] {
        let refused = person.kmip_ssh(&["--slot", slot, "key", "copy", "web-2", "--to", to]);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.report());
    }
}

/// Each PIN opens its own keystore, and is tried with no other.
#[test]
fn two_keystores_have_two_pins() {
    let files = Scratch::new();
    let slot = |label: &str| {
        let path = files.file(label);
        format!("[[slot]]\nlabel = {label:?}\nkeystore.path = {path:?}\nkeystore.seal = \"pin\"\n")
    };
    let configuration = Configuration::of_text(&(slot("one") + &slot("other")));
    let person = Person::with(&configuration);
    let pin = |name: &str| shown(&files.write(name, format!("PIN of {name}"))).to_owned();
    let (one, other) = (pin("pin-1"), pin("pin-2"));
    person.json(&["--slot", "one", "init", "--pin-file", &one]);
    person.json(&["--slot", "other", "init", "--pin-file", &other]);
    let line = [
        "--slot",
        "one",
        "key",
        "generate",
        "web",
        "--type",
        "p256",
        "--extractable",
    ];
    person.json(&[&line[..], &["--pin-file", &one]].concat());
    let line = [
        "--slot",
        "one",
        "key",
        "move",
        "web",
        "--to",
        "other",
        "--yes",
        "--pin-file",
        &one,
    ];
    let alone = person.kmip_ssh(&line);
    assert_eq!(alone.status.code(), Some(2), "{}", alone.report());
    assert!(
        alone.complaint().contains("--to-pin-file"),
        "{}",
        alone.report()
    );
    person.json(&[&line[..], &["--to-pin-file", &other]].concat());
    let moved = person.json(&["--slot", "other", "key", "list"]);
    assert_eq!(moved["keys"][0]["name"], "web", "{moved}");
    let swapped = ["--slot", "other", "keystore", "check", "--pin-file", &one];
    assert_eq!(person.refusal(&swapped).0, "wrong-pin");
}

/// Killed at twenty different moments: the key is in one of the two, and the same command ends it.
#[test]
fn a_move_that_is_killed_is_ended_by_the_next() {
    let owner = Owner::with(&[]);
    let person = &owner.person;
    for round in 0..20_u64 {
        let name = format!("web-{round}");
        let key = owner.make("keys", &name, &["--extractable"]);
        let line = [
            "--slot", "keys", "key", "move", &name, "--to", "more", "--yes",
        ];
        let mut child = person.command(&line).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 4));
        let _ = child.kill();
        let _ = child.wait();
        let has = |slot: &str| {
            let keys = owner.keys(slot);
            let mut same = keys
                .iter()
                .filter(|it| it["fingerprint"] == key["fingerprint"]);
            same.next().map(|it| word(it, "state").to_owned())
        };
        let (home, target) = (has("keys"), has("more"));
        let works = |state: &Option<String>| state.as_deref() == Some("active");
        assert!(
            works(&home) || works(&target),
            "{round}: {home:?} {target:?}"
        );
        if home.is_some() {
            run(&mut person.command(&line)).text();
        }
        assert_eq!(
            (has("keys"), has("more").as_deref()),
            (None, Some("active")),
            "{round}"
        );
    }
}

on_each_server! {
    fn a_key_goes_from_a_keystore_to_a_server_and_back(case) {
        let scene = Scene::on(case.server);
        let keeper = Person::of(&scene);
        let owner = Owner::with(&[scene.slot()]);
        let person = &owner.person;
        let name = keeper.name("web");
        let pem = owner.certified(&name);
        let key = owner.keys("keys").remove(0);
        let there = ["--group", &keeper.group, "--extractable", "--yes"];
        let line = ["--slot", "keys", "key", "move", &name, "--to", LABEL];
        let moved = person.json(&[&line[..], &there].concat());
        assert_eq!(moved["key"]["fingerprint"], key["fingerprint"]);
        assert_eq!(moved["key"]["certificates"], 1);
        assert_eq!(owner.keys("keys").len(), 0);
        assert!(keeper.can_log_in(word(&moved["key"], "openssh")));

        let line = ["--slot", LABEL, "key", "move", &name, "--to", "more", "--yes"];
        let back = person.json(&line);
        assert_eq!(back["key"]["fingerprint"], key["fingerprint"]);
        assert_eq!(keeper.everything()["keys"].as_array().map(Vec::len), Some(0));
        assert!(person.can_log_in(word(&back["key"], "openssh")));
        let given = person.kmip_ssh(&["--slot", "more", "key", "certificates", &name]);
        assert_eq!(given.text(), pem);
    }

    fn a_key_that_its_server_keeps_is_not_brought_to_a_keystore(case) {
        let scene = Scene::of(case.server.shared(), |slot| slot);
        let keeper = Person::of(&scene);
        let owner = Owner::with(&[scene.slot()]);
        let key = keeper.generate("web", "rsa:2048");
        let line = ["--slot", LABEL, "key", "copy", word(&key, "name"), "--to", "keys"];
        let (kind, message) = owner.person.refusal(&line);
        assert_eq!(kind, "denied", "{message}");
        let plan = owner.person.json_and_status(&[&line[..], &["--dry-run"]].concat());
        assert_eq!((plan.1, &plan.0["possible"]), (1, &false.into()));
        assert_eq!(owner.keys("keys").len(), 0);
    }
}
