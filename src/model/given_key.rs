//! The key that the attributes of a template speak of: its kind, and its public numbers.

use cryptoki_sys::*;
use der::Decode;
use der::asn1::{ObjectIdentifier, OctetStringRef, PrintableStringRef};

use super::attribute::Template;
use super::attribute_rules::{given, given_number};
use super::ml_dsa::ParameterSet;
use super::public_key::{Curve, KeyType, PublicKey};
use crate::error::{Error, Result};

/// What Ed25519 is called in CKA_EC_PARAMS (v3.2, 6.3.3), besides edwards25519: RFC 8410, and GnuPG.
const ED25519: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.3.101.112"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.15.1"),
];

/// The value that the object cannot be without.
///
/// # Errors
/// `TemplateIncomplete`.
pub fn needed(template: &Template, kind: CK_ATTRIBUTE_TYPE) -> Result<&[u8]> {
    given(template, kind).ok_or(Error::TemplateIncomplete(kind))
}

/// The same of a number.
///
/// # Errors
/// The same, and `AttributeValueInvalid`.
pub fn needed_number(template: &Template, kind: CK_ATTRIBUTE_TYPE) -> Result<CK_ULONG> {
    given_number(template, kind)?.ok_or(Error::TemplateIncomplete(kind))
}

/// The kind of pair to be made, of that CKA_KEY_TYPE.
///
/// # Errors
/// What is missing, unknown or too large in the template of the public key.
pub fn wanted_pair(public: &Template, key_type: CK_KEY_TYPE) -> Result<KeyType> {
    match key_type {
        CKK_RSA => {
            let bits = needed_number(public, CKA_MODULUS_BITS)?;
            usual_exponent(given(public, CKA_PUBLIC_EXPONENT))?;
            let bits = usize::try_from(bits).unwrap_or(usize::MAX);
            Ok(KeyType::Rsa(bits))
        }
        CKK_EC | CKK_EC_EDWARDS => curve(needed(public, CKA_EC_PARAMS)?, key_type),
        CKK_ML_DSA => parameter_set(public).map(KeyType::MlDsa),
        _ => Err(unknown_type()),
    }
}

/// Keys are made with 65537 alone.
fn usual_exponent(exponent: Option<&[u8]>) -> Result {
    let digits = exponent.map(|it| it.iter().skip_while(|&&byte| byte == 0));
    match digits.is_none_or(|mut digits| digits.by_ref().copied().eq([1, 0, 1])) {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid {
            kind: CKA_PUBLIC_EXPONENT,
            why: "RSA keys are made with the public exponent 65537",
        }),
    }
}

/// The public key that a template has the numbers of.
///
/// # Errors
/// What is missing, and `AttributeValueInvalid` for numbers that are none of a key.
pub fn public_key(template: &Template, key_type: CK_KEY_TYPE) -> Result<PublicKey> {
    match key_type {
        CKK_RSA => {
            let modulus = needed(template, CKA_MODULUS)?;
            let exponent = needed(template, CKA_PUBLIC_EXPONENT)?;
            PublicKey::from_rsa(modulus, exponent)
                .map_err(|_| invalid(CKA_MODULUS, "of 2048 to 8192 bits, and odd exponents"))
        }
        CKK_EC | CKK_EC_EDWARDS => {
            let kind = curve(needed(template, CKA_EC_PARAMS)?, key_type)?;
            point(needed(template, CKA_EC_POINT)?, kind)
        }
        CKK_ML_DSA => {
            let set = parameter_set(template)?;
            PublicKey::from_ml_dsa(set, needed(template, CKA_VALUE)?)
                .map_err(|_| invalid(CKA_VALUE, "not as long as the parameter set says"))
        }
        _ => Err(unknown_type()),
    }
}

/// The parameter set of an ML-DSA key.
///
/// # Errors
/// If there is none, or no such one.
pub fn parameter_set(template: &Template) -> Result<ParameterSet> {
    let number = needed_number(template, CKA_PARAMETER_SET)?;
    ParameterSet::of_number(number).ok_or(Error::ParameterSetNotSupported)
}

/// The curve of those parameters: an object identifier, or a name as text.
///
/// # Errors
/// `CurveNotSupported` for one of others, `AttributeValueInvalid` for what names none.
pub fn curve(parameters: &[u8], key_type: CK_KEY_TYPE) -> Result<KeyType> {
    let named = |text: &str| match text {
        "secp256r1" | "prime256v1" | "P-256" => Some(KeyType::Ec(Curve::P256)),
        "secp384r1" | "P-384" => Some(KeyType::Ec(Curve::P384)),
        "secp521r1" | "P-521" => Some(KeyType::Ec(Curve::P521)),
        "edwards25519" => Some(KeyType::Ed25519),
        _ => None,
    };
    let numbered = |oid: ObjectIdentifier| match ED25519.contains(&oid) {
        true => Some(KeyType::Ed25519),
        false => {
            let found = Curve::ALL.into_iter().find(|curve| curve.oid() == oid);
            found.map(KeyType::Ec)
        }
    };
    let found = if let Ok(oid) = ObjectIdentifier::from_der(parameters) {
        numbered(oid)
    } else if let Ok(text) = PrintableStringRef::from_der(parameters) {
        named(text.as_str())
    } else {
        return Err(invalid(
            CKA_EC_PARAMS,
            "neither an OBJECT IDENTIFIER nor a name",
        ));
    };
    let fits = |kind: &KeyType| matches!(kind, KeyType::Ed25519) == (key_type == CKK_EC_EDWARDS);
    found.filter(fits).ok_or(Error::CurveNotSupported)
}

