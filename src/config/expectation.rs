//! What each key may hold, in the words that end an error message ("write ...").

const DEVICE_TEXT: &str = "a text that the servers know this device by";

/// Key and what is allowed.
const EXPECTED: &[(&str, &str)] = &[
    ("log", "a table: [log]"),
    (
        "log.level",
        "one of \"off\", \"error\", \"warn\", \"info\", \"debug\"",
    ),
    (
        "log.target",
        "\"syslog\", \"none\" or the absolute path of a file",
    ),
    (
        "slot",
        "a [[slot]] table, with two brackets, for each token",
    ),
    (
        "slot.label",
        "a name of 1 to 31 bytes, different for each slot",
    ),
    (
        "slot.delivery",
        "a table: delivery.wrapping_key = \"label\", delivery.wrap = ...",
    ),
    (
        "slot.delivery.wrapping_key",
        "the label of the wrapping key in the HSM, 1 to 64 bytes",
    ),
    (
        "slot.delivery.wrap",
        "one of \"aes-kw\", \"aes-kwp\", \"rsa-oaep\", \"rsa-aes\"",
    ),
    ("slot.delivery.oaep_hash", "\"sha1\" or \"sha256\""),
    (
        "slot.delivery.keep",
        "a time from \"1s\" to \"1day\", for example \"5m\"",
    ),
    ("slot.delivery.uses", "a whole number from 1 to 1000000000"),
    (
        "slot.kmip",
        "a table: kmip.servers = [...], kmip.tls.ca = ...",
    ),
    (
        "slot.kmip.servers",
        "a list of one or more \"host\", \"host:port\", \"[address]:port\" or \"https://host:port/path\"",
    ),
    ("slot.kmip.port", "a whole number from 1 to 65535"),
    (
        "slot.kmip.protocol",
        "\"auto\", \"1.0\", \"1.1\", \"1.2\", \"1.3\", \"1.4\", \"2.0\" or \"2.1\", in quotes",
    ),
    (
        "slot.kmip.deadline",
        "a time from \"1ms\" to \"10m\", for example \"5s\" or \"500ms\"",
    ),
    ("slot.kmip.encoding", "\"ttlv\" or \"json\""),
    ("slot.kmip.order", "\"ordered\" or \"balanced\""),
    ("slot.kmip.connections", "a whole number from 1 to 256"),
    (
        "slot.kmip.idle",
        "a time from \"0s\" to \"1h\", for example \"60s\"",
    ),
    (
        "slot.kmip.max_age",
        "a time from \"1s\" to \"1day\", for example \"10m\"",
    ),
    (
        "slot.kmip.username",
        "the name by which the servers know us",
    ),
    (
        "slot.kmip.password_file",
        "the path of a file with the password of kmip.username",
    ),
    (
        "slot.kmip.device",
        "a table: kmip.device.serial_number = ...",
    ),
    ("slot.kmip.device.serial_number", DEVICE_TEXT),
    (
        "slot.kmip.device.password_file",
        "the path of a file with the device's password",
    ),
    ("slot.kmip.device.device_identifier", DEVICE_TEXT),
    ("slot.kmip.device.network_identifier", DEVICE_TEXT),
    ("slot.kmip.device.machine_identifier", DEVICE_TEXT),
    ("slot.kmip.device.media_identifier", DEVICE_TEXT),
    (
        "slot.kmip.bearer_token_file",
        "the path of a file with the token that https servers know us by",
    ),
    (
        "slot.kmip.pin",
        "\"password\", \"token\" or \"key_passphrase\"",
    ),
    ("slot.kmip.tls", "a table: kmip.tls.ca = ..."),
    (
        "slot.kmip.tls.ca",
        "the path of a PEM file with the certificates that sign the servers'",
    ),
    (
        "slot.kmip.tls.client_cert",
        "the path of a PEM file with our certificate and its chain",
    ),
    (
        "slot.kmip.tls.client_key",
        "the path of a PEM file with the certificate's private key",
    ),
    (
        "slot.kmip.tls.client_key_passphrase_file",
        "the path of a file with the passphrase of kmip.tls.client_key",
    ),
    ("slot.kmip.tls.server_name", "a host name or an IP address"),
    ("slot.hsm", "a table: hsm.module = ..."),
    (
        "slot.hsm.module",
        "the path of another PKCS#11 module's shared object",
    ),
    ("slot.hsm.token", "the token's label"),
    ("slot.hsm.serial", "the token's serial number"),
    (
        "slot.hsm.uri",
        "\"pkcs11:token=...\", with token, serial, manufacturer, model or slot-id",
    ),
    ("slot.hsm.slot", "the number of the token's slot"),
    (
        "slot.hsm.pin_file",
        "the path of a file with the token's PIN",
    ),
    (
        "slot.hsm.pin_env",
        "the name of an environment variable with the token's PIN",
    ),
    ("slot.hsm.sessions", "a whole number from 1 to 256"),
    ("slot.hsm.process", "true or false"),
    ("slot.hsm.program", "the path of the program kmip-p11-hsm"),
    (
        "slot.hsm.deadline",
        "a time from \"1ms\" to \"10m\", for example \"10s\"",
    ),
    (
        "slot.keystore",
        "a table: keystore.path = ..., keystore.seal = ...",
    ),
    ("slot.keystore.path", "the path of an SQLite file"),
    (
        "slot.keystore.postgres",
        "a connection string, for example \"host=db.example.org user=alice dbname=keys\"",
    ),
    (
        "slot.keystore.password_file",
        "the path of a file with the password of the Postgres user",
    ),
    ("slot.keystore.tls", "a table: keystore.tls.ca = ..."),
    (
        "slot.keystore.tls.ca",
        "the path of a PEM file with the certificates that sign the Postgres server's",
    ),
    (
        "slot.keystore.tls.client_cert",
        "the path of a PEM file with our certificate for the Postgres server",
    ),
    (
        "slot.keystore.tls.client_key",
        "the path of a PEM file with that certificate's private key",
    ),
    (
        "slot.keystore.seal",
        "\"pin\", \"file\", \"hsm\" or \"kmip\"",
    ),
    (
        "slot.keystore.seal_file",
        "the path of a file with the key that opens the keystore",
    ),
    (
        "slot.keystore.seal_key",
        "the name of the key that opens the keystore",
    ),
    (
        "slot.keys",
        "a table: keys.groups = [...], keys.names = [...]",
    ),
    ("slot.keys.groups", "a list of object groups, or [] for any"),
    (
        "slot.keys.names",
        "a list of names with the wildcards * and ?, or [] for any",
    ),
    (
        "slot.keys.types",
        "a list of \"rsa\", \"ecdsa-p256\", \"ecdsa-p384\", \"ecdsa-p521\", \"ed25519\"",
    ),
    (
        "slot.keys.states",
        "a list of \"pre-active\", \"active\", \"deactivated\", \"compromised\"",
    ),
    ("slot.keys.local_use", "true or false"),
    ("slot.cache", "a table: cache.ttl = ..."),
    (
        "slot.cache.ttl",
        "a time from \"0s\" to \"1day\", for example \"60s\"",
    ),
    (
        "slot.cache.min_refresh",
        "a time from \"0s\" to \"1h\", for example \"2s\"",
    ),
    (
        "slot.cache.stale",
        "a time from \"0s\" to \"30days\", for example \"1day\"",
    ),
    ("slot.cache.disk", "true or false"),
    ("slot.cache.disk_directory", "the path of a directory"),
    (
        "slot.cache.disk_age",
        "a time from \"1s\" to \"30days\", for example \"1h\"",
    ),
];

/// What the key may hold; `None` for a key that does not exist.
pub fn expected(key: &str) -> Option<&'static str> {
    EXPECTED
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, allowed)| *allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_every_key() {
        let example = include_str!("../../examples/config.toml");
        for (key, allowed) in EXPECTED
            .iter()
            .filter(|(_, allowed)| !allowed.contains("table"))
        {
            let written = key.trim_start_matches("slot.").trim_start_matches("log.");
            let has = |line: &str| {
                line.trim_start_matches('#')
                    .starts_with(&format!("{written} = "))
            };
            assert!(example.lines().any(has), "{key}: {allowed}");
        }
    }

    #[test]
    fn the_documentation_has_every_key() {
        let page = include_str!("../../docs/configuration.md");
        for (key, allowed) in EXPECTED
            .iter()
            .filter(|(_, allowed)| !allowed.contains("table"))
        {
            let row = format!("| `{}` |", key.trim_start_matches("slot."));
            assert!(page.contains(&row), "{key}: {allowed}");
        }
    }

    #[test]
    fn keys_are_found_by_their_whole_name() {
        assert_eq!(expected("slot.keys.local_use"), Some("true or false"));
        assert_eq!(expected("local_use"), None);
    }
}
