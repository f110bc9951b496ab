//! What proves who we are: every way of it, and the ways that contradict each other.

use super::*;

const BARE: &str = "[[slot]]\nlabel = \"prod\"\nkmip.tls.ca = \"ca.pem\"\n";
const TLS: &str = "kmip.servers = [\"a\"]\n";
const HTTPS: &str = "kmip.servers = [\"https://a\"]\n";
const CERTIFICATE: &str = "kmip.tls.client_cert = \"c\"\nkmip.tls.client_key = \"k\"\n";

fn kmip(lines: &[&str]) -> Kmip {
    let config = parse(&format!("{BARE}{}", lines.concat())).unwrap();
    only_slot(&config).1.clone()
}

#[test]
fn all_credentials_at_once() {
    let rest = r#"
        kmip.username = "alice"
        kmip.password_file = "password"
        kmip.device.serial_number = "1"
        kmip.device.password_file = "/device"
        kmip.device.device_identifier = "2"
        kmip.device.network_identifier = "3"
        kmip.device.machine_identifier = "4"
        kmip.device.media_identifier = "5"
        kmip.bearer_token_file = "token"
        kmip.tls.client_key_passphrase_file = "passphrase"
        kmip.encoding = "json"
    "#;
    let kmip = kmip(&[HTTPS, CERTIFICATE, rest]);
    let text = |text: &str| Some(text.to_owned());
    let device = Device {
        serial_number: text("1"),
        password_file: Some("/device".into()),
        device_identifier: text("2"),
        network_identifier: text("3"),
        machine_identifier: text("4"),
        media_identifier: text("5"),
    };
    let credentials = Credentials {
        username: text("alice"),
        password_file: Some("/etc/kmip-p11/password".into()),
        device: Some(device),
        bearer_token_file: Some("/etc/kmip-p11/token".into()),
    };
    assert_eq!(kmip.credentials, credentials);
    let passphrase = kmip.tls.client_key_passphrase_file;
    assert_eq!(passphrase, Some("/etc/kmip-p11/passphrase".into()));
    assert_eq!(kmip.encoding, Encoding::Json);
}

#[test]
fn one_credential_of_any_kind_is_enough() {
    for lines in [
        "kmip.username = \"a\"",
        "kmip.device.serial_number = \"1\"",
        "kmip.bearer_token_file = \"t\"",
        "kmip.pin = \"token\"",
    ] {
        assert_eq!(kmip(&[HTTPS, lines]).tls.client_cert, None, "{lines}");
    }
}

#[test]
fn a_pin_is_one_of_three_secrets() {
    for (lines, pin) in [
        (
            "kmip.username = \"a\"\nkmip.pin = \"password\"",
            Pin::Password,
        ),
        ("kmip.pin = \"token\"", Pin::Token),
        ("kmip.pin = \"key_passphrase\"", Pin::KeyPassphrase),
    ] {
        assert_eq!(kmip(&[HTTPS, CERTIFICATE, lines]).pin, Some(pin));
    }
}

/// Lines, and what their contradiction is answered with.
const CONTRADICTIONS: &[(&[&str], &str)] = &[
    (
        &[TLS, "kmip.bearer_token_file = \"t\""],
        "5:26: slot.kmip.bearer_token_file: a bearer token travels over HTTPS only, and a:5696 is not an \
         https server; write it as \"https://...\", or use another credential",
    ),
    (
        &[
            "kmip.servers = [\"https://a\", \"b\"]\n",
            "kmip.pin = \"token\"",
        ],
        "5:12: slot.kmip.pin: a bearer token travels over HTTPS only, and b:5696 is not an \
         https server; write it as \"https://...\", or use another credential",
    ),
    (
        &[TLS, CERTIFICATE, "kmip.encoding = \"json\""],
        "7:17: slot.kmip.encoding: JSON travels over HTTPS only, and a:5696 is not an https server; \
         write it as \"https://...\", or kmip.encoding = \"ttlv\"",
    ),
    (
        &[TLS, CERTIFICATE, "kmip.password_file = \"p\""],
        "7:22: slot.kmip.password_file: a password needs a user; write kmip.username as well",
    ),
    (
        &[TLS, CERTIFICATE, "kmip.pin = \"password\""],
        "7:12: slot.kmip.pin: a password needs a user; write kmip.username as well",
    ),
    (
        &[
            TLS,
            "kmip.username = \"a\"\nkmip.password_file = \"p\"\nkmip.pin = \"password\"",
        ],
        "7:12: slot.kmip.pin: \"password\" is asked for, and kmip.password_file has it already; \
         leave out one of the two",
    ),
    (
        &[
            HTTPS,
            "kmip.bearer_token_file = \"t\"\nkmip.pin = \"token\"",
        ],
        "6:12: slot.kmip.pin: \"token\" is asked for, and kmip.bearer_token_file has it already; \
         leave out one of the two",
    ),
    (
        &[
            TLS,
            CERTIFICATE,
            "kmip.tls.client_key_passphrase_file = \"p\"\nkmip.pin = \"key_passphrase\"",
        ],
        "8:12: slot.kmip.pin: \"key_passphrase\" is asked for, and kmip.tls.client_key_passphrase_file has it \
         already; leave out one of the two",
    ),
    (
        &[TLS, "kmip.username = \"a\"\nkmip.pin = \"key_passphrase\""],
        "6:12: slot.kmip.pin: there is no key that it opens; \
         write kmip.tls.client_cert and kmip.tls.client_key, or another kmip.pin",
    ),
    (
        &[
            TLS,
            "kmip.username = \"a\"\nkmip.tls.client_key_passphrase_file = \"p\"",
        ],
        "6:39: slot.kmip.tls.client_key_passphrase_file: there is no key that it opens; \
         write kmip.tls.client_cert and kmip.tls.client_key, or leave it out",
    ),
    (
        &[TLS, "kmip.tls.client_key = \"k\""],
        "5:23: slot.kmip.tls.client_key: a key is of no use without its certificate; \
         write kmip.tls.client_cert as well",
    ),
    (
        &[TLS, "kmip.tls.client_cert = \"c\""],
        "1:1: slot.kmip.tls.client_key is missing; \
         write the path of a PEM file with the certificate's private key",
    ),
    (
        &[TLS],
        "1:1: the slot has nothing by which the servers could know us; write kmip.tls.client_cert and \
         kmip.tls.client_key, or kmip.username, or kmip.bearer_token_file",
    ),
];

#[test]
fn contradictions_say_what_to_write() {
    for (lines, expected) in CONTRADICTIONS {
        assert_eq!(message(&format!("{BARE}{}", lines.concat())), *expected);
    }
}
