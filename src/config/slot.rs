//! `[[slot]]`: a token that programs see, and what is behind it.

use std::collections::HashMap;

use toml::Spanned;

use super::cache::Cache;
use super::complaint::{Complaint, read};
use super::delivery::Delivered;
use super::file_path::Base;
use super::hsm::Hsm;
use super::keys::KeyFilter;
use super::keystore::{Database, Keystore};
use super::kmip::Kmip;
use super::syntax;

/// A token label has room for 32 bytes, but OpenSSH cuts the last one off.
const LONGEST_LABEL: usize = 31;

const NO_BACKEND: &str = "the slot has no back end; write kmip.servers = [\"host\"] and the other kmip keys, keystore.path or hsm.module";

const TWO_BACKENDS: &str = "the slot has hsm.module and another back end; write a [[slot]] table for each, or \
     delivery.wrapping_key if the HSM is to use keys of the KMIP server";

/// A slot and its token.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// The token's label: 1 to 31 bytes, no control characters, unique.
    pub label: String,
    /// Where the keys are.
    pub backend: Backend,
    /// Which keys are shown.
    pub keys: KeyFilter,
    /// How long a listing lives.
    pub cache: Cache,
}

/// Where a slot's keys are. A slot has exactly one back end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // there are as many as there are slots
pub enum Backend {
    /// On KMIP servers.
    Kmip(Kmip),
    /// In a database of our own.
    Keystore(Keystore),
    /// In a token of another PKCS#11 module.
    Hsm(Hsm),
    /// On KMIP servers, for an HSM that uses them.
    Delivered(Delivered),
}

/// All slots: at least one, with labels that differ.
pub(super) fn read_all(
    written: &[Spanned<syntax::Slot>],
    base: &Base,
) -> Result<Vec<Slot>, Complaint> {
    if written.is_empty() {
        return Err(Complaint::said(
            0..0,
            "the file has no slot; write a [[slot]] table for each token",
        ));
    }
    labels_differ(written)?;
    written.iter().map(|slot| Slot::read(slot, base)).collect()
}

fn labels_differ(written: &[Spanned<syntax::Slot>]) -> Result<(), Complaint> {
    let mut seen = HashMap::new();
    for (number, slot) in (1..).zip(written) {
        let Some(label) = &slot.get_ref().label else {
            continue;
        };
        if let Some(first) = seen.insert(label.get_ref(), number) {
            return Err(Complaint::about(
                label,
                format!("{:?} is already the label of slot {first}", label.get_ref()),
            ));
        }
    }
    Ok(())
}

impl Slot {
    fn read(slot: &Spanned<syntax::Slot>, base: &Base) -> Result<Self, Complaint> {
        let written = slot.get_ref();
        let text = written
            .label
            .as_ref()
            .ok_or_else(|| Complaint::missing(slot.span(), "slot.label"))?;
        Ok(Self {
            label: read(text, |text| label(text))?,
            backend: Backend::read(slot, base)?,
            keys: KeyFilter::read(&written.keys)?,
            cache: Cache::read(&written.cache, base)?,
        })
    }
}

impl Backend {
    /// What kind of place it is, in a word or two for people.
    pub fn kind(&self) -> String {
        match self {
            Self::Kmip(kmip) => format!("KMIP {}", kmip.protocol),
            Self::Keystore(Keystore { database, .. }) => match database {
                Database::Sqlite(_) => "keystore".into(),
                Database::Postgres(_) => "keystore in Postgres".into(),
            },
            Self::Hsm(_) => "HSM".into(),
            Self::Delivered(both) => format!("KMIP {}, used in an HSM", both.kmip.protocol),
        }
    }

    /// What people call such a place.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Kmip(_) => "server",
            Self::Keystore(_) => "keystore",
            Self::Hsm(_) => "HSM",
            Self::Delivered(_) => "server",
        }
    }

    /// Where that place is, in the order in which it is tried.
    pub fn places(&self) -> Vec<String> {
        let servers = |kmip: &Kmip| kmip.servers.iter().map(ToString::to_string).collect();
        let module = |hsm: &Hsm| hsm.module.display().to_string();
        match self {
            Self::Kmip(kmip) => servers(kmip),
            Self::Keystore(Keystore { database, .. }) => match database {
                Database::Sqlite(path) => vec![path.display().to_string()],
                Database::Postgres(postgres) => vec![postgres.connection.clone()],
            },
            Self::Hsm(hsm) => vec![module(hsm)],
            Self::Delivered(both) => {
                let mut places: Vec<_> = servers(&both.kmip);
                places.push(module(&both.hsm));
                places
            }
        }
    }

    fn read(slot: &Spanned<syntax::Slot>, base: &Base) -> Result<Self, Complaint> {
        let written = slot.get_ref();
        if let Some(delivery) = &written.delivery {
            return Ok(Self::Delivered(Delivered::read(delivery, slot, base)?));
        }
        if let Some(keystore) = &written.keystore {
            let keystore = Keystore::read(keystore, written, slot.span(), base)?;
            return Ok(Self::Keystore(keystore));
        }
        match (&written.hsm, &written.kmip) {
            (Some(_), Some(_)) => Err(Complaint::said(slot.span(), TWO_BACKENDS)),
            (Some(hsm), None) => {
                knows_the_filter(&written.keys)?;
                Ok(Self::Hsm(Hsm::read(hsm, slot.span(), base)?))
            }
            (None, Some(kmip)) => Ok(Self::Kmip(Kmip::read(kmip, slot.span(), base)?)),
            (None, None) => Err(Complaint::said(slot.span(), NO_BACKEND)),
        }
    }
}

/// An HSM has no word for some of what keys are chosen by.
fn knows_the_filter(keys: &syntax::Keys) -> Result<(), Complaint> {
    if let Some(group) = keys.groups.first() {
        let sentence = "slot.keys.groups: an HSM has no object groups; write keys.names instead";
        return Err(Complaint::said(group.span(), sentence));
    }
    match &keys.local_use {
        Some(local_use) if *local_use.get_ref() => Err(Complaint::said(
            local_use.span(),
            "slot.keys.local_use: an HSM gives no private keys out; leave it out",
        )),
        _ => Ok(()),
    }
}

fn label(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the label is empty".into());
    }
    if text.len() > LONGEST_LABEL {
        return Err(format!("{text:?} has {} bytes", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?} has a control character"));
    }
    // PKCS#11 pads labels with blanks, so they would not be seen.
    if text.trim() != text {
        return Err(format!("{text:?} begins or ends with a blank"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_1_to_31_bytes() {
        assert_eq!(label("prod"), Ok("prod".into()));
        assert!(label(&"x".repeat(31)).is_ok());
        assert_eq!(label(""), Err("the label is empty".into()));
        assert!(
            label(&"x".repeat(32))
                .unwrap_err()
                .ends_with("has 32 bytes")
        );
        assert!(
            label(&"ä".repeat(16))
                .unwrap_err()
                .ends_with("has 32 bytes")
        );
    }

    #[test]
    fn labels_are_plain() {
        for text in ["a\nb", " a", "a ", "a\u{7f}"] {
            assert!(label(text).is_err(), "{text:?}");
        }
        assert!(label("web servers").is_ok());
    }
}
