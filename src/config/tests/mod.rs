//! The text of the file as a whole: what is read from it, and the messages about what is wrong.

mod credentials;
mod files;
mod keystore;

use std::time::Duration;

use super::*;

const MINIMAL: &str = r#"
[[slot]]
label = "prod"
kmip.servers = ["kmip1.example.org"]
kmip.tls.ca = "ca.pem"
kmip.tls.client_cert = "client.pem"
kmip.tls.client_key = "/keys/client.key"
"#;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/kmip-p11/config.toml")).map_err(|error| error.to_string())
}

/// The message about `text`, without the file's name.
fn message(text: &str) -> String {
    let message = parse(text).unwrap_err();
    message
        .strip_prefix("/etc/kmip-p11/config.toml:")
        .unwrap_or(&message)
        .to_owned()
}

/// The message about the minimal file with more lines in its slot.
fn message_with(lines: &str) -> String {
    message(&format!("{MINIMAL}{lines}\n"))
}

fn only_slot(config: &Config) -> (&Slot, &Kmip) {
    let slot = config.slots.first().unwrap();
    let Backend::Kmip(kmip) = &slot.backend else {
        panic!("{slot:?}")
    };
    (slot, kmip)
}

#[test]
fn a_minimal_file_gets_the_defaults() {
    let config = parse(MINIMAL).unwrap();
    let (slot, kmip) = only_slot(&config);
    assert_eq!(config.log, Log::default());
    assert_eq!(slot.label, "prod");
    assert_eq!(slot.keys, KeyFilter::default());
    assert_eq!(
        slot.cache,
        Cache {
            ttl: Duration::from_secs(60),
            min_refresh: Duration::from_secs(2),
            stale: Duration::from_secs(24 * 3600),
            disk: None
        }
    );
    assert_eq!(
        kmip.servers,
        [Server {
            host: "kmip1.example.org".into(),
            port: 5696,
            path: None
        }]
    );
    assert_eq!(kmip.protocol, Protocol::Auto);
    assert_eq!(kmip.deadline, Duration::from_secs(5));
    assert_eq!(kmip.tls.ca, Path::new("/etc/kmip-p11/ca.pem"));
    let client_key = kmip.tls.client_key.as_deref();
    assert_eq!(client_key, Some(Path::new("/keys/client.key")));
    assert_eq!(
        (kmip.order, kmip.encoding),
        (Order::Ordered, Encoding::Ttlv)
    );
    assert_eq!(kmip.connections, Connections::default());
    assert_eq!(kmip.credentials, Credentials::default());
    assert_eq!(kmip.pin, None);
    assert_eq!(kmip.tls.server_name, None);
}

#[test]
fn tables_and_dotted_keys_mean_the_same() {
    let tables = r#"
        [[slot]]
        label = "prod"
        [slot.kmip]
        servers = ["kmip1.example.org"]
        [slot.kmip.tls]
        ca = "ca.pem"
        client_cert = "client.pem"
        client_key = "/keys/client.key"
    "#;
    assert_eq!(parse(tables), parse(MINIMAL));
}

const EVERY_KEY: &str = r#"
        kmip.port = 1234
        kmip.protocol = "1.4"
        kmip.deadline = "500ms"
        kmip.order = "balanced"
        kmip.connections = 256
        kmip.idle = "0s"
        kmip.max_age = "1day"
        kmip.tls.server_name = "kmip.internal"
        keys.groups = ["ssh", "hosts"]
        keys.names = ["web-*"]
        keys.types = ["ed25519", "rsa", "rsa"]
        keys.states = ["deactivated", "active", "active"]
        keys.local_use = true
        cache.ttl = "5m"
        cache.min_refresh = "0s"
        cache.stale = "30days"
        cache.disk = true
        cache.disk_directory = "kept"
        cache.disk_age = "1s"
        [log]
        level = "debug"
        target = "/var/log/kmip-p11.log"
    "#;

