//! A session key in the making: its numbers, what it may do, and what is told of its past.

use std::sync::Arc;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::new_object::{NewObject, agree, storage};
use super::session_object::Material;
use crate::crypto::check_value;
use crate::crypto::components::{RsaNumbers, RsaRemainders};
use crate::crypto::is_on_its_curve;
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::{Act, accepted, given};
use crate::model::given_key::{
    curve, needed, needed_number, parameter_set, public_key, unknown_type,
};
use crate::model::key_mechanism::LONGEST_SECRET;
use crate::model::public_key::{KeyType, PublicKey};

/// Where a key's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A program gave it, or it came wrapped.
    Outside,
    /// It was made here by that mechanism.
    Made(CK_MECHANISM_TYPE),
    /// It was derived of a key of which that is told (v3.2, 5.18.5).
    Derived {
        /// CKA_ALWAYS_SENSITIVE
        always_sensitive: bool,
        /// CKA_NEVER_EXTRACTABLE
        never_extractable: bool,
    },
}

/// C_CreateObject with a public key.
pub fn public(template: &Template) -> Result<NewObject> {
    let key_type = needed_number(template, CKA_KEY_TYPE)?;
    let given = accepted(template, CKO_PUBLIC_KEY, Some(key_type), Act::Create)?;
    let key = public_key(template, key_type)?;
    match is_on_its_curve(&key) {
        true => public_half(given, key, Origin::Outside),
        false => Err(Error::AttributeValueInvalid {
            kind: CKA_EC_POINT,
            why: "no point of the curve",
        }),
    }
}

/// C_CreateObject with a private key.
pub fn private(template: &Template, private: bool) -> Result<NewObject> {
    let key_type = needed_number(template, CKA_KEY_TYPE)?;
    let given = accepted(template, CKO_PRIVATE_KEY, Some(key_type), Act::Create)?;
    let key = private_key(template, key_type)?;
    private_half(given, key, Origin::Outside, private)
}

/// C_CreateObject with a secret key.
pub fn secret(template: &Template, private: bool) -> Result<NewObject> {
    let key_type = needed_number(template, CKA_KEY_TYPE)?;
    let given = accepted(template, CKO_SECRET_KEY, Some(key_type), Act::Create)?;
    let value = Zeroizing::new(needed(template, CKA_VALUE)?.to_vec());
    secret_key(given, key_type, value, Origin::Outside, private)
}

/// The private key that a template has the numbers of.
///
/// # Errors
/// What is missing, and `AttributeValueInvalid` for numbers that are none of a key.
pub fn private_key(template: &Template, key_type: CK_KEY_TYPE) -> Result<PrivateKey> {
    let key = match key_type {
        CKK_RSA => rsa(template)?,
        CKK_EC | CKK_EC_EDWARDS => {
            let kind = curve(needed(template, CKA_EC_PARAMS)?, key_type)?;
            let value = needed(template, CKA_VALUE)?;
            match kind {
                KeyType::Ec(curve) => PrivateKey::from_scalar(curve, value),
                _ => PrivateKey::from_ed25519_seed(value),
            }
        }
        CKK_ML_DSA => {
            let set = parameter_set(template)?;
            match given(template, CKA_SEED) {
                Some(seed) => PrivateKey::from_ml_dsa_seed(set, seed),
                None => PrivateKey::from_ml_dsa_expanded(set, needed(template, CKA_VALUE)?),
            }
        }
        _ => return Err(unknown_type()),
    };
    key.map_err(|_| Error::AttributeValueInvalid {
        kind: match key_type {
            CKK_RSA => CKA_MODULUS,
            _ => CKA_VALUE,
        },
        why: "the numbers are none of a private key that is used here",
    })
}

/// The primes and what they make may be left out (v3.2, 6.1.3).
fn rsa(template: &Template) -> Result<Result<PrivateKey, PrivateKeyError>> {
    let number = |kind| needed(template, kind);
    let both = |[one, other]: [CK_ATTRIBUTE_TYPE; 2]| {
        let numbers = given(template, one).zip(given(template, other));
        numbers.map(|(one, other)| [one, other])
    };
    Ok(PrivateKey::from_rsa(&RsaNumbers {
        modulus: number(CKA_MODULUS)?,
        public_exponent: number(CKA_PUBLIC_EXPONENT)?,
        private_exponent: number(CKA_PRIVATE_EXPONENT)?,
        primes: both([CKA_PRIME_1, CKA_PRIME_2]),
        remainders: both([CKA_EXPONENT_1, CKA_EXPONENT_2])
            .zip(given(template, CKA_COEFFICIENT))
            .map(|(exponents, coefficient)| RsaRemainders {
                exponents,
                coefficient,
            }),
    }))
}

