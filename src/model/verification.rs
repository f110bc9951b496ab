//! How a signature by a mechanism is checked: what is hashed first, and what the rest is.

use super::digest::Digest;
use super::local_mechanism::{LocalMechanism, Work};
use super::mechanism_call::{MechanismCall, Parameter};
use super::public_key::{Curve, KeyType, PublicKey};
use super::signature::Hash;
use crate::error::{Error, Result};

/// What a signature is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// RSASSA-PKCS1-v1_5, over a DigestInfo or whatever else was given.
    Pkcs1,
    /// RSASSA-PSS.
    Pss,
    /// ECDSA.
    Ecdsa,
    /// Ed25519 over the message itself.
    Ed25519,
    /// ML-DSA over the message itself.
    MlDsa,
}

/// The check of a signature, in two steps: the digest of the message, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// The digest that is made of the message; `None` if the rest takes what is given.
    pub digest: Option<Digest>,
    /// The rest.
    pub padding: Padding,
    /// The hash of PSS, in digest and mask; the salt is as long as it.
    pub pss: Option<Hash>,
}

impl Verification {
    /// That of a mechanism.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for one that makes no signatures of key pairs, and
    /// [`Error::MechanismParamInvalid`] for a parameter that it does not take here.
    pub fn of(call: &MechanismCall) -> Result<Self> {
        let invalid = Error::MechanismInvalid(call.number);
        let row = LocalMechanism::of(call.number).ok_or(invalid.clone())?;
        let Work::Verify(digest, padding) = row.work else {
            return Err(invalid);
        };
        let pss = call.parameter.pss_hash();
        let admitted = match padding {
            Padding::Pss => pss.is_some_and(|hash| digest.is_none_or(|it| it == hash.into())),
            Padding::MlDsa => call.parameter.lacks_context(),
            _ => call.parameter == Parameter::None,
        };
        match admitted {
            true => Ok(Self {
                digest,
                padding,
                pss,
            }),
            false => Err(Error::MechanismParamInvalid(row.name)),
        }
    }

    /// True if what was signed by the key can be that long. ECDSA takes what it is given as a number;
    /// of one that is longer than every digest, P-521 would see more than is seen here.
    pub fn takes(self, key: &PublicKey, data: &[u8]) -> bool {
        match (self.padding, self.digest) {
            (Padding::Pss, _) => self.pss.map(Hash::digest_len) == Some(data.len()),
            (Padding::Ecdsa, None) => match key.key_type() {
                KeyType::Ec(Curve::P521) => (1..=64).contains(&data.len()),
                _ => !data.is_empty(),
            },
            (Padding::Pkcs1, None) => data.len() + 11 <= key.signature_len(),
            _ => true,
        }
    }

    /// True if keys of that type make such signatures.
    pub fn goes_with(self, key: KeyType) -> bool {
        matches!(
            (self.padding, key),
            (Padding::Pkcs1 | Padding::Pss, KeyType::Rsa(_))
                | (Padding::Ecdsa, KeyType::Ec(_))
                | (Padding::Ed25519, KeyType::Ed25519)
                | (Padding::MlDsa, KeyType::MlDsa(_))
        )
    }
}

#[cfg(test)]
mod tests {
    use cryptoki_sys::*;

    use super::*;

    fn of(number: CK_MECHANISM_TYPE, parameter: Parameter) -> Result<Verification> {
        Verification::of(&MechanismCall { number, parameter })
    }

    #[test]
    fn pss_wants_its_own_hash() {
        let sha256 = Parameter::pss(Hash::Sha256);
        let by_any = of(CKM_RSA_PKCS_PSS, sha256.clone()).unwrap();
        assert_eq!((by_any.digest, by_any.pss), (None, Some(Hash::Sha256)));
        assert!(of(CKM_SHA256_RSA_PKCS_PSS, sha256.clone()).is_ok());
        let other = of(CKM_SHA384_RSA_PKCS_PSS, sha256);
        assert!(matches!(other, Err(Error::MechanismParamInvalid(_))));
        let none = of(CKM_RSA_PKCS_PSS, Parameter::None);
        assert!(matches!(none, Err(Error::MechanismParamInvalid(_))));
    }

    #[test]
    fn what_makes_no_signature_checks_none() {
        let digest = of(CKM_SHA256, Parameter::None);
        assert_eq!(digest, Err(Error::MechanismInvalid(CKM_SHA256)));
        let sha1 = of(CKM_ECDSA_SHA1, Parameter::None).unwrap();
        assert_eq!(sha1.digest, Some(Digest::Sha1));
        assert!(sha1.goes_with(KeyType::Ec(Curve::P256)));
        assert!(!sha1.goes_with(KeyType::Ed25519));
    }
}
