//! A public key: what identifies a key pair, verifies its signatures, and is shown to everyone.

use std::fmt;

use aws_lc_rs::digest;
use cryptoki_sys::*;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode};
use serde::{Deserialize, Serialize};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::attribute::Attributes;
use super::ml_dsa::ParameterSet;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// PKCS#11 v3.2, 6.3.3: the curve's name as a PrintableString, which every OpenSSH takes.
const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";

/// The curves that OpenSSH signs with. Any other would end a running ssh-agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Curve {
    /// secp256r1
    P256,
    /// secp384r1
    P384,
    /// secp521r1
    P521,
}

/// The kinds of key, with the modulus length in bits for RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    /// RSA with a modulus of so many bits.
    Rsa(usize),
    /// ECDSA over a NIST curve.
    Ec(Curve),
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ML-DSA (FIPS 204).
    MlDsa(ParameterSet),
}

/// A public key in the numbers it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// Both numbers big-endian, without leading zeros.
    Rsa {
        /// The modulus n.
        modulus: Vec<u8>,
        /// The public exponent e.
        exponent: Vec<u8>,
    },
    /// The point uncompressed: 04, x, y.
    Ec {
        /// The curve.
        curve: Curve,
        /// 04, x, y.
        point: Vec<u8>,
    },
    /// The 32 bytes of RFC 8032.
    Ed25519([u8; 32]),
    /// FIPS 204's pk, in its encoding (7.2).
    MlDsa {
        /// Of which parameter set.
        set: ParameterSet,
        /// As many as the set says.
        bytes: Vec<u8>,
    },
}

/// Why bytes are no public key that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not the DER it should be.
    #[error("the public key is not valid DER: {0}")]
    Der(String),
    /// An algorithm that nothing here signs with.
    #[error("keys of algorithm {0} cannot be used here")]
    Algorithm(String),
    /// A curve without use for SSH.
    #[error("curve {0} cannot be used by OpenSSH; only P-256, P-384 and P-521 can")]
    Curve(String),
    /// A point or modulus of a wrong length or form.
    #[error("{0}")]
    Form(String),
}

impl From<der::Error> for PublicKeyError {
    fn from(error: der::Error) -> Self {
        Self::Der(error.to_string())
    }
}

impl From<spki::Error> for PublicKeyError {
    fn from(error: spki::Error) -> Self {
        Self::Der(error.to_string())
    }
}

impl Curve {
    /// All of them.
    pub const ALL: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    /// The named-curve object identifier (SEC 2, RFC 5480).
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Curve::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Curve::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Curve::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        }
    }

    /// Bytes of a coordinate, and of each half of a signature.
    pub const fn field_len(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// Bits of the field.
    pub const fn bits(self) -> usize {
        match self {
            Curve::P256 => 256,
            Curve::P384 => 384,
            Curve::P521 => 521,
        }
    }

    fn from_oid(oid: ObjectIdentifier) -> Result<Self, PublicKeyError> {
        let found = Curve::ALL.into_iter().find(|curve| curve.oid() == oid);
        found.ok_or_else(|| PublicKeyError::Curve(oid.to_string()))
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Rsa(bits) => write!(f, "RSA-{bits}"),
            KeyType::Ec(curve) => write!(f, "ECDSA P-{}", curve.bits()),
            KeyType::Ed25519 => f.write_str("Ed25519"),
            KeyType::MlDsa(set) => write!(f, "ML-DSA-{}", set.digits()),
        }
    }
}