/// A public key with what its template says of it.
pub fn public_half(given: Attributes, key: PublicKey, origin: Origin) -> Result<NewObject> {
    let own = public_numbers(&key);
    agree(&given, &own)?;
    let attributes = described(CKO_PUBLIC_KEY, key_type(&own), given, origin, false)?;
    Ok(NewObject {
        attributes: attributes.and(own),
        material: Arc::new(Material::Public(key)),
    })
}

/// What a public key shows of its numbers.
fn public_numbers(key: &PublicKey) -> Attributes {
    let own = key.attributes();
    match (key, key.key_type()) {
        (PublicKey::MlDsa { bytes, .. }, _) => own.bytes(CKA_VALUE, bytes.clone()),
        (_, KeyType::Rsa(bits)) => own.ulong(CKA_MODULUS_BITS, bits as CK_ULONG),
        _ => own,
    }
}

/// A private key with what its template says of it.
pub fn private_half(
    given: Attributes,
    key: PrivateKey,
    origin: Origin,
    private: bool,
) -> Result<NewObject> {
    let own = key.public().attributes();
    agree(&given, &own)?;
    let attributes = described(CKO_PRIVATE_KEY, key_type(&own), given, origin, private)?;
    Ok(NewObject {
        attributes: attributes.and(own),
        material: Arc::new(Material::Private(key)),
    })
}

/// A secret key with what its template says of it.
///
/// # Errors
/// `AttributeValueInvalid` for a type without secret keys, a value of a length that it does not have, or
/// the check value of another key.
pub fn secret_key(
    given: Attributes,
    key_type: CK_KEY_TYPE,
    value: Zeroizing<Vec<u8>>,
    origin: Origin,
    private: bool,
) -> Result<NewObject> {
    has_length(key_type, value.len(), CKA_VALUE)?;
    let own = Attributes::default()
        .ulong(CKA_KEY_TYPE, key_type)
        .ulong(CKA_VALUE_LEN, value.len() as CK_ULONG);
    agree(&given, &own)?;
    let check_value = check_value::of_key(key_type, &value);
    let check_value =
        check_value.map_err(|_| Error::FunctionFailed("the crypto library refused"))?;
    let own = own.bytes(CKA_CHECK_VALUE, checked(&given, check_value)?);
    let attributes = described(CKO_SECRET_KEY, key_type, given, origin, private)?;
    Ok(NewObject {
        attributes: attributes.and(own),
        material: Arc::new(Material::Secret(value)),
    })
}

/// That keys of that type have so many bytes, of which that attribute speaks.
///
/// # Errors
/// `AttributeValueInvalid`.
pub fn has_length(key_type: CK_KEY_TYPE, length: usize, kind: CK_ATTRIBUTE_TYPE) -> Result {
    let fits = match key_type {
        CKK_AES => matches!(length, 16 | 24 | 32),
        _ if is_generic(key_type) => (1..=LONGEST_SECRET).contains(&length),
        _ => return Err(unknown_type()),
    };
    match fits {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid {
            kind,
            why: "no key of that type has that length",
        }),
    }
}

/// The check value that an object shows (v3.2, 4.10.1): a template may do without it by an empty one, and has no
/// other than the right one.
pub fn checked(given: &Attributes, right: Vec<u8>) -> Result<Vec<u8>> {
    match given.get(CKA_CHECK_VALUE) {
        None => Ok(right),
        Some([]) => Ok(vec![]),
        Some(value) if value == right => Ok(right),
        Some(_) => Err(Error::AttributeValueInvalid {
            kind: CKA_CHECK_VALUE,
            why: "it is the check value of another object",
        }),
    }
}

/// Whether keys of that type are bytes of any number.
fn is_generic(key_type: CK_KEY_TYPE) -> bool {
    matches!(
        key_type,
        CKK_GENERIC_SECRET
            | CKK_SHA_1_HMAC
            | CKK_SHA224_HMAC
            | CKK_SHA256_HMAC
            | CKK_SHA384_HMAC
            | CKK_SHA512_HMAC
            | CKK_SHA512_256_HMAC
            | CKK_SHA3_256_HMAC
            | CKK_SHA3_384_HMAC
            | CKK_SHA3_512_HMAC
    )
}

