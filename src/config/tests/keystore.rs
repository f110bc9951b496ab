//! Slots with a keystore: what is read, and what goes together.

use super::*;
use crate::config::{Database, Seal};

const FILE: &str = "[[slot]]\nlabel = \"keys\"\nkeystore.path = \"/k/keys.db\"\n";
const SERVER: &str = "[[slot]]\nlabel = \"keys\"\nkeystore.seal = \"pin\"\n";
const KMIP: &str = "kmip.servers = [\"h\"]\nkmip.tls.ca = \"/ca\"\nkmip.tls.client_cert = \"/c\"\nkmip.tls.client_key = \"/k\"\n";

fn keystore(text: &str) -> Keystore {
    let config = parse(text).unwrap();
    match &config.slots[0].backend {
        Backend::Keystore(keystore) => keystore.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_seal_is_read_with_what_it_needs() {
    let seal = |lines: &str| keystore(&format!("{FILE}{lines}")).seal;
    assert_eq!(seal("keystore.seal = \"pin\""), Seal::Pin);
    let file = seal("keystore.seal = \"file\"\nkeystore.seal_file = \"/k/credential\"");
    assert_eq!(file, Seal::File("/k/credential".into()));
    let kmip = seal(&format!(
        "keystore.seal = \"kmip\"\nkeystore.seal_key = \"k\"\n{KMIP}"
    ));
    assert!(matches!(kmip, Seal::Kmip { key, .. } if key == "k"));
    let hsm = seal(
        "keystore.seal = \"hsm\"\nkeystore.seal_key = \"k\"\nhsm.module = \"/m.so\"\nhsm.pin_env = \"PIN\"",
    );
    assert!(matches!(hsm, Seal::Hsm { key, .. } if key == "k"));
}

#[test]
fn what_does_not_go_with_the_seal_is_refused() {
    let refused = |lines: &str, expected: &str| {
        let message = message(&format!("{FILE}{lines}"));
        assert!(message.contains(expected), "{lines}: {message}");
    };
    refused("", "slot.keystore.seal is missing");
    refused("keystore.seal = \"pim\"", "did you mean \"pin\"?");
    refused(
        "keystore.seal = \"file\"",
        "slot.keystore.seal_file is missing",
    );
    refused(
        "keystore.seal = \"pin\"\nkeystore.seal_file = \"/f\"",
        "with keystore.seal = \"file\" only",
    );
    refused(
        "keystore.seal = \"pin\"\nkeystore.seal_key = \"k\"",
        "\"hsm\" or \"kmip\" only",
    );
    refused(
        "keystore.seal = \"hsm\"\nkeystore.seal_key = \"k\"",
        "write hsm.module",
    );
    refused(
        "keystore.seal = \"kmip\"\nkeystore.seal_key = \"k\"",
        "write kmip.servers",
    );
    refused(
        &format!("keystore.seal = \"kmip\"\n{KMIP}"),
        "slot.keystore.seal_key is missing",
    );
    refused(
        &format!("keystore.seal = \"pin\"\n{KMIP}"),
        "the kmip keys of this slot are of no use",
    );
    refused(
        "keystore.seal = \"pin\"\nhsm.module = \"/m\"",
        "the hsm keys of this slot are of no use",
    );
    refused(
        &format!(
            "keystore.seal = \"kmip\"\nkeystore.seal_key = \"k\"\n{KMIP}kmip.pin = \"key_passphrase\""
        ),
        "needs no person",
    );
    refused(
        "keystore.seal = \"hsm\"\nkeystore.seal_key = \"k\"\nhsm.module = \"/m\"",
        "slot.hsm.pin_file is missing",
    );
}

#[test]
fn a_keystore_is_in_one_place() {
    let both = format!("{FILE}keystore.seal = \"pin\"\nkeystore.postgres = \"host=h\"");
    assert!(message(&both).contains("keystore.path names another"));
    assert!(message(SERVER).contains("slot.keystore.path is missing"));
    let foreign = format!("{FILE}keystore.seal = \"pin\"\nkeystore.tls.ca = \"/ca\"");
    assert!(message(&foreign).contains("it is for keystore.postgres"));
}

#[test]
fn the_way_to_a_server_is_protected() {
    let connection = |text: &str| format!("{SERVER}keystore.postgres = {text:?}\n");
    for local in [
        "host=/run/postgresql user=a",
        "host=127.0.0.1",
        "host=::1",
        "host=localhost",
    ] {
        let read = keystore(&connection(local)).database;
        assert!(matches!(read, Database::Postgres(_)), "{read:?}");
    }
    for (text, expected) in [
        ("host=db.example.org", "write keystore.tls.ca"),
        ("host=127.0.0.1,db.example.org", "write keystore.tls.ca"),
        ("user=a", "names no host"),
        ("host=localhost password=p", "write keystore.password_file"),
        ("nonsense", "is no connection string"),
    ] {
        let message = message(&connection(text));
        assert!(message.contains(expected), "{text}: {message}");
    }
    let with = |lines: &str| format!("{}{lines}", connection("host=db.example.org"));
    keystore(&with("keystore.tls.ca = \"/ca\""));
    let half = with("keystore.tls.ca = \"/ca\"\nkeystore.tls.client_cert = \"/c\"");
    assert!(message(&half).contains("write keystore.tls.client_key as well"));
    let half = with("keystore.tls.ca = \"/ca\"\nkeystore.tls.client_key = \"/c\"");
    assert!(message(&half).contains("write keystore.tls.client_cert as well"));
}
