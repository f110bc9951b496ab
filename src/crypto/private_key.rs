//! A private key in this process: made here to be registered, or let out by a server to be used.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature as lc;
use lc::{
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::bare_rsa::sign_bare;
use super::{agreement, digest_of, imported, natural_digest, rsa_encryption};
use crate::forks;
use crate::model::cipher::RsaPadding;
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, KeyType, PublicKey};
use crate::model::signature::{Hash, SignInput, SignScheme, raw_ecdsa};

/// A private key that can sign. Its numbers are held, and wiped on drop, by aws-lc.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(ParameterSet, PqdsaKeyPair),
}

/// Why bytes are no private key that can be used here, or cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// Not a PKCS#8 PrivateKeyInfo of a key type that is used here.
    #[error(
        "this is no unencrypted PKCS#8 private key of RSA 2048 to 8192, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    Unusable,
    /// A key, but not the one that was expected.
    #[error("this is the private key of another pair")]
    OtherPair,
    /// An ML-DSA key that was read in its expanded form: the seed cannot be had from it.
    #[error(
        "this ML-DSA key has no seed, only what was expanded of it; bring it in a form with the seed"
    )]
    NoSeed,
    /// Key sizes that nobody offers.
    #[error("{0} keys cannot be made; RSA 2048, 3072, 4096 can")]
    Size(KeyType),
    /// The scheme is none of the key's, or the crypto library refused.
    #[error("the key cannot sign by {0}")]
    Sign(SignScheme),
    /// The other key is none of the same curve.
    #[error("the key agrees on secrets only with points of its own curve, if it has one")]
    Agree,
}

