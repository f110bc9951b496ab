//! Verification: no signature that was made elsewhere leaves this library unless its public key says yes.

use aws_lc_rs::signature::{self as lc, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};

use super::{digest_of, imported, natural_digest, recover};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, PublicKey};
use crate::model::signature::{Hash, SignInput, SignScheme, der_ecdsa, digest_info};
use crate::model::verification::{Padding, Verification};

/// True if `signature`, in PKCS#11's form, is one of `key` over `input`.
pub fn verify(key: &PublicKey, scheme: SignScheme, input: SignInput<'_>, signature: &[u8]) -> bool {
    let verified = match (key, scheme) {
        (PublicKey::Rsa { .. }, SignScheme::RsaPkcs1(hash)) => {
            rsa(pkcs1(hash), key, &digest_of(input, hash), hash, signature)
        }
        (PublicKey::Rsa { .. }, SignScheme::RsaPkcs1Bare) => bare_rsa(key, input, signature),
        (PublicKey::Rsa { .. }, SignScheme::RsaPss(hash)) => {
            rsa(pss(hash), key, &digest_of(input, hash), hash, signature)
        }
        (PublicKey::Ec { curve, point }, SignScheme::Ecdsa(hash)) => {
            ecdsa(*curve, point, &digest_of(input, hash), signature)
        }
        (PublicKey::Ed25519(bytes), SignScheme::Ed25519) => ed25519(bytes, input, signature),
        (PublicKey::MlDsa { set, .. }, SignScheme::MlDsa) => ml_dsa(*set, key, input, signature),
        _ => None,
    };
    verified.is_some()
}

/// True if `signature` is one of `key` by that verification. `data` is the digest that the verification
/// makes of the message; where it makes none, what the signer was given.
pub fn check(key: &PublicKey, by: Verification, data: &[u8], signature: &[u8]) -> bool {
    let digest = SignInput::Digest(data);
    match (by.padding, by.digest, by.pss) {
        (Padding::Pkcs1, Some(algorithm), _) => match algorithm.signed() {
            Some(hash) => verify(key, SignScheme::RsaPkcs1(hash), digest, signature),
            None => recover(key, signature) == Some(digest_info(algorithm, data)),
        },
        (Padding::Pkcs1, None, _) => {
            let data = SignInput::Message(data);
            verify(key, SignScheme::RsaPkcs1Bare, data, signature)
        }
        (Padding::Pss, _, Some(hash)) => verify(key, SignScheme::RsaPss(hash), digest, signature),
        (Padding::Pss, _, None) => false,
        // Any hash will do: what counts is the digest.
        (Padding::Ecdsa, ..) => verify(key, SignScheme::Ecdsa(Hash::Sha256), digest, signature),
        (Padding::Ed25519, ..) => verify(
            key,
            SignScheme::Ed25519,
            SignInput::Message(data),
            signature,
        ),
        (Padding::MlDsa, ..) => verify(key, SignScheme::MlDsa, SignInput::Message(data), signature),
    }
}

fn bare_rsa(key: &PublicKey, input: SignInput<'_>, signature: &[u8]) -> Option<()> {
    match input {
        SignInput::Message(data) => (recover(key, signature)? == data).then_some(()),
        SignInput::Digest(_) => None,
    }
}

fn pkcs1(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &lc::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &lc::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &lc::RSA_PKCS1_2048_8192_SHA512,
    }
}

fn pss(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &lc::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &lc::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &lc::RSA_PSS_2048_8192_SHA512,
    }
}

fn rsa(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &PublicKey,
    digest: &[u8],
    hash: Hash,
    signature: &[u8],
) -> Option<()> {
    let key = UnparsedPublicKey::new(algorithm, key.to_spki().ok()?);
    key.verify_digest(&imported(digest, hash)?, signature).ok()
}

/// False if the key is a point that is not on its curve (SEC 1, 3.2.2.1).
pub fn is_on_its_curve(key: &PublicKey) -> bool {
    match key {
        PublicKey::Ec { curve, point } => ParsedPublicKey::new(of_curve(*curve), point).is_ok(),
        _ => true,
    }
}

