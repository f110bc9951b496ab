//! RSA encryption and decryption (RFC 8017, 7), by aws-lc-rs.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey,
    Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use zeroize::Zeroizing;

use crate::forks;
use crate::model::cipher::{OaepHash, RsaPadding};
use crate::model::public_key::PublicKey;

/// The ciphertext of a message, as long as the modulus; none if the key or the message is of no use for it.
pub fn encrypt(key: &PublicKey, padding: &RsaPadding, message: &[u8]) -> Option<Vec<u8>> {
    forks::between(|| encrypted(key, padding, message))
}

fn encrypted(key: &PublicKey, padding: &RsaPadding, message: &[u8]) -> Option<Vec<u8>> {
    let key = PublicEncryptingKey::from_der(&key.to_spki().ok()?).ok()?;
    let mut ciphertext = vec![0; key.key_size_bytes()];
    let made = match padding {
        RsaPadding::Pkcs1 => {
            let key = Pkcs1PublicEncryptingKey::new(key).ok()?;
            key.encrypt(message, &mut ciphertext).map(|it| it.len())
        }
        RsaPadding::Oaep { hash, label } => {
            let key = OaepPublicEncryptingKey::new(key).ok()?;
            key.encrypt(oaep(*hash), message, &mut ciphertext, some(label))
                .map(|it| it.len())
        }
    };
    ciphertext.truncate(made.ok()?);
    Some(ciphertext)
}

/// The message of a ciphertext, by a PKCS#8 private key; none if there is none, for whatever reason:
/// more is not told to anybody (RFC 8017, 7.2.2).
pub fn decrypt(
    pkcs8: &[u8],
    padding: &RsaPadding,
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
    let mut message = Zeroizing::new(vec![0; key.key_size_bytes()]);
    let len = opened(key, padding, ciphertext, &mut message).ok()?;
    message.truncate(len);
    Some(message)
}

fn opened(
    key: PrivateDecryptingKey,
    padding: &RsaPadding,
    ciphertext: &[u8],
    message: &mut [u8],
) -> Result<usize, Unspecified> {
    match padding {
        RsaPadding::Pkcs1 => {
            let key = Pkcs1PrivateDecryptingKey::new(key)?;
            Ok(key.decrypt(ciphertext, message)?.len())
        }
        RsaPadding::Oaep { hash, label } => {
            let key = OaepPrivateDecryptingKey::new(key)?;
            let plain = key.decrypt(oaep(*hash), ciphertext, message, some(label))?;
            Ok(plain.len())
        }
    }
}

fn some(label: &[u8]) -> Option<&[u8]> {
    (!label.is_empty()).then_some(label)
}

fn oaep(hash: OaepHash) -> &'static OaepAlgorithm {
    match hash {
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        OaepHash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        OaepHash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::private_key::PrivateKey;
    use crate::model::public_key::KeyType;

    #[test]
    fn every_padding_comes_off_again_and_no_other_does() {
        let key = PrivateKey::generate(KeyType::Rsa(2048)).unwrap();
        let pkcs8 = key.to_pkcs8().unwrap();
        let label = |label: &[u8]| label.to_vec();
        let mut paddings = vec![RsaPadding::Pkcs1];
        for hash in OaepHash::ALL {
            paddings.extend([b"".as_slice(), b"label"].map(|it| RsaPadding::Oaep {
                hash,
                label: label(it),
            }));
        }
        for padding in &paddings {
            let longest = padding.longest(256);
            for message in [vec![], vec![1; longest]] {
                let made = encrypt(key.public(), padding, &message).unwrap();
                assert_eq!(made.len(), 256);
                assert_eq!(*decrypt(&pkcs8, padding, &made).unwrap(), message);
                // Without PKCS#1 v1.5, which finds its few bytes in one of some 400 blocks of OAEP.
                let of_oaep = paddings.iter().filter(|other| **other != RsaPadding::Pkcs1);
                for other in of_oaep.filter(|other| *other != padding) {
                    assert!(decrypt(&pkcs8, other, &made).is_none(), "{padding:?}");
                }
            }
            assert!(encrypt(key.public(), padding, &vec![1; longest + 1]).is_none());
        }
        assert!(decrypt(&pkcs8, &RsaPadding::Pkcs1, &[1; 255]).is_none());
    }
}
