//! The parameters of mechanisms, read from C to their last field.
//!
//! # Safety
//! As for `argument.rs`: what a structure points to is as long as it says.

use cryptoki_sys::*;

use std::ffi::c_void;

use super::argument::{cells, input, required};
use crate::error::Result;
use crate::model::gcm_message::GcmMessage;
use crate::model::mechanism_call::Parameter;

/// Bytes of an IV, a label, shared data or a public key that nobody has a use for.
const LONGEST: CK_ULONG = 1 << 16;

/// Bytes of a context of EdDSA (RFC 8032, 5.1) or ML-DSA (FIPS 204, 5.2).
const LONGEST_CONTEXT: CK_ULONG = 255;

/// Bytes of additional data in one call.
const LONGEST_AAD: CK_ULONG = 16 << 20;

/// The parameter of a mechanism; one of a wrong length, or that points nowhere, is one that nobody knows.
pub(super) unsafe fn read(mechanism: CK_MECHANISM) -> Parameter {
    let known = match mechanism.mechanism {
        CKM_RSA_PKCS_PSS
        | CKM_SHA1_RSA_PKCS_PSS
        | CKM_SHA224_RSA_PKCS_PSS
        | CKM_SHA256_RSA_PKCS_PSS
        | CKM_SHA384_RSA_PKCS_PSS
        // SAFETY: see the module.
        | CKM_SHA512_RSA_PKCS_PSS => unsafe { copied(mechanism) }.map(pss),
        // SAFETY: see the module.
        CKM_EDDSA => unsafe { copied(mechanism).and_then(|it| eddsa(it)) },
        // SAFETY: see the module.
        CKM_ML_DSA => unsafe { copied(mechanism).and_then(|it| sign_context(it)) },
        // SAFETY: see the module.
        CKM_AES_CBC | CKM_AES_CBC_PAD => unsafe { copied(mechanism) }.map(Parameter::Iv),
        // SAFETY: see the module.
        CKM_AES_CTR => unsafe { copied(mechanism) }.map(ctr),
        // SAFETY: see the module.
        CKM_AES_GCM => unsafe {
            let data = copied(mechanism).map(|it| gcm(it));
            data.unwrap_or_else(|| copied(mechanism).and_then(|it| gcm_wrap(it)))
        },
        // SAFETY: see the module.
        CKM_RSA_PKCS_OAEP => unsafe { copied(mechanism).and_then(|it| oaep(it)) },
        // SAFETY: see the module.
        CKM_ECDH1_DERIVE | CKM_ECDH1_COFACTOR_DERIVE => unsafe {
            copied(mechanism).and_then(|it| ecdh(it))
        },
        CKM_AES_KEY_WRAP | CKM_AES_KEY_WRAP_KWP | CKM_AES_KEY_WRAP_PAD => {
            let (place, length) = (mechanism.pParameter.cast(), mechanism.ulParameterLen);
            // SAFETY: see the module.
            unsafe { bytes(place, length, 8) }.map(Parameter::WrapIv)
        }
        CKM_SHA_1_HMAC_GENERAL
        | CKM_SHA224_HMAC_GENERAL
        | CKM_SHA256_HMAC_GENERAL
        | CKM_SHA384_HMAC_GENERAL
        | CKM_SHA512_HMAC_GENERAL
        // SAFETY: see the module.
        | CKM_AES_CMAC_GENERAL => unsafe { copied(mechanism) }.map(Parameter::MacLength),
        _ => None,
    };
    known.unwrap_or(Parameter::Unknown)
}

/// The structure that a parameter is, if it has its length.
unsafe fn copied<T: Copy>(mechanism: CK_MECHANISM) -> Option<T> {
    if mechanism.ulParameterLen != size_of::<T>() as CK_ULONG {
        return None;
    }
    // SAFETY: see the module.
    let place = unsafe { required(mechanism.pParameter.cast::<T>()) };
    place.ok().map(|place| place.get())
}

/// Bytes that a structure points to.
unsafe fn bytes(data: *mut u8, length: CK_ULONG, most: CK_ULONG) -> Option<Vec<u8>> {
    match length <= most {
        // SAFETY: see the module.
        true => unsafe { input(data, length) }.ok(),
        false => None,
    }
}

