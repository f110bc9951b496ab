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
    pub tls: Tls,
}

/// `slot.kmip.tls`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    pub ca: Option<Text>,
    pub client_cert: Option<Text>,
    pub client_key: Option<Text>,
    pub server_name: Option<Text>,
}

/// `slot.keys`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    pub groups: Vec<Text>,
    pub names: Vec<Text>,
    pub types: Option<Spanned<Vec<Text>>>,
    pub local_use: Option<bool>,
}

/// `slot.cache`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    pub ttl: Option<Text>,
    pub min_refresh: Option<Text>,
}
