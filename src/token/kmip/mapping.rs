//! The one table of what KMIP's attributes mean to a program of PKCS#11; `docs/attributes.md` shows it.
//!
//! Everything that a server tells of an object is shown by `kmip-ssh key show`, in this table or not.

use super::managed::Managed;
use super::own_words;
use crate::kmip::{Attribute, Value};

/// An attribute of KMIP, and what becomes of it.
pub struct Row {
    /// Its name as the specification has it (KMIP 1.4, 3; KMIP 2.1, 4).
    pub kmip: &'static str,
    /// What programs get of it.
    pub pkcs11: &'static str,
    /// When it is sent to a server, if it is.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "people read it in the document")
    )]
    pub sent: &'static str,
    /// What is taken from it, if it is read for keys.
    take: Option<fn(&mut Managed, Attribute)>,
}

impl Row {
    /// Whether a listing takes something from it.
    #[cfg(test)]
    pub fn is_read(&self) -> bool {
        self.take.is_some()
    }
}

const fn read(
    kmip: &'static str,
    pkcs11: &'static str,
    sent: &'static str,
    take: fn(&mut Managed, Attribute),
) -> Row {
    let take = Some(take);
    Row {
        kmip,
        pkcs11,
        sent,
        take,
    }
}

/// People see it with `kmip-ssh key show`, and nobody else does.
const fn shown(kmip: &'static str) -> Row {
    Row {
        kmip,
        pkcs11: "",
        sent: "",
        take: None,
    }
}

/// What programs get from elsewhere: from the key's value, or from the way this library works.
const fn derived(kmip: &'static str, pkcs11: &'static str) -> Row {
    Row {
        pkcs11,
        ..shown(kmip)
    }
}

/// The table.
pub const TABLE: &[Row] = &[
    derived("Unique Identifier", "CKA_UNIQUE_ID"),
    read(
        "Name",
        "CKA_LABEL",
        "making, renaming, searching",
        take_name,
    ),
    read("Object Type", "CKA_CLASS", "searching", take_kind),
    read(
        "Cryptographic Algorithm",
        "CKA_KEY_TYPE and CKA_PARAMETER_SET, if the value fits it",
        "making, searching in parts",
        take_algorithm,
    ),
    Row {
        sent: "making, searching in parts",
        ..derived("Cryptographic Length", "CKA_MODULUS_BITS, from the value")
    },
    Row {
        sent: "making",
        ..derived(
            "Cryptographic Domain Parameters",
            "CKA_EC_PARAMS, from the value",
        )
    },
    shown("Cryptographic Parameters"),
    shown("Digital Signature Algorithm"),
    read(
        "Cryptographic Usage Mask",
        "CKA_SIGN; of RSA keys CKA_DECRYPT and CKA_UNWRAP; all else is false, since no call here does it",
        "making",
        take_usage,
    ),
    read(
        "State",
        "whether it is shown, and CKA_SIGN",
        "searching in parts",
        take_state,
    ),
    read("Initial Date", "", "searching in parts", take_initial_date),
    read(
        "Activation Date",
        "CKA_START_DATE",
        "",
        take_activation_date,
    ),
    read(
        "Process Start Date",
        "CKA_START_DATE, before Activation Date; whether it is shown, and CKA_SIGN",
        "",
        take_process_start_date,
    ),
    read(
        "Protect Stop Date",
        "CKA_END_DATE, before Deactivation Date; whether it is shown, and CKA_SIGN",
        "",
        take_protect_stop_date,
    ),
    read(
        "Deactivation Date",
        "CKA_END_DATE; whether it is shown, and CKA_SIGN",
        "",
        take_deactivation_date,
    ),
    shown("Destroy Date"),
    shown("Compromise Occurrence Date"),
    shown("Compromise Date"),
    shown("Revocation Reason"),
    shown("Archive Date"),
    shown("Last Change Date"),
    shown("Original Creation Date"),
    shown("Lease Time"),
    shown("Usage Limits"),
    read("Object Group", "", "making, searching", take_group),
    shown("Fresh"),
    read("Link", "which halves belong together", "making", take_link),
    read(
        "Application Specific Information",
        "CKA_ID and CKA_LABEL, if its namespace is PKCS#11-CKA_ID or PKCS#11-CKA_LABEL",
        "key set-id, key set-label; making, as a mark",
        own_words::take,
    ),
    read(
        own_words::VENDORS_ID,
        "CKA_ID",
        "key set-id",
        own_words::take,
    ),
    read(
        own_words::VENDORS_LABEL,
        "CKA_LABEL",
        "key set-label",
        own_words::take,
    ),
    read(
        "Sensitive",
        "CKA_SENSITIVE is always true: no call here gives a value out",
        "making",
        |it, told| it.custody.sensitive = truth(&told),
    ),
    read(
        "Extractable",
        "CKA_EXTRACTABLE is always false; local use, if false here, too",
        "making",
        |it, told| it.custody.extractable = truth(&told),
    ),
    read(
        "Always Sensitive",
        "CKA_ALWAYS_SENSITIVE",
        "",
        |it, told| {
            it.custody.always_sensitive = truth(&told);
        },
    ),
    read(
        "Never Extractable",
        "CKA_NEVER_EXTRACTABLE",
        "",
        |it, told| {
            it.custody.never_extractable = truth(&told);
        },
    ),
    shown("Alternative Name"),
    shown("Contact Information"),
    shown("Description"),
    shown("Comment"),
    shown("Operation Policy Name"),
    shown("Digest"),
    shown("Key Format Type"),
    shown("Key Value Present"),
    shown("Key Value Location"),
    shown("Certificate Type"),
    shown("Certificate Length"),
    derived(
        "X.509 Certificate Identifier",
        "CKA_SERIAL_NUMBER, from the certificate",
    ),
    derived(
        "X.509 Certificate Subject",
        "CKA_SUBJECT, from the certificate",
    ),
    derived(
        "X.509 Certificate Issuer",
        "CKA_ISSUER, from the certificate",
    ),
];

