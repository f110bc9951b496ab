//! Whether a signature may leave: by the public key here, as far as we can compute it.

use crate::crypto;
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::PublicKey;
use crate::model::verification::Verification;

/// Whether `signature`, in PKCS#11's form, is one of that key by that mechanism; `None` if that cannot
/// be computed here.
pub fn verdict(
    key: &PublicKey,
    call: &MechanismCall,
    data: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let by = Verification::of(call).ok()?;
    let made = by.digest.map(|digest| crypto::digest(digest, data));
    let data = made.as_deref().unwrap_or(data);
    match by.goes_with(key.key_type()) && by.takes(key, data) {
        true => Some(crypto::check(key, by, data, signature)),
        false => None,
    }
}
