//! What is signed and how: one scheme value instead of a mechanism with parameters.

use std::fmt;

use der::asn1::{AnyRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierRef;

use super::digest::Digest;
use super::public_key::{Curve, KeyType, PublicKey};

/// The hashes of SSH signatures. SHA-1 is not among them: OpenSSH no longer asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// FIPS 180-4, 32 bytes.
    Sha256,
    /// FIPS 180-4, 48 bytes.
    Sha384,
    /// FIPS 180-4, 64 bytes.
    Sha512,
}

/// How to sign, owned and complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignScheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017, 8.2).
    RsaPkcs1(Hash),
    /// The same with any data in the place of the DigestInfo (PKCS#11 v3.2, 6.1.6).
    RsaPkcs1Bare,
    /// RSASSA-PSS (RFC 8017, 8.1) with that hash in digest and mask, and a salt as long as the digest.
    RsaPss(Hash),
    /// ECDSA over a digest of that hash.
    Ecdsa(Hash),
    /// Ed25519 over the message itself (RFC 8032).
    Ed25519,
    /// ML-DSA over the message itself, with an empty context (FIPS 204, 5.2).
    MlDsa,
}

impl SignScheme {
    /// True if keys of that type sign by it.
    pub fn goes_with(self, key_type: KeyType) -> bool {
        matches!(
            (self, key_type),
            (
                Self::RsaPkcs1(_) | Self::RsaPkcs1Bare | Self::RsaPss(_),
                KeyType::Rsa(_)
            ) | (Self::Ecdsa(_), KeyType::Ec(_))
                | (Self::Ed25519, KeyType::Ed25519)
                | (Self::MlDsa, KeyType::MlDsa(_))
        )
    }

    /// True if it signs such an input: a digest has its hash's length, and what knows no digest takes
    /// messages.
    pub fn takes(self, input: SignInput<'_>) -> bool {
        match (self.hash(), input) {
            (_, SignInput::Message(_)) => true,
            (Some(hash), SignInput::Digest(digest)) => digest.len() == hash.digest_len(),
            (None, SignInput::Digest(_)) => false,
        }
    }

    /// The hash whose digest is signed; Ed25519 and ML-DSA have their own inside, and bare data has none.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => Some(hash),
            Self::RsaPkcs1Bare | Self::Ed25519 | Self::MlDsa => None,
        }
    }
}

impl fmt::Display for SignScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, hash) = match self {
            SignScheme::RsaPkcs1(hash) => ("RSA PKCS#1 v1.5", hash),
            SignScheme::RsaPss(hash) => ("RSA-PSS", hash),
            SignScheme::Ecdsa(hash) => ("ECDSA", hash),
            SignScheme::RsaPkcs1Bare => return f.write_str("RSA PKCS#1 v1.5 without a hash"),
            SignScheme::Ed25519 => return f.write_str("Ed25519"),
            SignScheme::MlDsa => return f.write_str("ML-DSA"),
        };
        write!(f, "{scheme} with SHA-{}", 8 * hash.digest_len())
    }
}

impl SignScheme {
    /// The one that SSH uses with such a key: with a digest as long as the curve, or SHA-256.
    pub fn usual(key_type: KeyType) -> Self {
        match key_type {
            KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha256),
            KeyType::Ec(Curve::P256) => SignScheme::Ecdsa(Hash::Sha256),
            KeyType::Ec(Curve::P384) => SignScheme::Ecdsa(Hash::Sha384),
            KeyType::Ec(Curve::P521) => SignScheme::Ecdsa(Hash::Sha512),
            KeyType::Ed25519 => SignScheme::Ed25519,
            KeyType::MlDsa(_) => SignScheme::MlDsa,
        }
    }
}

/// What is to be signed: the message, where the caller gave it, or only its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInput<'a> {
    /// The whole message.
    Message(&'a [u8]),
    /// The digest by the scheme's hash.
    Digest(&'a [u8]),
}

/// RFC 8017, 9.2: what CKM_RSA_PKCS gets to sign.
#[derive(Sequence)]
struct DigestInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: &'a OctetStringRef,
}

/// RFC 3279, 2.2.3.
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl Hash {
    /// All of them.
    pub const ALL: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

    /// Bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }

    /// The hash whose digests have `len` bytes.
    pub fn of_len(len: usize) -> Option<Hash> {
        Hash::ALL.into_iter().find(|hash| hash.digest_len() == len)
    }
}

