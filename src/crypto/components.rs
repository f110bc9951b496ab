//! A private key and the numbers that PKCS#11 takes it apart into.

use cryptoki_sys::*;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use rsa::pkcs8::EncodePrivateKey;
use rsa::{BigUint, RsaPrivateKey};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::private_key::{PrivateKey, PrivateKeyError};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, PublicKey};

/// The numbers of an RSA key with two primes, big-endian (v3.2, 6.1.3).
pub struct RsaNumbers<'a> {
    /// n
    pub modulus: &'a [u8],
    /// e
    pub public_exponent: &'a [u8],
    /// d
    pub private_exponent: &'a [u8],
    /// p, q, which are found by d if they are not given
    pub primes: Option<[&'a [u8]; 2]>,
    /// what else the primes make, which is computed if it is not given
    pub remainders: Option<RsaRemainders<'a>>,
}

/// What speeds an RSA key up, big-endian.
pub struct RsaRemainders<'a> {
    /// d mod p-1, d mod q-1
    pub exponents: [&'a [u8]; 2],
    /// 1/q mod p
    pub coefficient: &'a [u8],
}

/// RFC 5915.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// An OCTET STRING of 32 bytes (RFC 8410, 7), and such a one with tag \[0\] (RFC 9881, 6).
const CURVE_SEED: [u8; 2] = [0x04, 32];
const ML_DSA_SEED: [u8; 2] = [0x80, 32];

fn unusable<E>(_: E) -> PrivateKeyError {
    PrivateKeyError::Unusable
}

impl PrivateKey {
    /// From RSA's numbers; the crypto library checks that they are of one key.
    pub fn from_rsa(numbers: &RsaNumbers<'_>) -> Result<Self, PrivateKeyError> {
        let (Some([prime1, prime2]), Some(remainders)) = (numbers.primes, &numbers.remainders)
        else {
            return Self::from_rsa_completed(numbers);
        };
        let [exponent1, exponent2] = remainders.exponents;
        let number = |bytes| UintRef::new(bytes).map_err(unusable);
        let key = RsaPrivateKeyRef {
            modulus: number(numbers.modulus)?,
            public_exponent: number(numbers.public_exponent)?,
            private_exponent: number(numbers.private_exponent)?,
            prime1: number(prime1)?,
            prime2: number(prime2)?,
            exponent1: number(exponent1)?,
            exponent2: number(exponent2)?,
            coefficient: number(remainders.coefficient)?,
            other_prime_infos: None,
        };
        Self::from_pkcs1(&encoded(&key)?)
    }

    /// What is not given is computed of the rest (NIST SP 800-56B, C.2).
    fn from_rsa_completed(numbers: &RsaNumbers<'_>) -> Result<Self, PrivateKeyError> {
        let number = BigUint::from_bytes_be;
        let primes = numbers.primes.map(|primes| primes.map(number).to_vec());
        let key = RsaPrivateKey::from_components(
            number(numbers.modulus),
            number(numbers.public_exponent),
            number(numbers.private_exponent),
            primes.unwrap_or_default(),
        );
        let der = key.map_err(unusable)?.to_pkcs8_der().map_err(unusable)?;
        Self::from_pkcs8(der.as_bytes())
    }

    /// From an elliptic curve's scalar, big-endian, of whatever length (v3.2, 6.3.4).
    pub fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, PrivateKeyError> {
        let length = curve.field_len();
        let start = scalar.iter().position(|&byte| byte != 0);
        let digits = start.and_then(|start| scalar.get(start..));
        let digits = digits.filter(|digits| digits.len() <= length);
        let digits = digits.ok_or(PrivateKeyError::Unusable)?;
        let mut padded = Zeroizing::new(vec![0; length - digits.len()]);
        padded.reserve_exact(digits.len());
        padded.extend_from_slice(digits);
        let key = EcPrivateKey {
            version: 1,
            private_key: OctetStringRef::new(&padded).map_err(unusable)?,
            parameters: Some(curve.oid()),
            public_key: None,
        };
        Self::from_sec1(&encoded(&key)?, curve)
    }