impl PublicKey {
    /// From a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    pub fn from_spki(der: &[u8]) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfoRef::try_from(der)?;
        let whole_bytes = info.subject_public_key.as_bytes();
        let bits = whole_bytes.ok_or_else(|| {
            PublicKeyError::Form("the public key's bit string ends within a byte".to_owned())
        })?;
        match info.algorithm.oid {
            RSA => Self::from_pkcs1(bits),
            EC => Self::from_point(Curve::from_oid(info.algorithm.parameters_oid()?)?, bits),
            ED25519 => Self::from_ed25519(bits),
            other => Self::from_ml_dsa_spki(other, info.algorithm.parameters, bits),
        }
    }

    /// RFC 9881, 3: the algorithm says all, and has no parameters.
    fn from_ml_dsa_spki(
        algorithm: ObjectIdentifier,
        parameters: Option<AnyRef<'_>>,
        bits: &[u8],
    ) -> Result<Self, PublicKeyError> {
        let set = ParameterSet::of_oid(algorithm)
            .ok_or_else(|| PublicKeyError::Algorithm(algorithm.to_string()))?;
        match parameters {
            None => Self::from_ml_dsa(set, bits),
            Some(_) => Err(PublicKeyError::Form(
                "an ML-DSA key's algorithm has parameters, and must have none".into(),
            )),
        }
    }

    /// From an RSAPublicKey (RFC 8017, A.1.1).
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, PublicKeyError> {
        let key = pkcs1::RsaPublicKeyRef::from_der(der)?;
        Self::from_rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    /// From RSA's two numbers, big-endian, with or without leading zeros.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let form = match (bit_len(&modulus), bit_len(&exponent)) {
            (2048..=8192, 2..=33) if is_odd(&modulus) && is_odd(&exponent) => {
                return Ok(PublicKey::Rsa { modulus, exponent });
            }
            (2048..=8192, _) => {
                // By an exponent of 1, everybody can sign.
                "an RSA modulus or exponent cannot be used unless it is odd, the latter from 3 on \
                 and of at most 33 bits"
                    .to_owned()
            }
            (bits, _) => {
                format!("an RSA modulus of {bits} bits cannot be used; 2048 to 8192 can")
            }
        };
        Err(PublicKeyError::Form(form))
    }

    /// From an uncompressed point (SEC 1, 2.3.3).
    pub fn from_point(curve: Curve, point: &[u8]) -> Result<Self, PublicKeyError> {
        if point.len() != 1 + 2 * curve.field_len() || point.first() != Some(&4) {
            let form = format!("a point of P-{} is not uncompressed", curve.bits());
            return Err(PublicKeyError::Form(form));
        }
        let point = point.to_vec();
        Ok(PublicKey::Ec { curve, point })
    }

    /// From the 32 bytes of RFC 8032.
    pub fn from_ed25519(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let wrong = |_| PublicKeyError::Form(format!("{} bytes for Ed25519", bytes.len()));
        bytes.try_into().map(PublicKey::Ed25519).map_err(wrong)
    }

    /// From the encoding of FIPS 204 (7.2).
    pub fn from_ml_dsa(set: ParameterSet, bytes: &[u8]) -> Result<Self, PublicKeyError> {
        if bytes.len() != set.public_key_len() {
            let (got, key_type) = (bytes.len(), KeyType::MlDsa(set));
            return Err(PublicKeyError::Form(format!("{got} bytes for {key_type}")));
        }
        let bytes = bytes.to_vec();
        Ok(PublicKey::MlDsa { set, bytes })
    }

    /// Its kind.
    pub fn key_type(&self) -> KeyType {
        match self {
            PublicKey::Rsa { modulus, .. } => KeyType::Rsa(bit_len(modulus)),
            PublicKey::Ec { curve, .. } => KeyType::Ec(*curve),
            PublicKey::Ed25519(_) => KeyType::Ed25519,
            PublicKey::MlDsa { set, .. } => KeyType::MlDsa(*set),
        }
    }

    /// As a SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Result<Vec<u8>, PublicKeyError> {
        let curve_oid;
        let (oid, parameters, bits) = match self {
            PublicKey::Rsa { modulus, exponent } => {
                let key = pkcs1::RsaPublicKeyRef {
                    modulus: UintRef::new(modulus)?,
                    public_exponent: UintRef::new(exponent)?,
                };
                (RSA, Some(AnyRef::NULL), key.to_der()?)
            }
            PublicKey::Ec { curve, point } => {
                curve_oid = curve.oid();
                (EC, Some((&curve_oid).into()), point.clone())
            }
            PublicKey::Ed25519(bytes) => (ED25519, None, bytes.to_vec()),
            PublicKey::MlDsa { set, bytes } => (set.oid(), None, bytes.clone()),
        };
        let subject_public_key = BitStringRef::from_bytes(&bits)?;
        let algorithm = AlgorithmIdentifierRef { oid, parameters };
        Ok(SubjectPublicKeyInfoRef {
            algorithm,
            subject_public_key,
        }
        .to_der()?)
    }

    /// The CKA_ID of its pair where the token does not keep one: the first 20 bytes of SHA-256 of
    /// the SubjectPublicKeyInfo, so that both halves get the same without asking anyone.
    pub fn key_id(&self) -> Vec<u8> {
        let spki = self.to_spki().unwrap_or_default();
        let digest = digest::digest(&digest::SHA256, &spki);
        digest.as_ref().iter().copied().take(20).collect()
    }

    /// Bytes of a signature as PKCS#11 gives it: for ECDSA r and s of fixed length.
    pub fn signature_len(&self) -> usize {
        match self {
            PublicKey::Rsa { modulus, .. } => modulus.len(),
            PublicKey::Ec { curve, .. } => 2 * curve.field_len(),
            PublicKey::Ed25519(_) => 64,
            PublicKey::MlDsa { set, .. } => set.signature_len(),
        }
    }

    /// CKA_KEY_TYPE and what belongs to it on both halves (v3.2, 6.1.2, 6.3.3, 6.67).
    /// `CKA_PUBLIC_KEY_INFO` included.
    pub fn attributes(&self) -> Attributes {
        let spki = self.to_spki().unwrap_or_default();
        let all = Attributes::default().bytes(CKA_PUBLIC_KEY_INFO, spki);
        match self {
            PublicKey::Rsa { modulus, exponent } => all
                .ulong(CKA_KEY_TYPE, CKK_RSA)
                .bytes(CKA_MODULUS, modulus.clone())
                .bytes(CKA_PUBLIC_EXPONENT, exponent.clone()),
            PublicKey::Ec { curve, point } => all
                .ulong(CKA_KEY_TYPE, CKK_EC)
                .bytes(CKA_EC_PARAMS, curve.oid().to_der().unwrap_or_default())
                .bytes(CKA_EC_POINT, octet_string(point)),
            PublicKey::Ed25519(bytes) => all
                .ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS)
                .bytes(CKA_EC_PARAMS, EDWARDS25519)
                .bytes(CKA_EC_POINT, octet_string(bytes)),
            PublicKey::MlDsa { set, .. } => all
                .ulong(CKA_KEY_TYPE, CKK_ML_DSA)
                .ulong(CKA_PARAMETER_SET, set.number()),
        }
    }
}

