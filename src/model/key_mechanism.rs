//! The mechanisms that encrypt, authenticate, make keys and derive them: what this library does by itself with the keys
//! of a session, and with public keys.

use cryptoki_sys::*;

use super::cipher::{AesKind, RsaPadding};
use super::digest::Digest;
use super::key_wrap::WrapKind;
use super::mac::MacKind;
use super::mechanism_call::Parameter;
use crate::error::{Error, Result};

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyMechanism {
    /// Its number in PKCS#11.
    pub number: CK_MECHANISM_TYPE,
    /// Its name in PKCS#11.
    pub name: &'static str,
    /// What is done by it.
    pub work: KeyWork,
}

/// What is done by a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWork {
    /// AES encrypts in that mode.
    Aes(AesKind),
    /// RSA encrypts; by OAEP, or else by PKCS#1 v1.5.
    Rsa {
        /// OAEP.
        oaep: bool,
    },
    /// A secret key makes and checks such codes.
    Mac {
        /// Which.
        kind: MacKind,
        /// The parameter says how many of its bytes.
        general: bool,
    },
    /// AES wraps keys.
    Wrap(WrapKind),
    /// A secret key of that CKA_KEY_TYPE is made.
    Generate(CK_KEY_TYPE),
    /// Two keys of a curve agree on a secret.
    Agree,
}

macro_rules! rows {
    ($($number:ident => $work:expr,)*) => {
        &[$(KeyMechanism { number: $number, name: stringify!($number), work: $work },)*]
    };
}

const fn hmac(digest: Digest, general: bool) -> KeyWork {
    let kind = MacKind::Hmac(digest);
    KeyWork::Mac { kind, general }
}

const fn cmac(general: bool) -> KeyWork {
    let kind = MacKind::AesCmac;
    KeyWork::Mac { kind, general }
}

/// CKM_AES_KEY_WRAP_PAD has had several meanings; it is RFC 5649, as in most modules. The cofactor of the curves
/// that are used here is 1: with it and without it, two keys agree on the same.
///
/// PKCS#11 v3.2, 6.1, 6.3, 6.13, 6.22 to 6.26.
static MECHANISMS: &[KeyMechanism] = rows! {
    CKM_RSA_PKCS => KeyWork::Rsa { oaep: false },
    CKM_RSA_PKCS_OAEP => KeyWork::Rsa { oaep: true },
    CKM_AES_ECB => KeyWork::Aes(AesKind::Ecb),
    CKM_AES_CBC => KeyWork::Aes(AesKind::Cbc),
    CKM_AES_CBC_PAD => KeyWork::Aes(AesKind::CbcPad),
    CKM_AES_CTR => KeyWork::Aes(AesKind::Ctr),
    CKM_AES_GCM => KeyWork::Aes(AesKind::Gcm),
    CKM_AES_KEY_WRAP => KeyWork::Wrap(WrapKind::Plain),
    CKM_AES_KEY_WRAP_PAD => KeyWork::Wrap(WrapKind::Padded),
    CKM_AES_KEY_WRAP_KWP => KeyWork::Wrap(WrapKind::Padded),
    CKM_AES_CMAC => cmac(false),
    CKM_AES_CMAC_GENERAL => cmac(true),
    CKM_SHA_1_HMAC => hmac(Digest::Sha1, false),
    CKM_SHA_1_HMAC_GENERAL => hmac(Digest::Sha1, true),
    CKM_SHA224_HMAC => hmac(Digest::Sha224, false),
    CKM_SHA224_HMAC_GENERAL => hmac(Digest::Sha224, true),
    CKM_SHA256_HMAC => hmac(Digest::Sha256, false),
    CKM_SHA256_HMAC_GENERAL => hmac(Digest::Sha256, true),
    CKM_SHA384_HMAC => hmac(Digest::Sha384, false),
    CKM_SHA384_HMAC_GENERAL => hmac(Digest::Sha384, true),
    CKM_SHA512_HMAC => hmac(Digest::Sha512, false),
    CKM_SHA512_HMAC_GENERAL => hmac(Digest::Sha512, true),
    CKM_ECDH1_DERIVE => KeyWork::Agree,
    CKM_ECDH1_COFACTOR_DERIVE => KeyWork::Agree,
    CKM_AES_KEY_GEN => KeyWork::Generate(CKK_AES),
    CKM_GENERIC_SECRET_KEY_GEN => KeyWork::Generate(CKK_GENERIC_SECRET),
    CKM_SHA_1_KEY_GEN => KeyWork::Generate(CKK_SHA_1_HMAC),
    CKM_SHA224_KEY_GEN => KeyWork::Generate(CKK_SHA224_HMAC),
    CKM_SHA256_KEY_GEN => KeyWork::Generate(CKK_SHA256_HMAC),
    CKM_SHA384_KEY_GEN => KeyWork::Generate(CKK_SHA384_HMAC),
    CKM_SHA512_KEY_GEN => KeyWork::Generate(CKK_SHA512_HMAC),
};