    /// From the 32 bytes of an Ed25519 private key (RFC 8032, 5.1.5).
    pub fn from_ed25519_seed(seed: &[u8]) -> Result<Self, PrivateKeyError> {
        Self::from_seed(ED25519, CURVE_SEED, seed)
    }

    /// From the 32 bytes that ML-DSA's keys are expanded of (FIPS 204, 6.1).
    pub fn from_ml_dsa_seed(set: ParameterSet, seed: &[u8]) -> Result<Self, PrivateKeyError> {
        Self::from_seed(set.oid(), ML_DSA_SEED, seed)
    }

    /// From FIPS 204's sk, in its encoding (7.2).
    pub fn from_ml_dsa_expanded(set: ParameterSet, key: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = OctetStringRef::new(key).map_err(unusable)?;
        Self::of_algorithm(set.oid(), &encoded(&key)?)
    }

    fn from_seed(
        algorithm: ObjectIdentifier,
        header: [u8; 2],
        seed: &[u8],
    ) -> Result<Self, PrivateKeyError> {
        let seed: &[u8; 32] = seed.try_into().map_err(unusable)?;
        let mut key = Zeroizing::new(Vec::with_capacity(header.len() + seed.len()));
        key.extend(header);
        key.extend(seed);
        Self::of_algorithm(algorithm, &key)
    }

    fn of_algorithm(oid: ObjectIdentifier, key: &[u8]) -> Result<Self, PrivateKeyError> {
        let parameters = None::<AnyRef<'_>>;
        let algorithm = AlgorithmIdentifierRef { oid, parameters };
        let key = OctetStringRef::new(key).map_err(unusable)?;
        Self::from_pkcs8(&encoded(&PrivateKeyInfoRef::new(algorithm, key))?)
    }

    /// The secret ones of its numbers, by their CKA_. Of ML-DSA there is only the seed.
    pub fn secret_numbers(&self) -> Result<Vec<SecretNumber>, PrivateKeyError> {
        let pkcs8 = self.to_pkcs8()?;
        let info = PrivateKeyInfoRef::from_der(&pkcs8).map_err(unusable)?;
        let key = info.private_key.as_bytes();
        match self.public() {
            PublicKey::Rsa { .. } => rsa_numbers(key),
            PublicKey::Ec { .. } => {
                let key = EcPrivateKey::from_der(key).map_err(unusable)?;
                Ok(vec![number(CKA_VALUE, key.private_key.as_bytes())])
            }
            PublicKey::Ed25519(_) => {
                let seed = key.get(CURVE_SEED.len()..).unwrap_or_default();
                Ok(vec![number(CKA_VALUE, seed)])
            }
            PublicKey::MlDsa { .. } => {
                let seed = key.get(ML_DSA_SEED.len()..).unwrap_or_default();
                Ok(vec![number(CKA_SEED, seed)])
            }
        }
    }
}

/// A secret number with its attribute type.
pub type SecretNumber = (CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>);

fn number(kind: CK_ATTRIBUTE_TYPE, bytes: &[u8]) -> SecretNumber {
    (kind, Zeroizing::new(bytes.to_vec()))
}

fn rsa_numbers(pkcs1: &[u8]) -> Result<Vec<SecretNumber>, PrivateKeyError> {
    let key = RsaPrivateKeyRef::from_der(pkcs1).map_err(unusable)?;
    let numbers = [
        (CKA_PRIVATE_EXPONENT, key.private_exponent),
        (CKA_PRIME_1, key.prime1),
        (CKA_PRIME_2, key.prime2),
        (CKA_EXPONENT_1, key.exponent1),
        (CKA_EXPONENT_2, key.exponent2),
        (CKA_COEFFICIENT, key.coefficient),
    ];
    let all = numbers.map(|(kind, value)| number(kind, value.as_bytes()));
    Ok(all.into())
}