fn key_type(numbers: &Attributes) -> CK_KEY_TYPE {
    numbers.number(CKA_KEY_TYPE).unwrap_or_default()
}

/// A key with what its template says of it, but for its numbers.
pub fn described(
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    given: Attributes,
    origin: Origin,
    private: bool,
) -> Result<Attributes> {
    let usual = usual(class, key_type, origin, private)?;
    Ok(match class {
        CKO_PUBLIC_KEY => usual
            .bool(CKA_TRUSTED, false)
            .bytes(CKA_SUBJECT, *b"")
            .and(given),
        CKO_PRIVATE_KEY => {
            let usual = usual.bool(CKA_ALWAYS_AUTHENTICATE, false);
            with_past(usual.bytes(CKA_SUBJECT, *b"").and(given), origin)
        }
        _ => with_past(usual.bool(CKA_TRUSTED, false).and(given), origin),
    })
}

/// What every new key says unless its template says something else (v3.2, 4.7 to 4.10): it does
/// what keys of its type can do, and a secret stays where it is.
fn usual(
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    origin: Origin,
    private: bool,
) -> Result<Attributes> {
    let (may, may_not) = uses(class, key_type);
    let attributes = storage(class, private)?
        .bytes(CKA_ID, *b"")
        .bytes(CKA_START_DATE, *b"")
        .bytes(CKA_END_DATE, *b"")
        .bools(may_not, false)
        .bools(may, true)
        .bool(CKA_LOCAL, matches!(origin, Origin::Made(_)))
        .ulong(
            CKA_KEY_GEN_MECHANISM,
            match origin {
                Origin::Made(mechanism) => mechanism,
                _ => CK_UNAVAILABLE_INFORMATION,
            },
        );
    Ok(match class {
        CKO_PUBLIC_KEY => attributes,
        _ => attributes
            .bool(CKA_SENSITIVE, true)
            .bools(&[CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED], false),
    })
}

type Kinds = &'static [CK_ATTRIBUTE_TYPE];

/// What a key of that type does unless it is told not to, and all that could be asked of its class.
fn uses(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE) -> (Kinds, Kinds) {
    const PUBLIC: Kinds = &[
        CKA_ENCRYPT,
        CKA_VERIFY,
        CKA_VERIFY_RECOVER,
        CKA_WRAP,
        CKA_DERIVE,
    ];
    const PRIVATE: Kinds = &[
        CKA_DECRYPT,
        CKA_SIGN,
        CKA_SIGN_RECOVER,
        CKA_UNWRAP,
        CKA_DERIVE,
    ];
    const SECRET: Kinds = &[
        CKA_ENCRYPT,
        CKA_DECRYPT,
        CKA_SIGN,
        CKA_VERIFY,
        CKA_WRAP,
        CKA_UNWRAP,
        CKA_DERIVE,
    ];
    match (class, key_type) {
        (CKO_PUBLIC_KEY, CKK_RSA) => (
            &[CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP],
            PUBLIC,
        ),
        (CKO_PUBLIC_KEY, _) => (&[CKA_VERIFY], PUBLIC),
        (CKO_PRIVATE_KEY, CKK_RSA) => (
            &[CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP],
            PRIVATE,
        ),
        (CKO_PRIVATE_KEY, _) => (&[CKA_SIGN], PRIVATE),
        (_, CKK_AES) => (
            &[
                CKA_ENCRYPT,
                CKA_DECRYPT,
                CKA_SIGN,
                CKA_VERIFY,
                CKA_WRAP,
                CKA_UNWRAP,
            ],
            SECRET,
        ),
        _ => (&[CKA_SIGN, CKA_VERIFY], SECRET),
    }
}

/// Adds what holds of a key's whole life (v3.2, 4.9, 4.10): a value that was outside was never
/// guarded before.
fn with_past(attributes: Attributes, origin: Origin) -> Attributes {
    let sensitive = attributes.is_true(CKA_SENSITIVE);
    let extractable = attributes.is_true(CKA_EXTRACTABLE);
    let (always_sensitive, never_extractable) = match origin {
        Origin::Outside => (false, false),
        Origin::Made(_) => (sensitive, !extractable),
        Origin::Derived {
            always_sensitive,
            never_extractable,
        } => (
            always_sensitive && sensitive,
            never_extractable && !extractable,
        ),
    };
    attributes
        .bool(CKA_ALWAYS_SENSITIVE, always_sensitive)
        .bool(CKA_NEVER_EXTRACTABLE, never_extractable)
}