/// A point as an OCTET STRING, or bare, as other versions of the standard have it.
///
/// # Errors
/// `AttributeValueInvalid` for what is none of that kind of key.
pub fn point(value: &[u8], kind: KeyType) -> Result<PublicKey> {
    let of = |bytes: &[u8]| match kind {
        KeyType::Ec(curve) => PublicKey::from_point(curve, bytes).ok(),
        _ => PublicKey::from_ed25519(bytes).ok(),
    };
    let inner = <&OctetStringRef>::from_der(value).ok();
    let found = inner.and_then(|inner| of(inner.as_bytes()));
    let found = found.or_else(|| of(value));
    found.ok_or_else(|| invalid(CKA_EC_POINT, "no uncompressed point of the curve"))
}

fn invalid(kind: CK_ATTRIBUTE_TYPE, why: &'static str) -> Error {
    Error::AttributeValueInvalid { kind, why }
}

/// For a CKA_KEY_TYPE that no key here has.
pub fn unknown_type() -> Error {
    invalid(CKA_KEY_TYPE, "no key of that type and class is made here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::Attributes;

    fn template(attributes: &Attributes) -> Template {
        let all = attributes.iter();
        all.map(|(kind, value)| (kind, value.to_vec())).collect()
    }

    fn code<T: std::fmt::Debug>(answer: Result<T>) -> CK_RV {
        CK_RV::from(&answer.unwrap_err())
    }

    #[test]
    fn a_public_key_is_read_from_what_it_shows() {
        let set = ParameterSet::MlDsa65;
        let ml_dsa = PublicKey::from_ml_dsa(set, &vec![7; set.public_key_len()]).unwrap();
        let point = [&[4][..], &[7; 64]].concat();
        for (key, key_type) in [
            (PublicKey::from_rsa(&[0x81; 256], &[1, 0, 1]), CKK_RSA),
            (PublicKey::from_point(Curve::P256, &point), CKK_EC),
            (PublicKey::from_ed25519(&[7; 32]), CKK_EC_EDWARDS),
            (Ok(ml_dsa.clone()), CKK_ML_DSA),
        ] {
            let key = key.unwrap();
            let mut shown = template(&key.attributes());
            if let PublicKey::MlDsa { bytes, .. } = &key {
                shown.push((CKA_VALUE, bytes.clone()));
            }
            assert_eq!(public_key(&shown, key_type), Ok(key));
            assert_eq!(code(public_key(&vec![], key_type)), CKR_TEMPLATE_INCOMPLETE);
        }
    }

    #[test]
    fn curves_go_by_identifier_and_by_name() {
        let brainpool = [6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7];
        let gnupg = b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01";
        assert_eq!(
            curve(b"\x13\x0cedwards25519", CKK_EC_EDWARDS),
            Ok(KeyType::Ed25519)
        );
        assert_eq!(curve(gnupg, CKK_EC_EDWARDS), Ok(KeyType::Ed25519));
        assert_eq!(
            curve(b"\x13\x09secp384r1", CKK_EC),
            Ok(KeyType::Ec(Curve::P384))
        );
        assert_eq!(code(curve(&brainpool, CKK_EC)), CKR_CURVE_NOT_SUPPORTED);
        assert_eq!(code(curve(gnupg, CKK_EC)), CKR_CURVE_NOT_SUPPORTED);
        assert_eq!(code(curve(b"junk", CKK_EC)), CKR_ATTRIBUTE_VALUE_INVALID);
    }

    #[test]
    fn a_pair_is_wanted_with_what_it_takes() {
        let bits = (CKA_MODULUS_BITS, 3072_u64.to_ne_bytes().to_vec());
        assert_eq!(
            wanted_pair(&vec![bits.clone()], CKK_RSA),
            Ok(KeyType::Rsa(3072))
        );
        let exponent = |bytes: &[u8]| vec![bits.clone(), (CKA_PUBLIC_EXPONENT, bytes.to_vec())];
        assert!(wanted_pair(&exponent(&[0, 1, 0, 1]), CKK_RSA).is_ok());
        assert_eq!(
            code(wanted_pair(&exponent(&[3]), CKK_RSA)),
            CKR_ATTRIBUTE_VALUE_INVALID
        );
        assert_eq!(code(wanted_pair(&vec![], CKK_EC)), CKR_TEMPLATE_INCOMPLETE);
        let set = (CKA_PARAMETER_SET, 77_u64.to_ne_bytes().to_vec());
        assert_eq!(
            code(wanted_pair(&vec![set], CKK_ML_DSA)),
            CKR_PARAMETER_SET_NOT_SUPPORTED
        );
    }
}