impl PrivateKey {
    /// From a PKCS#8 PrivateKeyInfo (RFC 5958), in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let pair = rsa(der).or_else(|| ec(der)).or_else(|| ed25519(der));
        let pair = pair.or_else(|| ml_dsa(der));
        Self::from_pair(pair.ok_or(PrivateKeyError::Unusable)?)
    }

    /// From an RSAPrivateKey (RFC 8017, A.1.2), in DER.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let pair = RsaKeyPair::from_der(der).map_err(|_| PrivateKeyError::Unusable)?;
        Self::from_pair(Pair::Rsa(pair))
    }

    /// From an ECPrivateKey (RFC 5915), in DER.
    pub fn from_sec1(der: &[u8], curve: Curve) -> Result<Self, PrivateKeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(signing(curve), der);
        Self::from_pair(Pair::Ec(
            curve,
            pair.map_err(|_| PrivateKeyError::Unusable)?,
        ))
    }

    /// A new key, from the operating system's randomness.
    pub fn generate(key_type: KeyType) -> Result<Self, PrivateKeyError> {
        forks::between(|| Self::made(key_type))
    }

    fn made(key_type: KeyType) -> Result<Self, PrivateKeyError> {
        let size = PrivateKeyError::Size(key_type);
        let pair = match key_type {
            KeyType::Rsa(2048) => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            KeyType::Rsa(3072) => RsaKeyPair::generate(KeySize::Rsa3072).map(Pair::Rsa),
            KeyType::Rsa(4096) => RsaKeyPair::generate(KeySize::Rsa4096).map(Pair::Rsa),
            KeyType::Rsa(_) => return Err(size),
            KeyType::Ec(curve) => {
                EcdsaKeyPair::generate(signing(curve)).map(|pair| Pair::Ec(curve, pair))
            }
            KeyType::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            KeyType::MlDsa(set) => {
                PqdsaKeyPair::generate(hedged(set)).map(|pair| Pair::MlDsa(set, pair))
            }
        };
        Self::from_pair(pair.map_err(|_| size)?)
    }

    fn from_pair(pair: Pair) -> Result<Self, PrivateKeyError> {
        let public = match &pair {
            Pair::Rsa(pair) => PublicKey::from_pkcs1(pair.public_key().as_ref()),
            Pair::Ec(curve, pair) => PublicKey::from_point(*curve, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => PublicKey::from_ed25519(pair.public_key().as_ref()),
            Pair::MlDsa(set, pair) => PublicKey::from_ml_dsa(*set, pair.public_key().as_ref()),
        };
        let public = public.map_err(|_| PrivateKeyError::Unusable)?;
        Ok(Self { pair, public })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As a PKCS#8 PrivateKeyInfo of version 1, which servers understand best; of ML-DSA, the seed alone
    /// (RFC 9881, 6).
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        let unusable = |_| PrivateKeyError::Unusable;
        let bytes = match &self.pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der>::as_der(pair)
                .map_err(unusable)?
                .as_ref()
                .to_vec(),
            Pair::Ec(_, pair) => pair.to_pkcs8v1().map_err(unusable)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(unusable)?.as_ref().to_vec(),
            Pair::MlDsa(_, pair) => {
                let with_seed = pair.to_pkcs8v1().map_err(|_| PrivateKeyError::NoSeed)?;
                with_seed.as_ref().to_vec()
            }
        };
        Ok(Zeroizing::new(bytes))
    }

    /// The same key once more: each holder wipes his own.
    pub fn copy(&self) -> Result<Self, PrivateKeyError> {
        Self::from_pkcs8(&self.to_pkcs8()?)
    }

    /// The message of a ciphertext, if it is one of this key; it is an RSA key then.
    pub fn decrypt(&self, padding: &RsaPadding, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match &self.pair {
            Pair::Rsa(_) => {
                let pkcs8 = self.to_pkcs8().ok()?;
                forks::between(|| rsa_encryption::decrypt(&pkcs8, padding, data))
            }
            _ => None,
        }
    }

    /// The secret that it and another one's public key agree on, if they are of one curve.
    pub fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        let secret = match &self.pair {
            Pair::Ec(..) => agreement::shared_secret(&self.to_pkcs8()?, peer),
            _ => None,
        };
        secret.ok_or(PrivateKeyError::Agree)
    }

    /// A signature in PKCS#11's form.
    pub fn sign(
        &self,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>, PrivateKeyError> {
        let signature = forks::between(|| self.signature(scheme, input))?;
        signature.ok_or(PrivateKeyError::Sign(scheme))
    }

    fn signature(
        &self,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Option<Vec<u8>>, PrivateKeyError> {
        Ok(match (&self.pair, scheme, input) {
            (Pair::Rsa(pair), SignScheme::RsaPkcs1(hash), _) => {
                sign_rsa(pair, pkcs1(hash), &digest_of(input, hash), hash)
            }
            (Pair::Rsa(_), SignScheme::RsaPkcs1Bare, SignInput::Message(data)) => {
                sign_bare(&self.to_pkcs8()?, data)
            }
            (Pair::Rsa(pair), SignScheme::RsaPss(hash), _) => {
                sign_rsa(pair, pss(hash), &digest_of(input, hash), hash)
            }
            (Pair::Ec(curve, pair), SignScheme::Ecdsa(hash), _) => {
                sign_ec(*curve, pair, &digest_of(input, hash))
            }
            (Pair::Ed25519(pair), SignScheme::Ed25519, SignInput::Message(message)) => {
                Some(pair.sign(message).as_ref().to_vec())
            }
            (Pair::MlDsa(set, pair), SignScheme::MlDsa, SignInput::Message(message)) => {
                sign_ml_dsa(*set, pair, message)
            }
            _ => None,
        })
    }
}

fn rsa(pkcs8: &[u8]) -> Option<Pair> {
    RsaKeyPair::from_pkcs8(pkcs8).ok().map(Pair::Rsa)
}

fn ec(pkcs8: &[u8]) -> Option<Pair> {
    let on = |curve| {
        let pair = EcdsaKeyPair::from_pkcs8(signing(curve), pkcs8).ok()?;
        Some(Pair::Ec(curve, pair))
    };
    Curve::ALL.into_iter().find_map(on)
}

fn ed25519(pkcs8: &[u8]) -> Option<Pair> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?;
    Some(Pair::Ed25519(pair))
}

fn ml_dsa(pkcs8: &[u8]) -> Option<Pair> {
    let of = |set| {
        let pair = PqdsaKeyPair::from_pkcs8(hedged(set), pkcs8).ok()?;
        Some(Pair::MlDsa(set, pair))
    };
    ParameterSet::ALL.into_iter().find_map(of)
}

/// With fresh randomness in each signature.
fn hedged(set: ParameterSet) -> &'static PqdsaSigningAlgorithm {
    match set {
        ParameterSet::MlDsa44 => &lc::ML_DSA_44_SIGNING,
        ParameterSet::MlDsa65 => &lc::ML_DSA_65_SIGNING,
        ParameterSet::MlDsa87 => &lc::ML_DSA_87_SIGNING,
    }
}

fn signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &lc::ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &lc::ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P521 => &lc::ECDSA_P521_SHA512_ASN1_SIGNING,
    }
}

fn pkcs1(hash: Hash) -> &'static dyn lc::RsaEncoding {
    match hash {
        Hash::Sha256 => &lc::RSA_PKCS1_SHA256,
        Hash::Sha384 => &lc::RSA_PKCS1_SHA384,
        Hash::Sha512 => &lc::RSA_PKCS1_SHA512,
    }
}

