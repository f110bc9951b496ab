//! Whether a signature may leave: by the public key here, as far as we can compute it.

use aws_lc_rs::digest;
use cryptoki_sys::*;

use crate::crypto::{self, verify};
use crate::model::mechanism::Mechanism;
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::public_key::{Curve, PublicKey};
use crate::model::signature::{Hash, SignInput, SignScheme};

/// Whether `signature`, in PKCS#11's form, is one of that key by that mechanism; `None` if that cannot
/// be computed here.
pub fn verdict(
    key: &PublicKey,
    call: &MechanismCall,
    data: &[u8],
    signature: &[u8],
) -> Option<bool> {
    match (&call.parameter, key) {
        (Parameter::Pss { hash, mgf, salt }, PublicKey::Rsa { .. }) => {
            let hash = hash_of_pss(*hash, *mgf, *salt)?;
            let input = pss_input(call.number, hash, data)?;
            Some(crypto::verify_pss(key, hash, input, signature))
        }
        (Parameter::None, PublicKey::Ec { curve, .. }) => {
            let digest = ecdsa_digest(call.number, *curve, data)?;
            let scheme = SignScheme::Ecdsa(Hash::Sha256);
            Some(verify(key, scheme, SignInput::Digest(&digest), signature))
        }
        (Parameter::SignContext { context, .. }, PublicKey::MlDsa { .. }) if context.is_empty() => {
            let input = SignInput::Message(data);
            Some(verify(key, SignScheme::MlDsa, input, signature))
        }
        (Parameter::None, _) => {
            let row = Mechanism::all()
                .iter()
                .find(|row| row.number == call.number)?;
            let (scheme, input) = row.resolve(data).ok()?;
            Some(verify(key, scheme, input, signature))
        }
        _ => None,
    }
}

/// The hash, if mask and salt are those that go with it.
fn hash_of_pss(hash: u64, mgf: u64, salt: u64) -> Option<Hash> {
    let (hash, mask) = match hash {
        CKM_SHA256 => (Hash::Sha256, CKG_MGF1_SHA256),
        CKM_SHA384 => (Hash::Sha384, CKG_MGF1_SHA384),
        CKM_SHA512 => (Hash::Sha512, CKG_MGF1_SHA512),
        _ => return None,
    };
    (mgf == mask && salt == hash.digest_len() as u64).then_some(hash)
}

fn pss_input(number: CK_MECHANISM_TYPE, hash: Hash, data: &[u8]) -> Option<SignInput<'_>> {
    match (number, hash) {
        (CKM_RSA_PKCS_PSS, _) if data.len() == hash.digest_len() => Some(SignInput::Digest(data)),
        (CKM_SHA256_RSA_PKCS_PSS, Hash::Sha256)
        | (CKM_SHA384_RSA_PKCS_PSS, Hash::Sha384)
        | (CKM_SHA512_RSA_PKCS_PSS, Hash::Sha512) => Some(SignInput::Message(data)),
        _ => None,
    }
}

/// What ECDSA signs. A digest is as long as it likes; of P-521 none may be cut by us.
fn ecdsa_digest(number: CK_MECHANISM_TYPE, curve: Curve, data: &[u8]) -> Option<Vec<u8>> {
    let hash = match number {
        CKM_ECDSA if curve == Curve::P521 && data.len() > 64 => return None,
        CKM_ECDSA => return Some(data.to_vec()),
        CKM_ECDSA_SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        CKM_ECDSA_SHA224 => &digest::SHA224,
        CKM_ECDSA_SHA256 => &digest::SHA256,
        CKM_ECDSA_SHA384 => &digest::SHA384,
        CKM_ECDSA_SHA512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(hash, data).as_ref().to_vec())
}
