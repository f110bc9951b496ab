//! An X.509 certificate, as far as PKCS#11 and the pairing with a key want to know it.

use cryptoki_sys::*;
use der::{Decode, Encode};
use x509_cert::Certificate as X509;

use super::attribute::Attributes;
use super::key::ObjectId;
use super::public_key::{PublicKey, PublicKeyError};

/// A certificate that was parsed once; its DER is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its name in the token.
    pub id: ObjectId,
    /// The key it speaks of.
    pub public_key: PublicKey,
    der: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
}

impl Certificate {
    /// From the DER of an X.509 certificate (RFC 5280).
    pub fn from_der(id: ObjectId, der: &[u8]) -> Result<Self, PublicKeyError> {
        let parsed = X509::from_der(der)?;
        let body = parsed.tbs_certificate();
        let spki = body.subject_public_key_info().to_der()?;
        Ok(Self {
            id,
            public_key: PublicKey::from_spki(&spki)?,
            der: der.to_vec(),
            subject: body.subject().to_der()?,
            issuer: body.issuer().to_der()?,
            serial: body.serial_number().to_der()?,
        })
    }

    /// The certificate as it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's DER: the CKA_SUBJECT of the certificate and of its key.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The issuer's DER: CKA_ISSUER.
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The serial number's DER: CKA_SERIAL_NUMBER.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// What PKCS#11 tells of a certificate (v3.2, 4.6.3), without ID and label.
    pub fn attributes(&self) -> Attributes {
        Attributes::default()
            .ulong(CKA_CLASS, CKO_CERTIFICATE)
            .ulong(CKA_CERTIFICATE_TYPE, CKC_X_509)
            .bool(CKA_TRUSTED, false)
            .ulong(CKA_CERTIFICATE_CATEGORY, CK_CERTIFICATE_CATEGORY_TOKEN_USER)
            .bytes(CKA_SUBJECT, self.subject.clone())
            .bytes(CKA_ISSUER, self.issuer.clone())
            .bytes(CKA_SERIAL_NUMBER, self.serial.clone())
            .bytes(CKA_VALUE, self.der.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["host".to_owned()]);
        made.unwrap().cert.der().to_vec()
    }

    fn parsed(der: &[u8]) -> Result<Certificate, PublicKeyError> {
        Certificate::from_der(ObjectId("1".into()), der)
    }

    #[test]
    fn a_certificate_is_kept_as_it_came() {
        let der = certificate();
        let attributes = parsed(&der).unwrap().attributes();
        assert_eq!(attributes.get(CKA_VALUE), Some(&der[..]));
        let subject = attributes.get(CKA_SUBJECT).unwrap();
        assert!(!subject.is_empty() && attributes.get(CKA_ISSUER) == Some(subject));
        assert_eq!(attributes.get(CKA_SERIAL_NUMBER).unwrap()[0], 2);
    }

    #[test]
    fn what_is_cut_longer_or_mangled_is_an_error_at_worst() {
        let der = certificate();
        for end in 0..der.len() {
            assert!(parsed(&der[..end]).is_err());
        }
        assert!(parsed(&[&der[..], &[0]].concat()).is_err());
        for place in 0..der.len() {
            for byte in [0, 1, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut mangled = der.clone();
                mangled[place] = byte;
                let _ = parsed(&mangled).map(|certificate| certificate.attributes());
            }
        }
    }
}
