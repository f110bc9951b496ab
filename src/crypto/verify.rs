//! Verification: no signature leaves this library unless its public key says yes.

use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};

use super::{digest_of, imported, natural_digest};
use crate::model::public_key::{Curve, PublicKey};
use crate::model::signature::{Hash, SignInput, SignScheme, der_ecdsa};

/// True if `signature`, in PKCS#11's form, is one of `key` over `input`.
pub fn verify(key: &PublicKey, scheme: SignScheme, input: SignInput<'_>, signature: &[u8]) -> bool {
    let verified = match (key, scheme) {
        (PublicKey::Rsa { .. }, SignScheme::RsaPkcs1(hash)) => rsa(key, hash, input, signature),
        (PublicKey::Ec { curve, point }, SignScheme::Ecdsa(hash)) => {
            ecdsa(*curve, point, &digest_of(input, hash), signature)
        }
        (PublicKey::Ed25519(bytes), SignScheme::Ed25519) => ed25519(bytes, input, signature),
        _ => None,
    };
    verified.is_some()
}

fn rsa(key: &PublicKey, hash: Hash, input: SignInput<'_>, signature: &[u8]) -> Option<()> {
    let algorithm: &dyn VerificationAlgorithm = match hash {
        Hash::Sha256 => &lc::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &lc::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &lc::RSA_PKCS1_2048_8192_SHA512,
    };
    let digest = imported(&digest_of(input, hash), hash)?;
    let key = UnparsedPublicKey::new(algorithm, key.to_spki().ok()?);
    key.verify_digest(&digest, signature).ok()
}

fn ecdsa(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let algorithm: &dyn VerificationAlgorithm = match curve {
        Curve::P256 => &lc::ECDSA_P256_SHA256_ASN1,
        Curve::P384 => &lc::ECDSA_P384_SHA384_ASN1,
        Curve::P521 => &lc::ECDSA_P521_SHA512_ASN1,
    };
    if signature.len() != 2 * curve.field_len() {
        return None;
    }
    let key = UnparsedPublicKey::new(algorithm, point);
    key.verify_digest(&natural_digest(digest, curve)?, &der_ecdsa(signature)?)
        .ok()
}

fn ed25519(key: &[u8; 32], input: SignInput<'_>, signature: &[u8]) -> Option<()> {
    let SignInput::Message(message) = input else {
        return None;
    };
    let key = UnparsedPublicKey::new(&lc::ED25519, key);
    key.verify(message, signature).ok()
}
