//! RSA by PKCS#1 v1.5 over bytes that are no DigestInfo: what CKM_RSA_PKCS does with any data, and takes off again.

use rsa::pkcs8::DecodePrivateKey;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};

use crate::model::public_key::PublicKey;

/// Bits of the longest modulus.
const LONGEST: usize = 8192;

/// The data in the place of the DigestInfo (RFC 8017, 9.2), signed by the private key in that PKCS#8;
/// `None` if the data is longer than the modulus without 11 bytes. Blinded by a random number, so that
/// its time tells nothing of the key.
pub fn sign_bare(pkcs8: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let key = RsaPrivateKey::from_pkcs8_der(pkcs8).ok()?;
    let padding = Pkcs1v15Sign::new_unprefixed();
    key.sign_with_rng(&mut OsRng, padding, data).ok()
}

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

#[cfg(test)]
mod tests {
    use super::super::private_key::PrivateKey;
    use super::*;
    use crate::model::public_key::KeyType;

    #[test]
    fn what_was_signed_comes_back_and_more_than_fits_is_not_signed() {
        let key = PrivateKey::generate(KeyType::Rsa(2048)).unwrap();
        let pkcs8 = key.to_pkcs8().unwrap();
        for length in [0, 1, 51, 245] {
            let data = vec![7; length];
            let signature = sign_bare(&pkcs8, &data).unwrap();
            assert_eq!(recover(key.public(), &signature), Some(data));
        }
        assert_eq!(sign_bare(&pkcs8, &[7; 246]), None);
    }
}
