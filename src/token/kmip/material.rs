//! Key material as servers give it, in whatever format, as a key of ours.

use crate::config::KeyKind;
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::kmip::{CryptographicAlgorithm, KeyBlock, KeyFormatType, KeyMaterial, RecommendedCurve};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, KeyType, PublicKey, PublicKeyError};

/// The specification has no curve for Ed25519; Cosmian numbers it in the range of extensions.
const COSMIAN_ED25519: RecommendedCurve = RecommendedCurve(0x8000_0001);

/// A public key from a Key Block (KMIP 2.1, 3.1). Servers name formats loosely - Cosmian calls a
/// SubjectPublicKeyInfo "PKCS#8" - so that bytes are tried as what they can be.
pub fn public_key(block: &KeyBlock) -> Result<PublicKey, PublicKeyError> {
    match &block.material {
        KeyMaterial::Bytes(bytes) => PublicKey::from_spki(bytes)
            .or_else(|error| PublicKey::from_pkcs1(bytes).map_err(|_| error))
            .or_else(|error| raw(block, bytes).unwrap_or(Err(error))),
        KeyMaterial::TransparentRsaPublic { modulus, exponent } => {
            PublicKey::from_rsa(modulus, exponent)
        }
        KeyMaterial::TransparentEcPublic { curve, q } => on_curve(*curve, q),
        KeyMaterial::Wrapped(_) | KeyMaterial::WrappedInPlace(_) => Err(PublicKeyError::Form(
            "the server gave the public key wrapped, and it cannot be unwrapped here".into(),
        )),
        KeyMaterial::TransparentSymmetric(_) | KeyMaterial::Other => Err(PublicKeyError::Form(
            "the server gave the public key in a form that is not known here".into(),
        )),
    }
}

/// Key Format Type Raw: the numbers alone, their meaning known from algorithm and length.
fn raw(block: &KeyBlock, bytes: &[u8]) -> Option<Result<PublicKey, PublicKeyError>> {
    match (block.algorithm, bytes) {
        (Some(CryptographicAlgorithm::ED25519), _) => Some(PublicKey::from_ed25519(bytes)),
        (Some(algorithm), _) if ml_dsa(algorithm).is_some() => {
            ml_dsa(algorithm).map(|set| PublicKey::from_ml_dsa(set, bytes))
        }
        (_, [4, coordinates @ ..]) => {
            let halves = |curve: &Curve| 2 * curve.field_len() == coordinates.len();
            let curve = Curve::ALL.into_iter().find(halves)?;
            Some(PublicKey::from_point(curve, bytes))
        }
        _ => None,
    }
}

fn on_curve(curve: RecommendedCurve, q: &[u8]) -> Result<PublicKey, PublicKeyError> {
    match curve {
        RecommendedCurve::P_256 => PublicKey::from_point(Curve::P256, q),
        RecommendedCurve::P_384 => PublicKey::from_point(Curve::P384, q),
        RecommendedCurve::P_521 => PublicKey::from_point(Curve::P521, q),
        COSMIAN_ED25519 => PublicKey::from_ed25519(q),
        other => Err(PublicKeyError::Curve(other.to_string())),
    }
}

/// A private key that the server let out; `like` is its public half.
pub fn private_key(block: &KeyBlock, like: &PublicKey) -> Result<PrivateKey, PrivateKeyError> {
    let KeyMaterial::Bytes(bytes) = &block.material else {
        return Err(PrivateKeyError::Unusable);
    };
    let key = match (block.format, like) {
        (Some(KeyFormatType::PKCS_1), _) => PrivateKey::from_pkcs1(bytes),
        (Some(KeyFormatType::EC_PRIVATE_KEY), PublicKey::Ec { curve, .. }) => {
            PrivateKey::from_sec1(bytes, *curve)
        }
        _ => PrivateKey::from_pkcs8(bytes),
    };
    key.and_then(|key| match key.public() == like {
        true => Ok(key),
        false => Err(PrivateKeyError::OtherPair),
    })
}

/// The algorithm as KMIP numbers it.
pub fn algorithm(key_type: KeyType) -> CryptographicAlgorithm {
    match key_type {
        KeyType::Rsa(_) => CryptographicAlgorithm::RSA,
        KeyType::Ec(_) => CryptographicAlgorithm::ECDSA,
        KeyType::Ed25519 => CryptographicAlgorithm::ED25519,
        KeyType::MlDsa(ParameterSet::MlDsa44) => CryptographicAlgorithm::MLDSA_44,
        KeyType::MlDsa(ParameterSet::MlDsa65) => CryptographicAlgorithm::MLDSA_65,
        KeyType::MlDsa(ParameterSet::MlDsa87) => CryptographicAlgorithm::MLDSA_87,
    }
}

fn ml_dsa(number: CryptographicAlgorithm) -> Option<ParameterSet> {
    let mut all = ParameterSet::ALL.into_iter();
    all.find(|set| algorithm(KeyType::MlDsa(*set)) == number)
}

