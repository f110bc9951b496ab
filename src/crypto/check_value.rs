//! CKA_CHECK_VALUE (v3.2, 4.6.2, 4.10.1): three bytes by which two holders of a value see that it is the same.

use cryptoki_sys::{CK_KEY_TYPE, CKK_AES};
use zeroize::Zeroizing;

use super::cipher::{CipherError, encrypted_block};
use super::digest;
use crate::model::cipher::BLOCK;
use crate::model::digest::Digest;

/// Bytes of a check value.
const LENGTH: usize = 3;

/// That of a secret key: the beginning of a block of zeros that it encrypts, or of its SHA-1 where it
/// encrypts no blocks.
///
/// # Errors
/// [`CipherError::KeyLength`] of AES.
pub fn of_key(key_type: CK_KEY_TYPE, value: &[u8]) -> Result<Vec<u8>, CipherError> {
    match key_type {
        CKK_AES => Ok(first(&encrypted_block(value, [0; BLOCK])?)),
        _ => {
            let whole = Zeroizing::new(digest(Digest::Sha1, value));
            Ok(first(&whole))
        }
    }
}

/// That of a certificate: the beginning of its SHA-1.
pub fn of_certificate(der: &[u8]) -> Vec<u8> {
    first(&digest(Digest::Sha1, der))
}

fn first(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().take(LENGTH).copied().collect()
}

#[cfg(test)]
mod tests {
    use cryptoki_sys::CKK_GENERIC_SECRET;

    use super::super::hex;
    use super::*;

    /// SP 800-38A's zero block of NIST's AESAVS (GFSbox is of the zero key), and FIPS 180's "abc".
    #[test]
    fn check_values_are_those_of_the_standards() {
        assert_eq!(of_key(CKK_AES, &[0; 16]), Ok(hex("66e94b")));
        assert_eq!(of_key(CKK_AES, &[0; 32]), Ok(hex("dc95c0")));
        assert_eq!(of_key(CKK_GENERIC_SECRET, b"abc"), Ok(hex("a9993e")));
        assert_eq!(of_certificate(b"abc"), hex("a9993e"));
        assert_eq!(of_key(CKK_AES, &[0; 15]), Err(CipherError::KeyLength));
    }
}
