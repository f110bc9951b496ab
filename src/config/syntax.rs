//! The file as it is written: its tables and keys, before anything is said about their values.

use serde::Deserialize;
use toml::Spanned;

/// A text and where it stands.
pub type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub log: Log,
    pub slot: Vec<Spanned<Slot>>,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: Option<Text>,
    pub target: Option<Text>,
}

/// `[[slot]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Slot {
    pub label: Option<Text>,
    pub kmip: Option<Kmip>,
    pub keystore: Option<Keystore>,
    pub hsm: Option<Hsm>,
    pub delivery: Option<Spanned<Delivery>>,
    pub keys: Keys,
    pub cache: Cache,
}

/// `slot.kmip`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kmip {
    pub servers: Option<Spanned<Vec<Text>>>,
    pub port: Option<Spanned<i64>>,
    pub protocol: Option<Text>,
    pub deadline: Option<Text>,
    pub encoding: Option<Text>,
    pub order: Option<Text>,
    pub connections: Option<Spanned<i64>>,
    pub idle: Option<Text>,
    pub max_age: Option<Text>,
    pub tls: Tls,
    pub username: Option<Text>,
    pub password_file: Option<Text>,
    pub device: Option<Spanned<Device>>,
    pub bearer_token_file: Option<Text>,
    pub pin: Option<Text>,
}

/// `slot.delivery`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    pub wrapping_key: Option<Text>,
    pub wrap: Option<Text>,
    pub oaep_hash: Option<Text>,
    pub keep: Option<Text>,
    pub uses: Option<Spanned<i64>>,
}

/// `slot.kmip.device`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    pub serial_number: Option<Text>,
    pub password_file: Option<Text>,
    pub device_identifier: Option<Text>,
    pub network_identifier: Option<Text>,
    pub machine_identifier: Option<Text>,
    pub media_identifier: Option<Text>,
}

/// `slot.kmip.tls`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    pub ca: Option<Text>,
    pub client_cert: Option<Text>,
    pub client_key: Option<Text>,
    pub client_key_passphrase_file: Option<Text>,
    pub server_name: Option<Text>,
}

/// `slot.keystore`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keystore {
    pub path: Option<Text>,
    pub postgres: Option<Text>,
    pub password_file: Option<Text>,
    pub tls: KeystoreTls,
    pub seal: Option<Text>,
    pub seal_file: Option<Text>,
    pub seal_key: Option<Text>,
}

/// `slot.keystore.tls`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeystoreTls {
    pub ca: Option<Text>,
    pub client_cert: Option<Text>,
    pub client_key: Option<Text>,
}

/// `slot.hsm`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hsm {
    pub module: Option<Text>,
    pub token: Option<Text>,
    pub serial: Option<Text>,
    pub uri: Option<Text>,
    pub slot: Option<Spanned<i64>>,
    pub pin_file: Option<Text>,
    pub pin_env: Option<Text>,
    pub sessions: Option<Spanned<i64>>,
    pub process: Option<bool>,
    pub program: Option<Text>,
    pub deadline: Option<Text>,
}

/// `slot.keys`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    pub groups: Vec<Text>,
    pub names: Vec<Text>,
    pub types: Option<Spanned<Vec<Text>>>,
    pub states: Option<Spanned<Vec<Text>>>,
    pub local_use: Option<Spanned<bool>>,
}

/// `slot.cache`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    pub ttl: Option<Text>,
    pub min_refresh: Option<Text>,
    pub stale: Option<Text>,
    pub disk: Option<Spanned<bool>>,
    pub disk_directory: Option<Text>,
    pub disk_age: Option<Text>,
}
