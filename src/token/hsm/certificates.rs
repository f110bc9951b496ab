//! X.509 certificates of keys in a module: objects with the CKA_ID and the CKA_LABEL of their key.

use cryptoki::object::{Attribute, CertificateType, ObjectClass};

use super::HsmToken;
use super::device::{Fault, FaultKind, Reply, Request};
use super::pairing::certificate_id;
use super::template::named;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId};
use crate::token::Token;

impl HsmToken {
    /// C_CreateObject of a CKO_CERTIFICATE, unless the key has it already.
    pub(super) fn take_certificate(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.opened()?;
        let certificate = self.certificate_of(key, certificate_id(der), der)?;
        let key = self.key_now(key)?;
        if key.certificates.contains(&certificate) {
            return Ok(certificate);
        }
        let request = Request::TakeCertificate {
            label: key.name.clone(),
            id: key.key_id.clone(),
            certificate: der.to_vec(),
        };
        self.ask(&request)?;
        // Which objects the key is now.
        self.pairs()?;
        Ok(certificate)
    }

    /// C_DestroyObject of it, as often as it is there.
    pub(super) fn destroy_certificate(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.opened()?;
        self.key_now(key)?;
        let holders = self.holders(key)?.certificates.into_iter();
        let handles: Vec<_> = holders
            .filter(|(id, _)| id == certificate)
            .map(|(_, handle)| handle)
            .collect();
        if handles.is_empty() {
            let reason = format!("key {:?} has no certificate {certificate}", key.name);
            return Err(self.error(TokenErrorKind::Gone, reason));
        }
        let answer = self.ask(&Request::Destroy(handles));
        self.holders.write().remove(&key.id);
        match answer? {
            Reply::Done => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    /// The key as it is in the token now.
    fn key_now(&self, key: &Key) -> Result<Key> {
        let found = self.pairs()?.found;
        let hidden = found.hidden.into_iter().filter_map(|hidden| hidden.key);
        let mut keys = found.keys.into_iter().chain(hidden);
        keys.find(|held| held.id == key.id)
            .ok_or_else(|| self.gone(key))
    }

    /// The error for a key that is not there.
    pub(super) fn gone(&self, key: &Key) -> Error {
        let reason = format!("key {:?} ({}) is no longer in the token", key.name, key.id);
        self.error(TokenErrorKind::Gone, reason)
    }
}

/// The template of an X.509 certificate (v3.2, 4.6.3).
pub fn template_of(label: &str, id: &[u8], der: &[u8]) -> Result<Vec<Attribute>, Fault> {
    let parsed = Certificate::from_der(ObjectId(String::new()), der);
    let certificate = parsed.map_err(|it| Fault::new(FaultKind::Input, it.to_string()))?;
    let mut template = named(label, id);
    template.extend([
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Private(false),
        Attribute::Subject(certificate.subject().to_vec()),
        Attribute::Issuer(certificate.issuer().to_vec()),
        Attribute::SerialNumber(certificate.serial().to_vec()),
        Attribute::Value(der.to_vec()),
    ]);
    Ok(template)
}
