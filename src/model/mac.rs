//! Message authentication codes: which there are, which keys make them, and how long they are.

use cryptoki_sys::*;

use super::digest::Digest;
use super::mechanism_call::Parameter;

/// A code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacKind {
    /// HMAC (RFC 2104) by that digest.
    Hmac(Digest),
    /// CMAC by AES (RFC 4493, SP 800-38B).
    AesCmac,
}

impl MacKind {
    /// Bytes of the whole code.
    pub const fn full_len(self) -> usize {
        match self {
            Self::Hmac(digest) => digest.digest_len(),
            Self::AesCmac => 16,
        }
    }

    /// Bytes of a code by a mechanism with that parameter: `general` ones say how many of the whole
    /// code's bytes they are (v3.2, 6.13.10, 6.22 to 6.26).
    ///
    /// # Errors
    /// What is wrong with the parameter.
    pub fn length(self, general: bool, parameter: &Parameter) -> Result<usize, &'static str> {
        let most = self.full_len();
        match (general, parameter) {
            (false, Parameter::None) => Ok(most),
            (false, _) => Err("takes no parameter"),
            (true, Parameter::MacLength(wanted)) => usize::try_from(*wanted)
                .ok()
                .filter(|wanted| (1..=most).contains(wanted))
                .ok_or("gives from one byte to as many as the whole code has"),
            (true, _) => Err("takes a CK_MAC_GENERAL_PARAMS"),
        }
    }

    /// True if keys of that CKA_KEY_TYPE make it.
    pub fn goes_with(self, key_type: CK_KEY_TYPE) -> bool {
        match self {
            Self::AesCmac => key_type == CKK_AES,
            Self::Hmac(digest) => key_type == CKK_GENERIC_SECRET || Some(key_type) == own(digest),
        }
    }
}

/// The type of the keys that are for HMAC by that digest and nothing else.
fn own(digest: Digest) -> Option<CK_KEY_TYPE> {
    match digest {
        Digest::Sha1 => Some(CKK_SHA_1_HMAC),
        Digest::Sha224 => Some(CKK_SHA224_HMAC),
        Digest::Sha256 => Some(CKK_SHA256_HMAC),
        Digest::Sha384 => Some(CKK_SHA384_HMAC),
        Digest::Sha512 => Some(CKK_SHA512_HMAC),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_general_code_has_one_byte_to_all_and_the_others_no_choice() {
        let hmac = MacKind::Hmac(Digest::Sha256);
        assert_eq!(hmac.length(false, &Parameter::None), Ok(32));
        for (wanted, good) in [(0, false), (1, true), (32, true), (33, false)] {
            let parameter = Parameter::MacLength(wanted);
            assert_eq!(hmac.length(true, &parameter).is_ok(), good, "{wanted}");
            assert!(hmac.length(false, &parameter).is_err());
        }
        assert!(hmac.length(true, &Parameter::None).is_err());
        assert!(hmac.length(true, &Parameter::MacLength(u64::MAX)).is_err());
    }

    #[test]
    fn keys_of_one_hmac_make_no_other() {
        let sha256 = MacKind::Hmac(Digest::Sha256);
        assert!(sha256.goes_with(CKK_GENERIC_SECRET) && sha256.goes_with(CKK_SHA256_HMAC));
        assert!(!sha256.goes_with(CKK_SHA384_HMAC) && !sha256.goes_with(CKK_AES));
        assert!(MacKind::AesCmac.goes_with(CKK_AES));
        assert!(!MacKind::AesCmac.goes_with(CKK_GENERIC_SECRET));
    }
}