fn encoded(value: &impl Encode) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    value.to_der().map(Zeroizing::new).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::public_key::KeyType;

    fn of(numbers: &[SecretNumber], kind: CK_ATTRIBUTE_TYPE) -> &[u8] {
        let found = numbers.iter().find(|(known, _)| *known == kind);
        found.unwrap().1.as_slice()
    }

    /// The key that the numbers of a key make.
    fn again(key: &PrivateKey) -> PrivateKey {
        let numbers = key.secret_numbers().unwrap();
        let of = |kind| of(&numbers, kind);
        let made = match key.public() {
            PublicKey::Rsa { modulus, exponent } => PrivateKey::from_rsa(&RsaNumbers {
                modulus,
                public_exponent: exponent,
                private_exponent: of(CKA_PRIVATE_EXPONENT),
                primes: Some([of(CKA_PRIME_1), of(CKA_PRIME_2)]),
                remainders: Some(RsaRemainders {
                    exponents: [of(CKA_EXPONENT_1), of(CKA_EXPONENT_2)],
                    coefficient: of(CKA_COEFFICIENT),
                }),
            }),
            PublicKey::Ec { curve, .. } => PrivateKey::from_scalar(*curve, of(CKA_VALUE)),
            PublicKey::Ed25519(_) => PrivateKey::from_ed25519_seed(of(CKA_VALUE)),
            PublicKey::MlDsa { set, .. } => PrivateKey::from_ml_dsa_seed(*set, of(CKA_SEED)),
        };
        made.unwrap()
    }

    #[test]
    fn a_key_of_each_kind_is_taken_apart_and_put_together() {
        for kind in [
            KeyType::Rsa(2048),
            KeyType::Ec(Curve::P256),
            KeyType::Ec(Curve::P384),
            KeyType::Ec(Curve::P521),
            KeyType::Ed25519,
            KeyType::MlDsa(ParameterSet::MlDsa44),
        ] {
            let key = PrivateKey::generate(kind).unwrap();
            assert_eq!(again(&key).public(), key.public(), "{kind}");
        }
    }

    #[test]
    fn an_rsa_key_may_lack_what_can_be_computed() {
        let key = PrivateKey::generate(KeyType::Rsa(2048)).unwrap();
        let numbers = key.secret_numbers().unwrap();
        let PublicKey::Rsa { modulus, exponent } = key.public() else {
            unreachable!()
        };
        let of = |kind| of(&numbers, kind);
        for primes in [None, Some([of(CKA_PRIME_1), of(CKA_PRIME_2)])] {
            let made = PrivateKey::from_rsa(&RsaNumbers {
                modulus,
                public_exponent: exponent,
                private_exponent: of(CKA_PRIVATE_EXPONENT),
                primes,
                remainders: None,
            });
            let made = made.unwrap().secret_numbers().unwrap();
            assert_eq!(made[0].1, numbers[0].1);
        }
    }

    #[test]
    fn a_scalar_may_have_leading_zeros_or_lack_them() {
        let short = PrivateKey::from_scalar(Curve::P256, &[7]).unwrap();
        let long = PrivateKey::from_scalar(Curve::P256, &[&[0; 40][..], &[7]].concat()).unwrap();
        assert_eq!(short.public(), long.public());
        for wrong in [&[][..], &[0; 32], &[0xff; 32], &[1; 33]] {
            assert!(PrivateKey::from_scalar(Curve::P256, wrong).is_err());
        }
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_no_key() {
        let key = PrivateKey::generate(KeyType::Rsa(2048)).unwrap();
        let PublicKey::Rsa { modulus, exponent } = key.public() else {
            unreachable!()
        };
        let of = |primes, remainders| {
            PrivateKey::from_rsa(&RsaNumbers {
                modulus,
                public_exponent: exponent,
                private_exponent: &[3],
                primes,
                remainders,
            })
        };
        let remainders = RsaRemainders {
            exponents: [&[1], &[1]],
            coefficient: &[2],
        };
        assert!(of(Some([&[3], &[5]]), Some(remainders)).is_err());
        assert!(of(Some([&[3], &[5]]), None).is_err());
        assert!(of(None, None).is_err());
        assert!(PrivateKey::from_ed25519_seed(&[1; 31]).is_err());
        assert!(PrivateKey::from_ml_dsa_expanded(ParameterSet::MlDsa44, &[1; 9]).is_err());
    }
}