fn pss(hash: Hash) -> &'static dyn lc::RsaEncoding {
    match hash {
        Hash::Sha256 => &lc::RSA_PSS_SHA256,
        Hash::Sha384 => &lc::RSA_PSS_SHA384,
        Hash::Sha512 => &lc::RSA_PSS_SHA512,
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    encoding: &'static dyn lc::RsaEncoding,
    digest: &[u8],
    hash: Hash,
) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    let digest = imported(digest, hash)?;
    pair.sign_digest(encoding, &digest, &mut signature).ok()?;
    Some(signature)
}

fn sign_ec(curve: Curve, pair: &EcdsaKeyPair, digest: &[u8]) -> Option<Vec<u8>> {
    let der = pair.sign_digest(&natural_digest(digest, curve)?).ok()?;
    raw_ecdsa(der.as_ref(), curve)
}

fn sign_ml_dsa(set: ParameterSet, pair: &PqdsaKeyPair, message: &[u8]) -> Option<Vec<u8>> {
    let mut signature = vec![0; set.signature_len()];
    let length = pair.sign(message, &mut signature).ok()?;
    signature.truncate(length);
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::super::verify;
    use super::*;

    const KINDS: [KeyType; 8] = [
        KeyType::Rsa(2048),
        KeyType::Ec(Curve::P256),
        KeyType::Ec(Curve::P384),
        KeyType::Ec(Curve::P521),
        KeyType::Ed25519,
        KeyType::MlDsa(ParameterSet::MlDsa44),
        KeyType::MlDsa(ParameterSet::MlDsa65),
        KeyType::MlDsa(ParameterSet::MlDsa87),
    ];

    fn schemes(key_type: KeyType) -> Vec<SignScheme> {
        match key_type {
            KeyType::Rsa(_) => [SignScheme::RsaPkcs1, SignScheme::RsaPss]
                .iter()
                .flat_map(|scheme| Hash::ALL.map(scheme))
                .chain([SignScheme::RsaPkcs1Bare])
                .collect(),
            KeyType::Ec(_) => Hash::ALL.map(SignScheme::Ecdsa).to_vec(),
            KeyType::Ed25519 => vec![SignScheme::Ed25519],
            KeyType::MlDsa(_) => vec![SignScheme::MlDsa],
        }
    }

    #[test]
    fn every_kind_signs_and_verifies_by_every_scheme() {
        for kind in KINDS {
            let made = PrivateKey::generate(kind).unwrap();
            let key = PrivateKey::from_pkcs8(&made.to_pkcs8().unwrap()).unwrap();
            assert_eq!(
                (key.public(), key.public().key_type()),
                (made.public(), kind)
            );
            for scheme in schemes(kind) {
                let input = SignInput::Message(b"a message");
                let signature = key.sign(scheme, input).unwrap();
                assert_eq!(signature.len(), key.public().signature_len());
                assert!(verify(key.public(), scheme, input, &signature), "{scheme}");
                let other = SignInput::Message(b"another");
                assert!(!verify(key.public(), scheme, other, &signature));
            }
        }
    }

    #[test]
    fn a_digest_signs_like_its_message() {
        let key = PrivateKey::generate(KeyType::Ec(Curve::P521)).unwrap();
        let scheme = SignScheme::Ecdsa(Hash::Sha256);
        let digest = digest_of(SignInput::Message(b"m"), Hash::Sha256);
        let signature = key.sign(scheme, SignInput::Digest(&digest)).unwrap();
        assert!(verify(
            key.public(),
            scheme,
            SignInput::Message(b"m"),
            &signature
        ));
    }

    #[test]
    fn schemes_of_other_keys_are_refused() {
        let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
        let scheme = SignScheme::Ecdsa(Hash::Sha256);
        assert!(key.sign(scheme, SignInput::Message(b"m")).is_err());
        assert!(
            key.sign(SignScheme::Ed25519, SignInput::Digest(b"m"))
                .is_err()
        );
        assert!(!verify(
            key.public(),
            scheme,
            SignInput::Message(b"m"),
            &[0; 64]
        ));
    }

    #[test]
    fn garbage_is_no_key() {
        assert!(PrivateKey::from_pkcs8(b"garbage").is_err());
        assert!(PrivateKey::from_pkcs1(&[]).is_err());
        assert!(PrivateKey::from_sec1(&[0x30, 0], Curve::P256).is_err());
        assert!(PrivateKey::generate(KeyType::Rsa(1024)).is_err());
    }
}
