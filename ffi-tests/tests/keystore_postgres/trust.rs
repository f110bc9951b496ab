//! What the server and the client want of each other before they talk.

use kmip_p11::error::TokenErrorKind;
use kmip_p11::token;

use super::place::{Place, ed25519, says};

#[test]
fn what_the_server_and_the_client_want_of_each_other_is_checked() {
    use TokenErrorKind::{Denied, Unreachable};
    let place = Place::with_keystore();
    let server = &place.server;
    let grants = "GRANT USAGE ON SCHEMA kmip_p11 TO carol, dave; \
                  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA kmip_p11 TO carol, dave";
    server.sql("keys", grants);
    let try_as = |role: &str, database: &str, lines: &[String]| {
        let slot = place.slot(&server.by_tcp(role, database), lines, false);
        token::open(&slot).generate(&ed25519(role))
    };
    let client = |name: &str| {
        let file = |extension: &str| server.file(&format!("{name}.{extension}"));
        [
            place.ca("ca.crt"),
            place.line("tls.client_cert", &file("crt")),
            place.line("tls.client_key", &file("key")),
        ]
    };
    let (ca, password) = (place.ca("ca.crt"), place.password());
    let with_password = [ca.clone(), password.clone()];
    try_as("alice", "keys", &with_password).expect("TLS and a password");
    try_as("carol", "keys", &client("carol")).expect("a client certificate");
    try_as("dave", "keys", std::slice::from_ref(&password)).expect("a password on the loopback");
    let place_named = format!("localhost:{}/keys", server.port());
    let named = place_named.as_str();
    let strange = [place.ca("stranger.crt"), password.clone()];
    says(
        try_as("alice", "keys", &strange),
        Unreachable,
        &[named, "UnknownIssuer"],
    );
    let impostor = try_as("carol", "keys", &client("impostor"));
    says(impostor, Unreachable, &[named, "UnknownCA", "ssl_ca_file"]);
    let plain = try_as("alice", "keys", std::slice::from_ref(&password));
    says(plain, Denied, &[named, "no encryption", "pg_hba.conf"]);
    says(
        try_as("dave", "keys", &with_password),
        Denied,
        &["pg_hba.conf"],
    );
    let anonymous = try_as("carol", "keys", std::slice::from_ref(&ca));
    says(anonymous, Denied, &["valid client certificate"]);
}

#[test]
fn what_a_role_or_a_database_lacks_is_said() {
    use TokenErrorKind::{Denied, Failed};
    let place = Place::with_keystore();
    let (ca, password) = (place.ca("ca.crt"), place.password());
    let with_password = [ca.clone(), password];
    let try_as = |role: &str, database: &str, lines: &[String]| {
        let slot = place.slot(&place.server.by_tcp(role, database), lines, false);
        token::open(&slot).generate(&ed25519(role))
    };
    says(try_as("alice", "keys", &[ca]), Failed, &["password_file"]);
    says(
        try_as("alice", "nothing", &with_password),
        Failed,
        &["CREATE DATABASE nothing"],
    );
    says(
        try_as("bob", "keys", &with_password),
        Denied,
        &["\"bob\"", "GRANTs"],
    );
    place.scratch.write("password", "wrong");
    says(
        try_as("alice", "keys", &with_password),
        Denied,
        &["password_file"],
    );
}

#[test]
fn a_server_without_tls_is_not_spoken_to() {
    let place = Place::with_keystore();
    place.server.stop();
    place.server.start_without_tls();
    let lines = [place.ca("ca.crt"), place.password()];
    let slot = place.slot(&place.server.by_tcp("dave", "keys"), &lines, false);
    let listed = token::open(&slot).find();
    says(
        listed,
        TokenErrorKind::Unreachable,
        &["server does not support TLS"],
    );
}
