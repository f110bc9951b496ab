//! Message authentication codes over data that comes in parts, by aws-lc-rs.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{cmac, hmac};
use zeroize::Zeroizing;

use super::cipher::CipherError;
use crate::model::digest::Digest;
use crate::model::mac::MacKind;

/// A code in the making.
pub struct Mac {
    engine: Engine,
    length: usize,
}

enum Engine {
    Hmac(Box<hmac::Context>),
    Cmac(Box<cmac::Context>),
}

impl Mac {
    /// A code of the first `length` bytes, of nothing yet.
    ///
    /// # Errors
    /// [`CipherError::KeyLength`] of AES, and [`CipherError::Refused`] for an HMAC that the crypto library
    /// does not have.
    pub fn new(kind: MacKind, key: &[u8], length: usize) -> Result<Self, CipherError> {
        let engine = match kind {
            MacKind::Hmac(digest) => {
                let key = hmac::Key::new(algorithm(digest)?, key);
                Engine::Hmac(Box::new(hmac::Context::with_key(&key)))
            }
            MacKind::AesCmac => {
                let algorithm = match key.len() {
                    16 => cmac::AES_128,
                    24 => cmac::AES_192,
                    32 => cmac::AES_256,
                    _ => return Err(CipherError::KeyLength),
                };
                let key = cmac::Key::new(algorithm, key).map_err(|_| CipherError::Refused)?;
                Engine::Cmac(Box::new(cmac::Context::with_key(&key)))
            }
        };
        Ok(Self { engine, length })
    }

    /// Bytes of the code.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Takes the next part.
    ///
    /// # Errors
    /// [`CipherError::Refused`].
    pub fn update(&mut self, part: &[u8]) -> Result<(), CipherError> {
        match &mut self.engine {
            Engine::Hmac(context) => {
                context.update(part);
                Ok(())
            }
            Engine::Cmac(context) => context.update(part).map_err(|_| CipherError::Refused),
        }
    }

    /// The code of all parts.
    ///
    /// # Errors
    /// [`CipherError::Refused`].
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let mut code = Zeroizing::new(match self.engine {
            Engine::Hmac(context) => context.sign().as_ref().to_vec(),
            Engine::Cmac(context) => {
                let tag = context.sign().map_err(|_| CipherError::Refused)?;
                tag.as_ref().to_vec()
            }
        });
        code.truncate(self.length);
        Ok(code)
    }

    /// Whether that is the code of all parts; how far it is, no clock tells.
    ///
    /// # Errors
    /// [`CipherError::Refused`].
    pub fn is(self, code: &[u8]) -> Result<bool, CipherError> {
        let own = self.finish()?;
        Ok(verify_slices_are_equal(&own, code).is_ok())
    }
}

fn algorithm(digest: Digest) -> Result<hmac::Algorithm, CipherError> {
    match digest {
        Digest::Sha1 => Ok(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Digest::Sha224 => Ok(hmac::HMAC_SHA224),
        Digest::Sha256 => Ok(hmac::HMAC_SHA256),
        Digest::Sha384 => Ok(hmac::HMAC_SHA384),
        Digest::Sha512 => Ok(hmac::HMAC_SHA512),
        _ => Err(CipherError::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    fn made(kind: MacKind, key: &[u8], parts: &[&[u8]], length: usize) -> Vec<u8> {
        let mut mac = Mac::new(kind, key, length).unwrap();
        for part in parts {
            mac.update(part).unwrap();
        }
        mac.finish().unwrap().to_vec()
    }

    /// RFC 4231, 4.3 (test case 2), and RFC 2202, 3 for SHA-1.
    #[test]
    fn hmac_gives_the_codes_of_its_standards() {
        let data: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        for (digest, wanted) in [
            (Digest::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                Digest::Sha224,
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
            ),
            (
                Digest::Sha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            let wanted = hex(wanted);
            let kind = MacKind::Hmac(digest);
            assert_eq!(made(kind, b"Jefe", data, wanted.len()), wanted);
            assert_eq!(made(kind, b"Jefe", data, 5), wanted[..5]);
        }
        assert!(Mac::new(MacKind::Hmac(Digest::Sha3_256), b"Jefe", 32).is_err());
    }

    /// RFC 4493, 4, examples 1 to 4.
    #[test]
    fn cmac_gives_the_codes_of_its_standard() {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let message = hex(concat!(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ));
        for (length, wanted) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            let parts: Vec<&[u8]> = message[..length].chunks(7).collect();
            assert_eq!(made(MacKind::AesCmac, &key, &parts, 16), hex(wanted));
        }
        let short = Mac::new(MacKind::AesCmac, &[1; 15], 16);
        assert!(matches!(short, Err(CipherError::KeyLength)));
    }

    #[test]
    fn another_code_is_not_the_code() {
        let mac = |_| Mac::new(MacKind::Hmac(Digest::Sha256), b"k", 4).unwrap();
        let code = mac(()).finish().unwrap();
        assert!(mac(()).is(&code).unwrap());
        assert!(!mac(()).is(&code[..3]).unwrap() && !mac(()).is(&[0; 4]).unwrap());
    }
}