#[test]
fn every_key_is_read() {
    let config = parse(&format!("{MINIMAL}{EVERY_KEY}")).unwrap();
    let (slot, kmip) = only_slot(&config);
    assert_eq!(config.log.level, ::log::LevelFilter::Debug);
    assert_eq!(
        config.log.target,
        Target::File("/var/log/kmip-p11.log".into())
    );
    assert_eq!(kmip.servers.first().unwrap().port, 1234);
    assert_eq!(kmip.protocol, Protocol::Version { major: 1, minor: 4 });
    assert_eq!(kmip.deadline, Duration::from_millis(500));
    assert_eq!(kmip.order, Order::Balanced);
    let connections = Connections {
        most: 256,
        idle: Duration::ZERO,
        max_age: Duration::from_secs(24 * 3600),
    };
    assert_eq!(kmip.connections, connections);
    assert_eq!(kmip.tls.server_name.as_deref(), Some("kmip.internal"));
    assert_eq!(slot.keys.groups, ["ssh", "hosts"]);
    assert!(slot.keys.names.matches("web-1") && !slot.keys.names.matches("db"));
    assert_eq!(slot.keys.types, [KeyKind::Ed25519, KeyKind::Rsa]);
    let states = [KeyState::Deactivated, KeyState::Active];
    assert_eq!(slot.keys.states, states);
    assert!(slot.keys.local_use);
    assert_eq!(
        slot.cache,
        Cache {
            ttl: Duration::from_secs(300),
            min_refresh: Duration::ZERO,
            stale: Duration::from_secs(30 * 24 * 3600),
            disk: Some(Disk {
                directory: "/etc/kmip-p11/kept".into(),
                age: Duration::from_secs(1)
            })
        }
    );
}

const EXAMPLE: &str = include_str!("../../../examples/config.toml");

#[test]
fn the_example_shows_the_defaults() {
    // Those of the client certificate have none either: one credential is needed.
    const WITHOUT_DEFAULT: [&str; 6] = [
        "[[slot]]",
        "label",
        "kmip.servers",
        "kmip.tls.ca",
        "kmip.tls.client_cert",
        "kmip.tls.client_key",
    ];
    let is_needed = |line: &&str| WITHOUT_DEFAULT.contains(&line.split(" =").next().unwrap());
    let needed: Vec<&str> = EXAMPLE.lines().filter(is_needed).collect();
    assert_eq!(needed.len(), WITHOUT_DEFAULT.len());
    assert_eq!(parse(EXAMPLE), parse(&needed.join("\n")));
    assert!(parse(EXAMPLE).is_ok());
}

#[test]
fn the_examples_of_the_documentation_parse() {
    let page = include_str!("../../../docs/configuration.md");
    let examples: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        assert_eq!(parse(example).err(), None, "{example}");
    }
}