fn octet_string(bytes: &[u8]) -> Vec<u8> {
    let wrapped = OctetStringRef::new(bytes).and_then(|string| string.to_der());
    wrapped.unwrap_or_default()
}

fn without_leading_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|&b| b == 0).collect()
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte % 2 == 1)
}

fn bit_len(number: &[u8]) -> usize {
    let number = without_leading_zeros(number);
    let unused = number.first().map_or(0, |b| b.leading_zeros() as usize);
    number.len() * 8 - unused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(curve: Curve) -> PublicKey {
        let mut point = vec![7; 1 + 2 * curve.field_len()];
        point[0] = 4;
        PublicKey::from_point(curve, &point).unwrap()
    }

    fn ml_dsa(set: ParameterSet) -> PublicKey {
        PublicKey::from_ml_dsa(set, &vec![7; set.public_key_len()]).unwrap()
    }

    fn every_kind() -> Vec<PublicKey> {
        let mut all: Vec<_> = Curve::ALL.into_iter().map(point).collect();
        all.push(PublicKey::from_rsa(&[0x81; 256], &[1, 0, 1]).unwrap());
        all.push(PublicKey::from_ed25519(&[9; 32]).unwrap());
        all.extend(ParameterSet::ALL.map(ml_dsa));
        all
    }

    #[test]
    fn spki_there_and_back() {
        for key in every_kind() {
            assert_eq!(PublicKey::from_spki(&key.to_spki().unwrap()), Ok(key));
        }
    }

    #[test]
    fn ids_differ_and_have_twenty_bytes() {
        let ids: std::collections::HashSet<_> =
            every_kind().iter().map(PublicKey::key_id).collect();
        assert_eq!(ids.len(), 8);
        assert!(ids.iter().all(|id| id.len() == 20));
    }

    #[test]
    fn rsa_numbers_are_unsigned_magnitudes() {
        let padded: Vec<u8> = [vec![0], vec![0x81; 256]].concat();
        let key = PublicKey::from_rsa(&padded, &[0, 1, 0, 1]).unwrap();
        assert_eq!(key.key_type(), KeyType::Rsa(2048));
        assert_eq!(key.signature_len(), 256);
        assert!(PublicKey::from_rsa(&[0x81; 128], &[3]).is_err());
        assert!(PublicKey::from_rsa(&[], &[]).is_err());
    }

    #[test]
    fn rsa_numbers_by_which_nothing_or_everything_verifies_are_refused() {
        let odd = [0x81; 256];
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1]] {
            assert!(PublicKey::from_rsa(&odd, exponent).is_err(), "{exponent:?}");
        }
        for exponent in [&[3][..], &[0, 1, 0, 1], &[1, 0, 0, 0, 1]] {
            assert!(PublicKey::from_rsa(&odd, exponent).is_ok(), "{exponent:?}");
        }
        assert!(PublicKey::from_rsa(&[0x82; 256], &[3]).is_err());
        let error = PublicKey::from_rsa(&[0x7f; 256], &[3]).unwrap_err();
        assert!(error.to_string().contains("2047 bits"), "{error}");
    }

    #[test]
    fn a_bit_string_that_ends_within_a_byte_is_no_key() {
        let ed25519 = PublicKey::from_ed25519(&[8; 32]).unwrap();
        let mut spki = ed25519.to_spki().unwrap();
        let unused = spki.len() - 33;
        spki[unused] = 1;
        assert!(PublicKey::from_spki(&spki).is_err());
    }

    #[test]
    fn what_openssh_cannot_use_is_refused_with_the_reason() {
        // id-ecPublicKey on secp256k1
        let spki = [
            &[
                0x30, 0x56, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
            ][..],
            &[6, 5, 0x2b, 0x81, 4, 0, 0x0a, 3, 0x42, 0, 4],
            &[1; 64],
        ]
        .concat();
        let error = PublicKey::from_spki(&spki).unwrap_err().to_string();
        assert!(error.contains("1.3.132.0.10"), "{error}");
        assert!(PublicKey::from_spki(b"garbage").is_err());
        assert!(PublicKey::from_point(Curve::P256, &[2; 33]).is_err());
    }

    #[test]
    fn an_ml_dsa_key_has_the_length_of_its_set_and_no_parameters() {
        let key = ml_dsa(ParameterSet::MlDsa65);
        let PublicKey::MlDsa { bytes, .. } = &key else {
            unreachable!()
        };
        for other in [ParameterSet::MlDsa44, ParameterSet::MlDsa87] {
            assert!(PublicKey::from_ml_dsa(other, bytes).is_err());
        }
        let null = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: ParameterSet::MlDsa65.oid(),
                parameters: Some(AnyRef::NULL),
            },
            subject_public_key: BitStringRef::from_bytes(bytes).unwrap(),
        };
        let error = PublicKey::from_spki(&null.to_der().unwrap()).unwrap_err();
        assert!(error.to_string().contains("has parameters"), "{error}");
        // The public half alone has CKA_VALUE: on the private one it is the secret.
        let attributes = key.attributes();
        let number = CKP_ML_DSA_65.to_ne_bytes();
        assert_eq!(attributes.get(CKA_PARAMETER_SET), Some(&number[..]));
        assert_eq!(attributes.get(CKA_VALUE), None);
    }

    #[test]
    fn points_are_octet_strings_and_parameters_named_curves() {
        let ec = point(Curve::P256).attributes();
        assert_eq!(ec.get(CKA_EC_POINT).unwrap()[..3], [4, 65, 4]);
        assert_eq!(ec.get(CKA_EC_PARAMS).unwrap()[..2], [6, 8]);
        let ed = PublicKey::from_ed25519(&[9; 32]).unwrap().attributes();
        assert_eq!(ed.get(CKA_EC_POINT).unwrap()[..2], [4, 32]);
    }
}