fn of_curve(curve: Curve) -> &'static lc::EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &lc::ECDSA_P256_SHA256_ASN1,
        Curve::P384 => &lc::ECDSA_P384_SHA384_ASN1,
        Curve::P521 => &lc::ECDSA_P521_SHA512_ASN1,
    }
}

fn ecdsa(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    if signature.len() != 2 * curve.field_len() {
        return None;
    }
    let key = UnparsedPublicKey::new(of_curve(curve), point);
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

/// By the whole SubjectPublicKeyInfo, so that the crypto library compares the parameter set, too.
fn ml_dsa(
    set: ParameterSet,
    key: &PublicKey,
    input: SignInput<'_>,
    signature: &[u8],
) -> Option<()> {
    let SignInput::Message(message) = input else {
        return None;
    };
    let algorithm: &dyn VerificationAlgorithm = match set {
        ParameterSet::MlDsa44 => &lc::ML_DSA_44,
        ParameterSet::MlDsa65 => &lc::ML_DSA_65,
        ParameterSet::MlDsa87 => &lc::ML_DSA_87,
    };
    let key = UnparsedPublicKey::new(algorithm, key.to_spki().ok()?);
    key.verify(message, signature).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::private_key::PrivateKey;
    use crate::model::public_key::KeyType;

    const MESSAGE: SignInput<'_> = SignInput::Message(b"m");

    /// A key, its scheme and a signature over `MESSAGE`.
    fn signed(key_type: KeyType) -> (PublicKey, SignScheme, Vec<u8>) {
        let key = PrivateKey::generate(key_type).unwrap();
        let scheme = match key_type {
            KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha256),
            KeyType::Ec(_) => SignScheme::Ecdsa(Hash::Sha512),
            KeyType::Ed25519 => SignScheme::Ed25519,
            KeyType::MlDsa(_) => SignScheme::MlDsa,
        };
        let signature = key.sign(scheme, MESSAGE).unwrap();
        (key.public().clone(), scheme, signature)
    }

    fn every_type() -> Vec<KeyType> {
        let mut all = vec![KeyType::Rsa(2048), KeyType::Ed25519];
        all.extend(Curve::ALL.map(KeyType::Ec));
        all.extend(ParameterSet::ALL.map(KeyType::MlDsa));
        all
    }

    #[test]
    fn a_signature_has_its_length_and_no_other() {
        for key_type in every_type() {
            let (key, scheme, signature) = signed(key_type);
            assert!(verify(&key, scheme, MESSAGE, &signature));
            let long = [&[0][..], &signature].concat();
            let longer = [&signature[..], &[0, 0]].concat();
            for other in [&[][..], &signature[1..], &long, &longer] {
                assert!(!verify(&key, scheme, MESSAGE, other), "{key_type}");
            }
        }
    }

    #[test]
    fn a_point_is_on_its_curve_or_no_key() {
        for key_type in every_type() {
            let mut key = signed(key_type).0;
            assert!(is_on_its_curve(&key), "{key_type}");
            if let PublicKey::Ec { point, .. } = &mut key {
                point[1] ^= 1;
                assert!(!is_on_its_curve(&key), "{key_type}");
            }
        }
    }

    #[test]
    fn numbers_out_of_range_verify_nothing() {
        for curve in Curve::ALL {
            let (key, scheme, signature) = signed(KeyType::Ec(curve));
            let (r, s) = signature.split_at(curve.field_len());
            let (zero, most) = (vec![0; r.len()], vec![0xff; r.len()]);
            for (r, s) in [
                (&zero[..], s),
                (r, &zero),
                (&zero, &zero),
                (&most, s),
                (r, &most),
            ] {
                let signature = [r, s].concat();
                assert!(!verify(&key, scheme, MESSAGE, &signature), "{curve:?}");
            }
        }
        let (key, scheme, _) = signed(KeyType::Rsa(2048));
        for byte in [0, 0xff] {
            assert!(!verify(&key, scheme, MESSAGE, &[byte; 256]));
        }
    }

    #[test]
    fn a_digest_of_another_length_verifies_nothing() {
        let (key, scheme, signature) = signed(KeyType::Rsa(2048));
        for len in [0, 20, 31, 33, 64] {
            let digest = vec![7; len];
            let input = SignInput::Digest(&digest);
            assert!(!verify(&key, scheme, input, &signature));
        }
    }
}
