//! A mechanism with its parameter as the module gets it.

use cryptoki::mechanism::dsa::{HedgeType, SignAdditionalContext};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki_sys::*;

use super::device::{Fault, FaultKind, Wrapping};
use crate::model::cipher::{OaepHash, RsaPadding};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::public_key::KeyType;

/// Mechanisms that the crate knows, and leaves out of the lists that it reads.
pub const UNLISTED: [MechanismType; 2] =
    [MechanismType::SHA224_RSA_PKCS, MechanismType::ECDSA_SHA224];

/// The mechanism of a call.
pub fn of_call(call: &MechanismCall) -> Result<Mechanism<'_>, Fault> {
    match &call.parameter {
        Parameter::None => plain(call.number).ok_or_else(|| match needs_parameter(call.number) {
            true => no_parameter(call.number),
            false => unknown(call.number),
        }),
        Parameter::Pss { hash, mgf, salt } => {
            let wrong = |_| no_parameter(call.number);
            let parameter = PkcsPssParams {
                hash_alg: match *hash {
                    CKM_SHA224 => MechanismType::SHA224,
                    other => MechanismType::try_from(other).map_err(wrong)?,
                },
                mgf: PkcsMgfType::try_from(*mgf).map_err(wrong)?,
                s_len: (*salt).into(),
            };
            pss(call.number, parameter).ok_or_else(|| no_parameter(call.number))
        }
        Parameter::Eddsa { prehash, context } if call.number == CKM_EDDSA => {
            let scheme = match prehash {
                true => EddsaSignatureScheme::Ed25519ph(context),
                false => EddsaSignatureScheme::Ed25519ctx(context),
            };
            Ok(Mechanism::Eddsa(EddsaParams::new(scheme)))
        }
        Parameter::SignContext { hedge, context } if call.number == CKM_ML_DSA => {
            let hedge = match *hedge {
                CKH_HEDGE_REQUIRED => HedgeType::Required,
                CKH_DETERMINISTIC_REQUIRED => HedgeType::DeterministicRequired,
                _ => HedgeType::Preferred,
            };
            let context = SignAdditionalContext::new(hedge, Some(context));
            Ok(Mechanism::MlDsa(context))
        }
        _ => Err(no_parameter(call.number)),
    }
}

/// Whether a mechanism signs with the keys that programs see here: HMAC, CMAC and the like need
/// secret keys, and others keys of types that are not shown.
pub fn signs(number: CK_MECHANISM_TYPE) -> bool {
    plain(number).is_some() || needs_parameter(number)
}

/// Whether keys of that type sign by it. To ask the module is not safe: SoftHSM2 2.6.1 ends the process
/// if an EC key is to sign by CKM_RSA_X_509.
pub fn goes_with(number: CK_MECHANISM_TYPE, key: KeyType) -> bool {
    match number {
        CKM_EDDSA => KeyType::Ed25519 == key,
        CKM_ML_DSA => matches!(key, KeyType::MlDsa(_)),
        CKM_ECDSA | CKM_ECDSA_SHA1 | CKM_ECDSA_SHA224 | CKM_ECDSA_SHA256 | CKM_ECDSA_SHA384
        | CKM_ECDSA_SHA512 => matches!(key, KeyType::Ec(_)),
        _ if number >= CKM_VENDOR_DEFINED => true,
        _ => matches!(key, KeyType::Rsa(_)),
    }
}

/// The mechanism that wraps and unwraps.
pub fn of_wrapping(wrapping: Wrapping) -> Mechanism<'static> {
    let oaep = |hash, mask| {
        Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mask, PkcsOaepSource::empty()))
    };
    match wrapping {
        Wrapping::AesKw => Mechanism::AesKeyWrap,
        Wrapping::AesKwp => Mechanism::AesKeyWrapPad,
        Wrapping::RsaOaepSha1 => oaep(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        Wrapping::RsaOaepSha256 => oaep(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
    }
}

/// The mechanism that takes such a padding off.
pub fn of_padding(padding: &RsaPadding) -> Mechanism<'_> {
    let RsaPadding::Oaep { hash, label } = padding else {
        return Mechanism::RsaPkcs;
    };
    let (hash, mask) = match hash {
        OaepHash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        OaepHash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        OaepHash::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        OaepHash::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    };
    let label = match label.is_empty() {
        true => PkcsOaepSource::empty(),
        false => PkcsOaepSource::data_specified(label),
    };
    Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mask, label))
}

fn plain(number: CK_MECHANISM_TYPE) -> Option<Mechanism<'static>> {
    Some(match number {
        CKM_RSA_PKCS => Mechanism::RsaPkcs,
        CKM_RSA_X_509 => Mechanism::RsaX509,
        CKM_SHA1_RSA_PKCS => Mechanism::Sha1RsaPkcs,
        CKM_SHA224_RSA_PKCS => Mechanism::Sha224RsaPkcs,
        CKM_SHA256_RSA_PKCS => Mechanism::Sha256RsaPkcs,
        CKM_SHA384_RSA_PKCS => Mechanism::Sha384RsaPkcs,
        CKM_SHA512_RSA_PKCS => Mechanism::Sha512RsaPkcs,
        CKM_ECDSA => Mechanism::Ecdsa,
        CKM_ECDSA_SHA1 => Mechanism::EcdsaSha1,
        CKM_ECDSA_SHA224 => Mechanism::EcdsaSha224,
        CKM_ECDSA_SHA256 => Mechanism::EcdsaSha256,
        CKM_ECDSA_SHA384 => Mechanism::EcdsaSha384,
        CKM_ECDSA_SHA512 => Mechanism::EcdsaSha512,
        CKM_EDDSA => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
        CKM_ML_DSA => Mechanism::MlDsa(SignAdditionalContext::new(HedgeType::Preferred, None)),
        _ => {
            let vendors = MechanismType::new_vendor_defined(number).ok()?;
            Mechanism::VendorDefined(VendorDefinedMechanism::new::<u8>(vendors, None))
        }
    })
}

fn pss(number: CK_MECHANISM_TYPE, parameter: PkcsPssParams) -> Option<Mechanism<'static>> {
    Some(match number {
        CKM_RSA_PKCS_PSS => Mechanism::RsaPkcsPss(parameter),
        CKM_SHA1_RSA_PKCS_PSS => Mechanism::Sha1RsaPkcsPss(parameter),
        CKM_SHA256_RSA_PKCS_PSS => Mechanism::Sha256RsaPkcsPss(parameter),
        CKM_SHA384_RSA_PKCS_PSS => Mechanism::Sha384RsaPkcsPss(parameter),
        CKM_SHA512_RSA_PKCS_PSS => Mechanism::Sha512RsaPkcsPss(parameter),
        _ => return None,
    })
}

fn needs_parameter(number: CK_MECHANISM_TYPE) -> bool {
    matches!(
        number,
        CKM_RSA_PKCS_PSS
            | CKM_SHA1_RSA_PKCS_PSS
            | CKM_SHA256_RSA_PKCS_PSS
            | CKM_SHA384_RSA_PKCS_PSS
            | CKM_SHA512_RSA_PKCS_PSS
    )
}

fn no_parameter(number: CK_MECHANISM_TYPE) -> Fault {
    let said = format!("mechanism {number:#x} does not take this parameter, or none");
    Fault::new(FaultKind::Parameter, said)
}

fn unknown(number: CK_MECHANISM_TYPE) -> Fault {
    let said = format!("mechanism {number:#x} cannot be passed on to a module");
    Fault::new(FaultKind::Mechanism, said)
}