/// What servers may call the algorithms of keys of these kinds; nothing if these are all that servers
/// usually have, so that one question is enough.
pub fn algorithms(kinds: &[KeyKind]) -> Vec<CryptographicAlgorithm> {
    use CryptographicAlgorithm as Algorithm;
    if KeyKind::OPENSSH.iter().all(|kind| kinds.contains(kind)) {
        return vec![];
    }
    let mut all = vec![];
    for kind in kinds {
        let names: &[_] = match kind {
            KeyKind::Rsa => &[Algorithm::RSA],
            KeyKind::MlDsa44 => &[Algorithm::MLDSA_44],
            KeyKind::MlDsa65 => &[Algorithm::MLDSA_65],
            KeyKind::MlDsa87 => &[Algorithm::MLDSA_87],
            KeyKind::Ed25519 => &[Algorithm::ED25519, Algorithm::EC, Algorithm::ECDSA],
            _ => &[Algorithm::EC, Algorithm::ECDSA, Algorithm::ECDH],
        };
        all.extend(
            names
                .iter()
                .filter(|name| !all.contains(*name))
                .copied()
                .collect::<Vec<_>>(),
        );
    }
    all
}

/// The curve as KMIP numbers it; Ed25519 and ML-DSA say all by their algorithm.
pub fn recommended_curve(key_type: KeyType) -> Option<RecommendedCurve> {
    match key_type {
        KeyType::Rsa(_) | KeyType::Ed25519 | KeyType::MlDsa(_) => None,
        KeyType::Ec(Curve::P256) => Some(RecommendedCurve::P_256),
        KeyType::Ec(Curve::P384) => Some(RecommendedCurve::P_384),
        KeyType::Ec(Curve::P521) => Some(RecommendedCurve::P_521),
    }
}

/// The length in bits as KMIP counts it; of ML-DSA, that of the public key.
pub fn length(key_type: KeyType) -> u32 {
    match key_type {
        KeyType::Rsa(bits) => u32::try_from(bits).unwrap_or(u32::MAX),
        KeyType::Ec(Curve::P256) | KeyType::Ed25519 => 256,
        KeyType::Ec(Curve::P384) => 384,
        KeyType::Ec(Curve::P521) => 521,
        KeyType::MlDsa(set) => u32::try_from(8 * set.public_key_len()).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn block(algorithm: CryptographicAlgorithm, material: KeyMaterial) -> KeyBlock {
        KeyBlock {
            format: None,
            algorithm: Some(algorithm),
            length: None,
            material,
            wrapping: None,
        }
    }

    fn bytes(bytes: &[u8]) -> KeyMaterial {
        KeyMaterial::Bytes(Zeroizing::new(bytes.to_vec()))
    }

    #[test]
    fn a_public_key_is_known_in_every_form() {
        let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).unwrap();
        let PublicKey::Ec { point, .. } = private.public() else {
            unreachable!()
        };
        let curve = RecommendedCurve::P_256;
        let q = point.clone();
        for material in [
            bytes(&private.public().to_spki().unwrap()),
            bytes(point),
            KeyMaterial::TransparentEcPublic { curve, q },
        ] {
            let block = block(CryptographicAlgorithm::EC, material);
            assert_eq!(public_key(&block).as_ref(), Ok(private.public()));
        }
    }

    #[test]
    fn an_algorithm_is_asked_for_once_and_by_all_its_names() {
        use CryptographicAlgorithm as Algorithm;
        assert_eq!(algorithms(&KeyKind::ALL), []);
        assert_eq!(algorithms(&KeyKind::OPENSSH), []);
        assert_eq!(algorithms(&[KeyKind::MlDsa65]), [Algorithm::MLDSA_65]);
        assert_eq!(algorithms(&[KeyKind::Rsa]), [Algorithm::RSA]);
        let curves = algorithms(&[KeyKind::EcdsaP256, KeyKind::EcdsaP384]);
        assert_eq!(curves, [Algorithm::EC, Algorithm::ECDSA, Algorithm::ECDH]);
    }

    #[test]
    fn raw_ed25519_and_garbage() {
        let raw = block(CryptographicAlgorithm::ED25519, bytes(&[7; 32]));
        assert_eq!(public_key(&raw), Ok(PublicKey::Ed25519([7; 32])));
        for junk in [&[][..], &[4], &[0x30, 0x80, 1]] {
            let block = block(CryptographicAlgorithm::RSA, bytes(junk));
            assert!(public_key(&block).is_err());
        }
    }

    #[test]
    fn a_private_key_of_another_pair_is_refused() {
        let [mine, other] = [(); 2].map(|()| PrivateKey::generate(KeyType::Ed25519).unwrap());
        let block = block(
            CryptographicAlgorithm::ED25519,
            KeyMaterial::Bytes(mine.to_pkcs8().unwrap()),
        );
        assert!(private_key(&block, mine.public()).is_ok());
        let refused = private_key(&block, other.public()).err();
        assert_eq!(refused, Some(PrivateKeyError::OtherPair));
    }
}
