//! `init` and `keystore` with a keystore in Postgres.

use ffi_tests::configuration::Configuration;
use ffi_tests::postgres_server::PostgresServer;
use ffi_tests::scratch::Scratch;

use crate::person::{Person, word};

/// A slot in a database of its own, with these lines about its seal.
fn slot(connection: &str, seal: &str) -> String {
    format!("[[slot]]\nlabel = \"keys\"\nkeystore.postgres = {connection:?}\n{seal}\n")
}

#[test]
fn a_keystore_is_made_used_and_sealed_anew() {
    let server = PostgresServer::shared();
    let connection = server.by_socket("alice", &server.new_database());
    let files = Scratch::new();
    // Its directory is not there yet.
    let seal = files.file("seals/first");
    let by_file = format!("keystore.seal = \"file\"\nkeystore.seal_file = {seal:?}");
    let configuration = Configuration::of_text(&slot(&connection, &by_file));
    let person = Person::with(&configuration);
    let made = person.json(&["init"]);
    assert_eq!(
        (
            word(&made, "keystore"),
            word(&made, "seal_file"),
            &made["in_use"]
        ),
        (connection.as_str(), seal.to_str().unwrap(), &true.into())
    );
    let again = person.kmip_ssh(&["init"]);
    let complaint = again.complaint();
    assert!(
        complaint.contains("has a keystore already, and it was left as it is"),
        "{complaint}"
    );
    let key = person.json(&["key", "generate", "web", "--type", "p256"]);
    assert!(person.can_log_in(word(&key["key"], "openssh")));
    assert_eq!(person.json(&["keystore", "check"])["signed"], 1);

    let pin = files.write("pin", "1234 five");
    let pin = pin.to_str().unwrap();
    person.json(&["keystore", "seal", "pin", "--new-pin-file", pin]);
    let sealed_by_pin = Configuration::of_text(&slot(&connection, "keystore.seal = \"pin\""));
    let by_pin = Person::with(&sealed_by_pin);
    let checked = by_pin.json(&["keystore", "check", "--pin-file", pin]);
    assert_eq!(checked["signed"], 1);
    let nowhere = by_pin.kmip_ssh(&["keystore", "seal", "file", "--pin-file", pin]);
    let complaint = nowhere.complaint();
    assert!(
        complaint.contains("no file is beside a keystore in Postgres"),
        "{complaint}"
    );
    let other = files.write("other.toml", slot(&connection, &by_file));
    let other = other.to_str().unwrap();
    by_pin.json(&["keystore", "seal", "--as", other, "--pin-file", pin]);
    assert_eq!(person.json(&["keystore", "check"])["signed"], 1);
}

#[test]
fn a_server_that_is_away_is_told_of() {
    let files = Scratch::new();
    let seal = files.file("seal");
    let by_file = format!("keystore.seal = \"file\"\nkeystore.seal_file = {seal:?}");
    let nobody = format!("host={} user=alice dbname=keys", files.path().display());
    let configuration = Configuration::of_text(&slot(&nobody, &by_file));
    let person = Person::with(&configuration);
    let refused = person.kmip_ssh(&["init"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.report());
    let complaint = refused.complaint();
    let words = "cannot be reached";
    assert!(
        complaint.contains(words) && complaint.contains("check keystore.postgres"),
        "{complaint}"
    );
}