/// The parameter of a message: CK_GCM_MESSAGE_PARAMS, whose IV and tag stay where they are. One of a wrong
/// length, or that points nowhere, is none: the operation, which may not have begun, comes first.
pub(super) unsafe fn message<'call>(
    place: *mut c_void,
    length: CK_ULONG,
) -> Result<Option<GcmMessage<'call>>> {
    if length != size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG {
        // SAFETY: see the module.
        return unsafe { cells(place.cast::<u8>(), length) }.map(|_| None);
    }
    // SAFETY: see the module.
    let gcm = unsafe { required(place.cast::<CK_GCM_MESSAGE_PARAMS>()) }?.get();
    if gcm.ulIvLen > LONGEST || gcm.ulTagBits > 128 {
        return Ok(None);
    }
    // SAFETY: see the module; both are as long as it says.
    let places = unsafe {
        (
            cells(gcm.pIv, gcm.ulIvLen),
            cells(gcm.pTag, gcm.ulTagBits / 8),
        )
    };
    let (Ok(iv), Ok(tag)) = places else {
        return Ok(None);
    };
    Ok(Some(GcmMessage {
        iv,
        fixed_bits: gcm.ulIvFixedBits,
        generator: gcm.ivGenerator,
        tag,
        tag_bits: gcm.ulTagBits,
    }))
}

fn pss(pss: CK_RSA_PKCS_PSS_PARAMS) -> Parameter {
    let (hash, mgf, salt) = (pss.hashAlg, pss.mgf, pss.sLen);
    Parameter::Pss { hash, mgf, salt }
}

unsafe fn eddsa(eddsa: CK_EDDSA_PARAMS) -> Option<Parameter> {
    Some(Parameter::Eddsa {
        prehash: eddsa.phFlag != CK_FALSE,
        // SAFETY: see the module.
        context: unsafe { bytes(eddsa.pContextData, eddsa.ulContextDataLen, LONGEST_CONTEXT) }?,
    })
}

unsafe fn sign_context(signing: CK_SIGN_ADDITIONAL_CONTEXT) -> Option<Parameter> {
    if signing.hedgeVariant > CKH_DETERMINISTIC_REQUIRED {
        return None;
    }
    Some(Parameter::SignContext {
        hedge: signing.hedgeVariant,
        // SAFETY: see the module.
        context: unsafe { bytes(signing.pContext, signing.ulContextLen, LONGEST_CONTEXT) }?,
    })
}

fn ctr(ctr: CK_AES_CTR_PARAMS) -> Parameter {
    let (bits, block) = (ctr.ulCounterBits, ctr.cb);
    Parameter::Ctr { bits, block }
}

/// ulIvBits is the length once more, and left zero by some: it says nothing else, or the call is refused.
unsafe fn gcm(gcm: CK_GCM_PARAMS) -> Option<Parameter> {
    if gcm.ulIvBits != 0 && Some(gcm.ulIvBits) != gcm.ulIvLen.checked_mul(8) {
        return None;
    }
    Some(Parameter::Gcm {
        // SAFETY: see the module.
        iv: unsafe { bytes(gcm.pIv, gcm.ulIvLen, LONGEST) }?,
        // SAFETY: see the module.
        aad: unsafe { bytes(gcm.pAAD, gcm.ulAADLen, LONGEST_AAD) }?,
        tag_bits: gcm.ulTagBits,
    })
}

/// The parameter where a key is wrapped; the IV is the program's.
unsafe fn gcm_wrap(gcm: CK_GCM_WRAP_PARAMS) -> Option<Parameter> {
    if gcm.ivGenerator != CKG_NO_GENERATE {
        return None;
    }
    Some(Parameter::GcmWrap {
        // SAFETY: see the module.
        iv: unsafe { bytes(gcm.pIv, gcm.ulIvLen, LONGEST) }?,
        // SAFETY: see the module.
        aad: unsafe { bytes(gcm.pAAD, gcm.ulAADLen, LONGEST_AAD) }?,
        tag_bits: gcm.ulTagBits,
    })
}

unsafe fn oaep(oaep: CK_RSA_PKCS_OAEP_PARAMS) -> Option<Parameter> {
    Some(Parameter::Oaep {
        hash: oaep.hashAlg,
        mgf: oaep.mgf,
        source: oaep.source,
        // SAFETY: see the module.
        label: unsafe { bytes(oaep.pSourceData.cast(), oaep.ulSourceDataLen, LONGEST) }?,
    })
}

unsafe fn ecdh(ecdh: CK_ECDH1_DERIVE_PARAMS) -> Option<Parameter> {
    Some(Parameter::Ecdh {
        kdf: ecdh.kdf,
        // SAFETY: see the module.
        shared: unsafe { bytes(ecdh.pSharedData, ecdh.ulSharedDataLen, LONGEST) }?,
        // SAFETY: see the module.
        public: unsafe { bytes(ecdh.pPublicData, ecdh.ulPublicDataLen, LONGEST) }?,
    })
}
