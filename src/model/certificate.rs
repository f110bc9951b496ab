//! An X.509 certificate, as far as PKCS#11 and the pairing with a key want to know it.

use cryptoki_sys::*;
use der::{Decode, Encode};
use x509_cert::Certificate as X509;

use super::attribute::Attributes;
use super::key::ObjectId;
use super::public_key::{PublicKey, PublicKeyError};
use super::text::steers;

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

/// What a certificate says of itself, for people: without characters that would steer what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose it is (RFC 4514).
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// When it begins, in RFC 3339.
    pub not_before: String,
    /// When it ends.
    pub not_after: String,
}

impl Statement {
    /// Of a certificate of any key.
    pub fn of(certificate: &X509) -> Self {
        let body = certificate.tbs_certificate();
        let serial = body.serial_number().as_bytes().iter();
        Self {
            subject: printable(&body.subject().to_string()),
            issuer: printable(&body.issuer().to_string()),
            serial: serial.map(|byte| format!("{byte:02x}")).collect(),
            not_before: body.validity().not_before.to_string(),
            not_after: body.validity().not_after.to_string(),
        }
    }
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

    /// What it says of itself, for people.
    ///
    /// # Errors
    /// None for a certificate that was made from its DER.
    pub fn statement(&self) -> Result<Statement, PublicKeyError> {
        Ok(Statement::of(&X509::from_der(&self.der)?))
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

fn printable(text: &str) -> String {
    text.chars().filter(|c| !steers(*c)).collect()
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
    fn what_it_says_is_told_without_what_steers_a_terminal() {
        let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        let name = rcgen::DnType::CommonName;
        parameters
            .distinguished_name
            .push(name, "a\u{1b}[2J b\u{202e}c");
        parameters.serial_number = Some(vec![0x12, 0xab].into());
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 2);
        parameters.not_after = rcgen::date_time_ymd(2027, 3, 4);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = parameters.self_signed(&key).unwrap();
        let told = parsed(made.der()).unwrap().statement().unwrap();
        let name = "CN=a\\1b[2J bc".to_owned();
        assert_eq!(
            told,
            Statement {
                subject: name.clone(),
                issuer: name,
                serial: "12ab".into(),
                not_before: "2026-01-02T00:00:00Z".into(),
                not_after: "2027-03-04T00:00:00Z".into(),
            }
        );
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