/// Wrong lines at the end of a good file, and what is said of them.
const MESSAGES: &[(&str, &str)] = &[
    (
        "kmip.deadlin = \"5s\"",
        "8:6: slot.kmip.deadlin: there is no such key (did you mean \"deadline\"?); \
             allowed here: servers, port, protocol, deadline, encoding, order, connections, idle, max_age, tls, \
             username, password_file, device, bearer_token_file, pin",
    ),
    (
        "kmip.tls.client-cert = \"c.pem\"",
        "8:10: slot.kmip.tls.client-cert: there is no such key (did you mean \"client_cert\"?); \
             allowed here: ca, client_cert, client_key, client_key_passphrase_file, server_name",
    ),
    (
        "pin = 1",
        "8:1: slot.pin: there is no such key; allowed here: label, kmip, keystore, hsm, delivery, keys, cache",
    ),
    (
        "[logs]",
        "8:2: logs: there is no such key (did you mean \"log\"?); allowed here: log, slot",
    ),
    (
        "kmip.port = \"5696\"",
        "8:13: slot.kmip.port: wrong type: string \"5696\"; write a whole number from 1 to 65535",
    ),
    (
        "kmip.port = 70000",
        "8:13: slot.kmip.port: 70000 is not a port; write a whole number from 1 to 65535",
    ),
    (
        "kmip.deadline = \"0s\"",
        "8:17: slot.kmip.deadline: \"0s\" is too short; \
             write a time from \"1ms\" to \"10m\", for example \"5s\" or \"500ms\"",
    ),
    (
        "keys.types = [\"rsa\", \"ecdsa-p265\"]",
        "8:22: slot.keys.types: \"ecdsa-p265\" is not a type of key (did you mean \"ecdsa-p256\"?); \
             write a list of \"rsa\", \"ecdsa-p256\", \"ecdsa-p384\", \"ecdsa-p521\", \"ed25519\"",
    ),
    (
        "keys.local_use = \"yes\"",
        "8:18: slot.keys.local_use: wrong type: string \"yes\"; write true or false",
    ),
    (
        "[log]\nlevel = \"warning\"",
        "9:9: log.level: \"warning\" is not known (did you mean \"warn\"?); \
             write one of \"off\", \"error\", \"warn\", \"info\", \"debug\"",
    ),
    (
        "[[slot]]\nlabel = \"prod\"",
        "9:9: slot.label: \"prod\" is already the label of slot 1; \
             write a name of 1 to 31 bytes, different for each slot",
    ),
    (
        "[[slot]]",
        "8:1: slot.label is missing; write a name of 1 to 31 bytes, different for each slot",
    ),
    (
        "[[slot]]\nlabel = \"b\"",
        "8:1: the slot has no back end; write kmip.servers = [\"host\"] and the other kmip keys, \
             keystore.path or hsm.module",
    ),
    (
        "[[slot]]\nlabel = \"b\"\nkmip.servers = [\"a\"]",
        "8:1: slot.kmip.tls.ca is missing; \
             write the path of a PEM file with the certificates that sign the servers'",
    ),
    (
        "[[slot]]\nlabel = \"b\"\nkmip.servers = [\"a\", \"http://b\"]",
        "10:22: slot.kmip.servers: \"http://b\": passwords and keys would travel in the clear; \
             only https:// is spoken; write a list of one or more \"host\", \"host:port\", \
             \"[address]:port\" or \"https://host:port/path\"",
    ),
    ("kmip.tls = 5", "8:6: not TOML at \"tls\": duplicate key"),
    (
        "label = bare",
        "8:9: not TOML at \"bare\": string values must be quoted, expected literal string",
    ),
];

#[test]
fn messages_name_line_key_and_fix() {
    for (lines, expected) in MESSAGES {
        assert_eq!(message_with(lines), *expected);
    }
}

#[test]
fn every_wrong_value_is_refused_where_it_stands() {
    for lines in [
        "kmip.port = 0",
        "kmip.protocol = 1.4",
        "kmip.protocol = \"3.0\"",
        "kmip.deadline = 5",
        "kmip.deadline = \"11m\"",
        "kmip.tls.server_name = \"a b\"",
        "keys.groups = [\"\"]",
        "keys.names = [\"a\", 3]",
        "keys.types = []",
        "keys.types = \"rsa\"",
        "keys.states = []",
        "keys.states = [\"destroyed\"]",
        "kmip.order = \"random\"",
        "kmip.encoding = \"xml\"",
        "kmip.connections = 0",
        "kmip.connections = 257",
        "kmip.idle = \"2h\"",
        "kmip.max_age = \"0s\"",
        "kmip.username = \"\"",
        "kmip.password_file = \"\"",
        "kmip.device.serial_number = \"a\\nb\"",
        "kmip.device = {}",
        "kmip.pin = \"1234\"",
        "cache.stale = \"31days\"",
        "cache.disk = \"yes\"",
        "cache.disk_age = \"0s\"",
        "cache.ttl = \"2days\"",
        "cache.min_refresh = true",
    ] {
        let (key, message) = (lines.split(" =").next().unwrap(), message_with(lines));
        assert!(message.starts_with("8:"), "{message}");
        assert!(message.contains(&format!(" slot.{key}: ")), "{message}");
        assert!(message.contains("; write "), "{message}");
    }
}

#[test]
fn a_file_without_slots_is_refused() {
    let fix = "write a [[slot]] table for each token";
    assert_eq!(message(""), format!("1:1: the file has no slot; {fix}"));
    assert_eq!(
        message("\u{feff}[log]\n"),
        format!("1:1: the file has no slot; {fix}")
    );
    for text in ["[slot]\nlabel = \"a\"", "slot = 3"] {
        let message = message(text);
        assert!(message.contains(" slot: wrong type: "), "{message}");
        assert!(
            message.ends_with("write a [[slot]] table, with two brackets, for each token"),
            "{message}"
        );
    }
}