/// The DigestInfo of a digest (RFC 8017, 9.2): what CKM_RSA_PKCS takes.
pub fn digest_info(algorithm: impl Into<Digest>, digest: &[u8]) -> Vec<u8> {
    let der = OctetStringRef::new(digest).and_then(|digest| {
        let algorithm = AlgorithmIdentifierRef {
            oid: algorithm.into().oid(),
            parameters: Some(AnyRef::NULL),
        };
        DigestInfo { algorithm, digest }.to_der()
    });
    // A digest is never too long for DER.
    der.unwrap_or_default()
}

/// Takes a DigestInfo apart: which hash, and the digest. Its parameters are NULL, as in those that
/// are made of the parts again (RFC 8017, 9.2): what is signed is what was given, to the byte. `None` for
/// other bytes and for hashes that are not in SSH's signatures.
pub fn parse_digest_info(der: &[u8]) -> Option<(Hash, &[u8])> {
    let info = DigestInfo::from_der(der).ok()?;
    let named = |hash: &Hash| Digest::from(*hash).oid() == info.algorithm.oid;
    let hash = Hash::ALL.into_iter().find(named)?;
    let plain = info.algorithm.parameters == Some(AnyRef::NULL);
    let digest = info.digest.as_bytes();
    (plain && digest.len() == hash.digest_len()).then_some((hash, digest))
}

/// ECDSA's r and s side by side (PKCS#11 v3.2, 6.3.1) from their DER, as most servers give it.
/// `None` if the bytes are no such DER or a number is too long for the curve.
pub fn raw_ecdsa(der: &[u8], curve: Curve) -> Option<Vec<u8>> {
    let value = EcdsaSigValue::from_der(der).ok()?;
    let mut raw = left_padded(value.r.as_bytes(), curve.field_len())?;
    raw.extend(left_padded(value.s.as_bytes(), curve.field_len())?);
    Some(raw)
}

/// The DER of r and s that stand side by side. `None` for an odd or empty number of bytes.
pub fn der_ecdsa(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    if r.is_empty() || r.len() != s.len() {
        return None;
    }
    let value = EcdsaSigValue {
        r: UintRef::new(r).ok()?,
        s: UintRef::new(s).ok()?,
    };
    value.to_der().ok()
}

/// The same number in `len` bytes, big-endian.
fn left_padded(number: &[u8], len: usize) -> Option<Vec<u8>> {
    let missing = len.checked_sub(number.len())?;
    let mut padded = vec![0; missing];
    padded.extend_from_slice(number);
    Some(padded)
}

impl PublicKey {
    /// A signature as PKCS#11 wants it, from what a token gave: ECDSA may come as DER, or as r and s.
    pub fn signature_from_token(&self, signature: Vec<u8>) -> Vec<u8> {
        match self {
            PublicKey::Ec { curve, .. } => raw_ecdsa(&signature, *curve).unwrap_or(signature),
            _ => signature,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256_INFO: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32,
    ];

    #[test]
    fn a_digest_info_is_a_hash_and_a_digest() {
        let whole = [&SHA256_INFO[..], &[7; 32]].concat();
        assert_eq!(
            parse_digest_info(&whole),
            Some((Hash::Sha256, &[7_u8; 32][..]))
        );
        assert_eq!(digest_info(Hash::Sha256, &[7; 32]), whole);
    }

    #[test]
    fn anything_else_is_none() {
        let whole = [&SHA256_INFO[..], &[7; 32]].concat();
        for wrong in [
            &whole[..50],
            &[],
            &[7; 32][..],
            &[&whole[..], &[0]].concat(),
        ] {
            assert_eq!(parse_digest_info(wrong), None);
        }
        let mut without_parameters = [&SHA256_INFO[..15], &SHA256_INFO[17..], &[7; 32]].concat();
        (without_parameters[1], without_parameters[3]) = (0x2f, 0x0b);
        assert_eq!(parse_digest_info(&without_parameters), None);
        let mut other_hash = whole.clone();
        other_hash[14] = 4; // SHA-224
        assert_eq!(parse_digest_info(&other_hash), None);
    }

    #[test]
    fn ecdsa_there_and_back_with_short_numbers() {
        let mut raw = vec![0; 64];
        raw[31] = 5;
        raw[32] = 0x80;
        let der = der_ecdsa(&raw).unwrap();
        assert_eq!(der[..5], [0x30, 38, 2, 1, 5]);
        assert_eq!(raw_ecdsa(&der, Curve::P256), Some(raw));
    }

    #[test]
    fn ecdsa_der_that_does_not_fit_the_curve_is_none() {
        let der = der_ecdsa(&[0xff; 96]).unwrap();
        assert_eq!(raw_ecdsa(&der, Curve::P256), None);
        assert_eq!(raw_ecdsa(&der[1..], Curve::P384), None);
        assert_eq!(der_ecdsa(&[1; 63]), None);
        assert_eq!(der_ecdsa(&[]), None);
    }
}