/// Takes from an attribute what the table says.
pub fn take(managed: &mut Managed, attribute: Attribute) {
    let name = attribute.name();
    let row = TABLE.iter().find(|row| row.kmip == name);
    if let Some(take) = row.and_then(|row| row.take) {
        take(managed, attribute);
    }
}

fn take_name(managed: &mut Managed, told: Attribute) {
    if let Attribute::Name(name) = told {
        managed.names.push(name);
    }
}

fn take_kind(managed: &mut Managed, told: Attribute) {
    if let Attribute::ObjectType(kind) = told {
        managed.object_type = Some(kind);
    }
}

fn take_algorithm(managed: &mut Managed, told: Attribute) {
    if let Attribute::CryptographicAlgorithm(algorithm) = told {
        managed.algorithm = Some(algorithm);
    }
}

fn take_usage(managed: &mut Managed, told: Attribute) {
    if let Attribute::CryptographicUsageMask(mask) = told {
        managed.usage = Some(mask);
    }
}

/// A state of another type than the specification's is no leave to use the key.
fn take_state(managed: &mut Managed, told: Attribute) {
    managed.state = Some(match told {
        Attribute::State(state) => state,
        _ => crate::kmip::State(0),
    });
}

fn take_group(managed: &mut Managed, told: Attribute) {
    if let Attribute::ObjectGroup(group) = told {
        managed.groups.push(group);
    }
}

fn take_link(managed: &mut Managed, told: Attribute) {
    if let Attribute::Link { kind, id } = told {
        managed.links.push((kind, id));
    }
}

fn take_initial_date(managed: &mut Managed, told: Attribute) {
    managed.created = date(&told);
}

fn take_activation_date(managed: &mut Managed, told: Attribute) {
    managed.validity.activation = date(&told);
}

fn take_process_start_date(managed: &mut Managed, told: Attribute) {
    managed.validity.process_start = date(&told);
}

fn take_protect_stop_date(managed: &mut Managed, told: Attribute) {
    managed.validity.protect_stop = date(&told);
}

fn take_deactivation_date(managed: &mut Managed, told: Attribute) {
    managed.validity.deactivation = date(&told);
}

/// Seconds since 1970.
pub fn date(attribute: &Attribute) -> Option<i64> {
    match attribute {
        Attribute::InitialDate(date)
        | Attribute::ActivationDate(date)
        | Attribute::DeactivationDate(date)
        | Attribute::DestroyDate(date)
        | Attribute::CompromiseDate(date)
        | Attribute::LastChangeDate(date) => Some(*date),
        Attribute::Other { value, .. } => match value {
            Value::DateTime(date) => Some(*date),
            Value::DateTimeExtended(microseconds) => Some(microseconds / 1_000_000),
            _ => None,
        },
        _ => None,
    }
}

/// A boolean; none if the server told something else.
fn truth(attribute: &Attribute) -> Option<bool> {
    match attribute {
        Attribute::Sensitive(it)
        | Attribute::AlwaysSensitive(it)
        | Attribute::Extractable(it)
        | Attribute::NeverExtractable(it) => Some(*it),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document's rows, without the head.
    fn documented() -> Vec<Vec<String>> {
        let text = include_str!("../../../docs/attributes.md");
        let (table, _) = text.split_once("\n## ").expect("a heading follows");
        let rows = table.lines().filter(|line| line.starts_with("| "));
        let cells = |line: &str| -> Vec<String> {
            let inner = line.trim_matches('|').replace('`', "");
            inner
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        };
        rows.skip(1).map(cells).collect()
    }

    #[test]
    fn the_document_has_this_table() {
        let row = |row: &Row| {
            let read = if row.is_read() { "yes" } else { "" };
            [row.kmip, read, row.sent, row.pkcs11]
                .map(str::to_owned)
                .to_vec()
        };
        let table: Vec<_> = TABLE.iter().map(row).collect();
        for (code, document) in table.iter().zip(&documented()) {
            assert_eq!(code, document);
        }
        assert_eq!(table.len(), documented().len());
    }

    #[test]
    fn an_attribute_stands_there_once_and_by_its_right_name() {
        for row in TABLE {
            let named = TABLE.iter().filter(|other| other.kmip == row.kmip);
            assert_eq!(named.count(), 1, "{}", row.kmip);
            let known = crate::kmip::Tag::from_name(row.kmip).is_some();
            assert!(known || row.kmip.starts_with("x-"), "{}", row.kmip);
        }
    }
}
