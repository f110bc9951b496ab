//! A public key as OpenSSH shows it: the line of `authorized_keys`, the SHA256 fingerprint, and the
//! bytes that both are made of (RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4).

use aws_lc_rs::digest;
use base64ct::{Base64Unpadded, Encoding};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};
use ssh_key::{HashAlg, Mpint};

use crate::model::attribute::presentable_label;
use crate::model::public_key::{KeyType, PublicKey};

/// A public key that cannot be written in OpenSSH's form.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// What is in it does not fit.
    #[error("the public key cannot be written in OpenSSH's form: {0}")]
    Content(ssh_key::Error),
    /// A type that no OpenSSH has.
    #[error("OpenSSH has no {0} keys")]
    Type(KeyType),
}

impl From<ssh_key::Error> for FormatError {
    fn from(error: ssh_key::Error) -> Self {
        Self::Content(error)
    }
}

/// The line to paste into `authorized_keys`. A comment gets no control characters: a newline in it
/// would make a second line, with a key of somebody else's choice.
pub fn public_line(key: &PublicKey, comment: &str) -> Result<String, FormatError> {
    let comment = presentable_label(comment);
    let key = ssh_key::PublicKey::new(key_data(key)?, comment.trim());
    Ok(key.to_openssh()?)
}

/// `SHA256:` and 43 characters, as `ssh-keygen -l` and the log of sshd show it. Of a key that OpenSSH has
/// no form for, in the same way of its SubjectPublicKeyInfo: it serves to tell keys apart here.
pub fn fingerprint(key: &PublicKey) -> Result<String, FormatError> {
    if let (PublicKey::MlDsa { .. }, Ok(spki)) = (key, key.to_spki()) {
        let digest = digest::digest(&digest::SHA256, &spki);
        let digits = Base64Unpadded::encode_string(digest.as_ref());
        return Ok(format!("SHA256:{digits}"));
    }
    Ok(key_data(key)?.fingerprint(HashAlg::Sha256).to_string())
}

/// The bytes that travel to a server and to an agent.
pub fn public_blob(key: &PublicKey) -> Result<Vec<u8>, FormatError> {
    Ok(ssh_key::PublicKey::from(key_data(key)?).to_bytes()?)
}

fn key_data(key: &PublicKey) -> Result<KeyData, FormatError> {
    Ok(match key {
        PublicKey::Rsa { modulus, exponent } => KeyData::Rsa(RsaPublicKey {
            e: Mpint::from_positive_bytes(exponent)?,
            n: Mpint::from_positive_bytes(modulus)?,
        }),
        PublicKey::Ec { point, .. } => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point)?),
        PublicKey::Ed25519(bytes) => KeyData::Ed25519(Ed25519PublicKey(*bytes)),
        PublicKey::MlDsa { .. } => return Err(FormatError::Type(key.key_type())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::private_key::PrivateKey;
    use crate::model::ml_dsa::ParameterSet;
    use crate::model::public_key::Curve;

    // RFC 8032, 7.1, TEST 1; the line and the fingerprint are what ssh-keygen makes of it.
    const ED25519: [u8; 32] = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
        0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07,
        0x51, 0x1a,
    ];

    #[test]
    fn a_known_key_gets_its_known_line_and_fingerprint() {
        let key = PublicKey::Ed25519(ED25519);
        assert_eq!(
            public_line(&key, "web").unwrap(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea web"
        );
        assert_eq!(
            fingerprint(&key).unwrap(),
            "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8"
        );
    }

    #[test]
    fn every_kind_has_a_line_that_reads_back() {
        for (kind, name) in [
            (KeyType::Rsa(2048), "ssh-rsa "),
            (KeyType::Ec(Curve::P256), "ecdsa-sha2-nistp256 "),
            (KeyType::Ec(Curve::P384), "ecdsa-sha2-nistp384 "),
            (KeyType::Ec(Curve::P521), "ecdsa-sha2-nistp521 "),
            (KeyType::Ed25519, "ssh-ed25519 "),
        ] {
            let key = PrivateKey::generate(kind).unwrap();
            let line = public_line(key.public(), "").unwrap();
            assert!(line.starts_with(name), "{line}");
            let read = ssh_key::PublicKey::from_openssh(&line).unwrap();
            assert_eq!(read.to_bytes().unwrap(), public_blob(key.public()).unwrap());
        }
    }

    #[test]
    fn what_openssh_has_not_gets_a_fingerprint_and_no_line() {
        let kind = KeyType::MlDsa(ParameterSet::MlDsa65);
        let key = PrivateKey::generate(kind).unwrap();
        let error = public_line(key.public(), "web").unwrap_err().to_string();
        assert_eq!(error, "OpenSSH has no ML-DSA-65 keys");
        let print = fingerprint(key.public()).unwrap();
        assert_eq!((print.len(), &print[..7]), (50, "SHA256:"));
    }

    #[test]
    fn a_comment_is_one_line() {
        let line = public_line(&PublicKey::Ed25519(ED25519), "a\nssh-rsa evil\r").unwrap();
        assert!(line.ends_with(" assh-rsa evil") && !line.contains('\n'));
    }
}
