//! An X.509 certificate of a key as this tool tells of it.

use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::Key;
use pem_rfc7468::LineEnding;
use serde::Serialize;

use crate::failure::one_line;
use crate::table::table;

/// What is known of a certificate. The names of the fields stay.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateRecord {
    /// Its unique identifier.
    pub id: String,
    /// Whose it is (RFC 4514).
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// RFC 3339, UTC.
    pub not_before: String,
    /// RFC 3339, UTC.
    pub not_after: String,
    /// RFC 7468, 5.
    pub pem: String,
}

impl CertificateRecord {
    /// Those of a key, in the order of its slot.
    pub fn all(key: &Key) -> Vec<Self> {
        key.certificates.iter().filter_map(Self::of).collect()
    }

    /// Of one certificate. A certificate of the model has been parsed before: it does have these.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let told = certificate.statement().ok()?;
        let pem = pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, certificate.der());
        Some(Self {
            id: certificate.id.to_string(),
            subject: told.subject,
            issuer: told.issuer,
            serial: told.serial,
            not_before: told.not_before,
            not_after: told.not_after,
            pem: pem.ok()?,
        })
    }

    /// All of them, one in a row.
    pub fn table(all: &[Self]) -> String {
        let headings = ["CERTIFICATE", "SUBJECT", "ISSUER", "FROM", "UNTIL"];
        let row = |it: &Self| {
            let cells = [
                &it.id,
                &it.subject,
                &it.issuer,
                &it.not_before,
                &it.not_after,
            ];
            cells.map(|cell| one_line(cell)).into()
        };
        table(&headings, all.iter().map(row))
    }
}