/// Bytes of the longest secret key.
pub const LONGEST_SECRET: usize = 1 << 16;

impl KeyMechanism {
    /// All of them, in the table's order.
    pub fn all() -> &'static [KeyMechanism] {
        MECHANISMS
    }

    /// The one of that number.
    ///
    /// # Errors
    /// CKR_MECHANISM_INVALID.
    pub fn of(number: CK_MECHANISM_TYPE) -> Result<&'static KeyMechanism> {
        let found = MECHANISMS.iter().find(|row| row.number == number);
        found.ok_or(Error::MechanismInvalid(number))
    }

    /// Key sizes - of secret keys in bytes, of RSA in bits - and what it serves for (v3.2, 5.5.6).
    pub fn info(&self) -> CK_MECHANISM_INFO {
        let (min, max, flags) = match self.work {
            KeyWork::Aes(AesKind::Gcm) => {
                let messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
                (16, 32, CKF_ENCRYPT | CKF_DECRYPT | messages)
            }
            KeyWork::Aes(_) => (16, 32, CKF_ENCRYPT | CKF_DECRYPT),
            KeyWork::Rsa { .. } => (2048, 8192, CKF_ENCRYPT | CKF_DECRYPT),
            KeyWork::Wrap(_) => (16, 32, 0),
            KeyWork::Mac { kind, .. } => match kind {
                MacKind::AesCmac => (16, 32, CKF_SIGN | CKF_VERIFY),
                MacKind::Hmac(_) => (1, LONGEST_SECRET as CK_ULONG, CKF_SIGN | CKF_VERIFY),
            },
            KeyWork::Agree => {
                let curves = CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS;
                (256, 521, CKF_DERIVE | curves)
            }
            KeyWork::Generate(CKK_AES) => (16, 32, CKF_GENERATE),
            KeyWork::Generate(_) => (1, LONGEST_SECRET as CK_ULONG, CKF_GENERATE),
        };
        let wraps = match self.wraps() {
            true => CKF_WRAP | CKF_UNWRAP,
            false => 0,
        };
        CK_MECHANISM_INFO {
            ulMinKeySize: min,
            ulMaxKeySize: max,
            flags: flags | wraps,
        }
    }

    /// Whether it wraps keys.
    pub fn wraps(&self) -> bool {
        matches!(
            self.work,
            KeyWork::Wrap(_) | KeyWork::Rsa { .. } | KeyWork::Aes(AesKind::CbcPad | AesKind::Gcm)
        )
    }

    /// Whether it encrypts data.
    pub fn encrypts(&self) -> bool {
        matches!(self.work, KeyWork::Aes(_) | KeyWork::Rsa { .. })
    }

    /// How RSA pads by it.
    ///
    /// # Errors
    /// CKR_MECHANISM_PARAM_INVALID.
    pub fn rsa_padding(&self, oaep: bool, parameter: &Parameter) -> Result<RsaPadding> {
        let padding = match (oaep, parameter) {
            (true, parameter) => RsaPadding::oaep(parameter),
            (false, Parameter::None) => Ok(RsaPadding::Pkcs1),
            (false, _) => Err("takes no parameter"),
        };
        padding.map_err(|why| self.refused(why))
    }

    /// The error for a parameter that it does not take.
    pub fn refused(&self, why: &'static str) -> Error {
        let mechanism = self.name;
        Error::ParameterInvalid { mechanism, why }
    }

    /// The error for a key that it does not go with.
    pub fn other_type(&self, key: impl Into<String>) -> Error {
        Error::KeyTypeInconsistent {
            mechanism: self.name,
            key: key.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique() {
        for row in KeyMechanism::all() {
            assert_eq!(KeyMechanism::of(row.number), Ok(row));
        }
    }
}
