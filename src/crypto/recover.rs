//! What an RSA signature says: the padding of PKCS#1 v1.5 taken off by the public key.

use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};

use crate::model::public_key::PublicKey;

/// The data that was padded and signed by CKM_RSA_PKCS (RFC 8017, 9.2, with any data in the place of
/// the DigestInfo); `None` if the signature is none of that key and form.
pub fn recover(key: &PublicKey, signature: &[u8]) -> Option<Vec<u8>> {
    let PublicKey::Rsa { modulus, exponent } = key else {
        return None;
    };
    let (n, e) = (
        BigUint::from_bytes_be(modulus),
        BigUint::from_bytes_be(exponent),
    );
    let key = RsaPublicKey::new_with_max_size(n, e, LONGEST).ok()?;
    let signature = Some(signature).filter(|it| it.len() == key.size())?;
    let number = BigUint::from_bytes_be(signature);
    if number >= *key.n() {
        return None;
    }
    let padded = rsa::hazmat::rsa_encrypt(&key, &number).ok()?.to_bytes_be();
    // The leading zero is no part of the number.
    let [1, rest @ ..] = padded.as_slice() else {
        return None;
    };
    let filling = rest.iter().take_while(|byte| **byte == 0xff).count();
    let whole = padded.len() + 1 == key.size() && filling >= 8;
    match rest.get(filling..) {
        Some([0, data @ ..]) if whole => Some(data.to_vec()),
        _ => None,
    }
}

/// Bits of the longest modulus.
const LONGEST: usize = 8192;
