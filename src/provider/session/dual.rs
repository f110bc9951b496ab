//! The functions that go on with two operations at once (v3.2, 5.17).

use zeroize::Zeroizing;

use super::Session;
use crate::error::{Error, Result};
use crate::model::output::Output;

type Brought = Result<Option<Zeroizing<Vec<u8>>>>;

impl Session {
    /// C_DigestEncryptUpdate (v3.2, 5.17.1).
    pub fn digest_encrypt_update(&mut self, part: &[u8], encrypted: Output<u8>) -> Result {
        both(self.digest.is_active(), self.encrypt.is_active())?;
        let brought = self.encrypting().advance(part, encrypted);
        match went_on(brought, || self.digest.cancel())? {
            Some(_) => self.digesting().update(part),
            None => Ok(()),
        }
    }

    /// C_DecryptDigestUpdate (v3.2, 5.17.2): what comes out later, by C_DecryptFinal, is the program's to digest.
    pub fn decrypt_digest_update(&mut self, encrypted: &[u8], part: Output<u8>) -> Result {
        both(self.decrypt.is_active(), self.digest.is_active())?;
        let brought = self.decrypting().advance(encrypted, part);
        match went_on(brought, || self.digest.cancel())? {
            Some(plain) => self.digesting().update(&plain),
            None => Ok(()),
        }
    }

    /// C_SignEncryptUpdate (v3.2, 5.17.3).
    pub fn sign_encrypt_update(&mut self, part: &[u8], encrypted: Output<u8>) -> Result {
        both(self.sign.is_active(), self.encrypt.is_active())?;
        let brought = self.encrypting().advance(part, encrypted);
        match went_on(brought, || self.sign.cancel())? {
            Some(_) => self.signing().update(part),
            None => Ok(()),
        }
    }

    /// C_DecryptVerifyUpdate (v3.2, 5.17.4): what comes out later is the program's, as above.
    pub fn decrypt_verify_update(&mut self, encrypted: &[u8], part: Output<u8>) -> Result {
        both(self.decrypt.is_active(), self.verify.is_active())?;
        let brought = self.decrypting().advance(encrypted, part);
        match went_on(brought, || self.verify.cancel())? {
            Some(plain) => self.verifying().update(&plain),
            None => Ok(()),
        }
    }
}

fn both(one: bool, other: bool) -> Result {
    match one && other {
        true => Ok(()),
        false => Err(Error::OperationNotInitialized),
    }
}

/// An error that ends one operation ends the other one, too; a lack of room ends none.
fn went_on(brought: Brought, end: impl FnOnce()) -> Brought {
    match &brought {
        Ok(_) | Err(Error::BufferTooSmall) => {}
        Err(_) => end(),
    }
    brought
}
