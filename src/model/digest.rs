//! The digest algorithms, for whoever wants a digest or checks a signature by one.

use der::asn1::ObjectIdentifier;

use super::signature::Hash;

/// A digest algorithm (FIPS 180-4, FIPS 202).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1: for what is old, and never to sign.
    Sha1,
    /// SHA-224
    Sha224,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
    /// SHA-512/256
    Sha512_256,
    /// SHA3-256
    Sha3_256,
    /// SHA3-384
    Sha3_384,
    /// SHA3-512
    Sha3_512,
}

impl Digest {
    /// Bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Digest::Sha1 => 20,
            Digest::Sha224 => 28,
            Digest::Sha256 | Digest::Sha512_256 | Digest::Sha3_256 => 32,
            Digest::Sha384 | Digest::Sha3_384 => 48,
            Digest::Sha512 | Digest::Sha3_512 => 64,
        }
    }

    /// Its object identifier, which a DigestInfo names (RFC 8017, B.1; NIST's CSOR).
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Digest::Sha1 => "1.3.14.3.2.26",
            Digest::Sha224 => "2.16.840.1.101.3.4.2.4",
            Digest::Sha256 => "2.16.840.1.101.3.4.2.1",
            Digest::Sha384 => "2.16.840.1.101.3.4.2.2",
            Digest::Sha512 => "2.16.840.1.101.3.4.2.3",
            Digest::Sha512_256 => "2.16.840.1.101.3.4.2.6",
            Digest::Sha3_256 => "2.16.840.1.101.3.4.2.8",
            Digest::Sha3_384 => "2.16.840.1.101.3.4.2.9",
            Digest::Sha3_512 => "2.16.840.1.101.3.4.2.10",
        })
    }

    /// The hash that keys sign with, if it is one.
    pub fn signed(self) -> Option<Hash> {
        Hash::ALL
            .into_iter()
            .find(|hash| Digest::from(*hash) == self)
    }
}

impl From<Hash> for Digest {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Digest::Sha256,
            Hash::Sha384 => Digest::Sha384,
            Hash::Sha512 => Digest::Sha512,
        }
    }
}
