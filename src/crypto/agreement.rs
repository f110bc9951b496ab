//! A secret that two keys of a curve agree on (NIST SP 800-56A, 5.7.1.2), and keying material made of it.

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::Hasher;
use crate::forks;
use crate::model::digest::Digest;
use crate::model::public_key::{Curve, PublicKey};

/// The secret of a PKCS#8 private key and another one's public key: the x coordinate, as long as the field. None
/// if they are not of one curve.
pub fn shared_secret(pkcs8: &[u8], peer: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    let PublicKey::Ec { curve, point } = peer else {
        return None;
    };
    forks::between(|| agreed(pkcs8, *curve, point)).ok()
}

fn agreed(pkcs8: &[u8], curve: Curve, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let by = algorithm(curve);
    let key = agreement::PrivateKey::from_private_key_der(by, pkcs8)?;
    let peer = UnparsedPublicKey::new(by, point);
    agreement::agree(&key, peer, Unspecified, |secret| {
        Ok(Zeroizing::new(secret.to_vec()))
    })
}

fn algorithm(curve: Curve) -> &'static agreement::Algorithm {
    match curve {
        Curve::P256 => &agreement::ECDH_P256,
        Curve::P384 => &agreement::ECDH_P384,
        Curve::P521 => &agreement::ECDH_P521,
    }
}

/// So many bytes of the derivation function of ANSI X9.63 (SEC 1, 3.6.1), which aws-lc-rs does not have.
pub fn x963(by: Digest, secret: &[u8], shared: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let blocks = length.div_ceil(by.digest_len());
    let mut made = Zeroizing::new(Vec::with_capacity(blocks * by.digest_len()));
    for counter in (1_u32..).take(blocks) {
        let mut hasher = Hasher::new(by);
        hasher.update(secret);
        hasher.update(&counter.to_be_bytes());
        hasher.update(shared);
        made.extend_from_slice(&Zeroizing::new(hasher.finish()));
    }
    made.truncate(length);
    made
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;
    use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
    use crate::model::public_key::KeyType;

    fn key(curve: Curve) -> PrivateKey {
        PrivateKey::generate(KeyType::Ec(curve)).unwrap()
    }

    #[test]
    fn both_sides_agree_and_a_third_does_not() {
        for curve in Curve::ALL {
            let [one, other, third] = [(); 3].map(|()| key(curve));
            let secret = one.agree(other.public()).unwrap();
            assert_eq!(secret.len(), curve.field_len());
            assert_eq!(other.agree(one.public()), Ok(secret.clone()));
            assert_ne!(third.agree(one.public()), Ok(secret));
        }
    }

    #[test]
    fn keys_of_other_curves_and_kinds_do_not_agree() {
        let one = key(Curve::P256);
        assert_eq!(
            one.agree(key(Curve::P384).public()),
            Err(PrivateKeyError::Agree)
        );
        let ed25519 = PrivateKey::generate(KeyType::Ed25519).unwrap();
        assert_eq!(one.agree(ed25519.public()), Err(PrivateKeyError::Agree));
        assert_eq!(ed25519.agree(one.public()), Err(PrivateKeyError::Agree));
        let nowhere = PublicKey::from_point(Curve::P256, &[&[4][..], &[7; 64]].concat());
        assert_eq!(one.agree(&nowhere.unwrap()), Err(PrivateKeyError::Agree));
    }

    /// The secret, the shared data and the result are figures of NIST's CAVP for ANSI X9.63 with SHA-256.
    #[test]
    fn derivation_is_that_of_the_standard() {
        let secret = hex("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08");
        let made = x963(Digest::Sha256, &secret, b"", 16);
        assert_eq!(*made, hex("443024c3dae66b95e6f5670601558f71"));
        let longer = x963(Digest::Sha256, &secret, b"", 100);
        assert_eq!((longer.len(), &longer[..16]), (100, &made[..]));
    }
}
