//! A message authentication code being made by a secret key of the program, or checked.

use crate::crypto::cipher::CipherError;
use crate::crypto::mac::Mac;
use crate::error::{Error, Result};
use crate::model::key_mechanism::KeyMechanism;
use crate::model::mac::MacKind;
use crate::model::mechanism_call::Parameter;

/// From C_SignInit to the end of C_Sign or C_SignFinal.
pub struct MacOperation {
    mac: Mac,
    in_parts: bool,
}

/// A code of nothing yet.
///
/// # Errors
/// CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE.
pub fn begun(
    row: &KeyMechanism,
    kind: MacKind,
    general: bool,
    parameter: &Parameter,
    key: &[u8],
) -> Result<Mac> {
    let length = kind.length(general, parameter);
    let length = length.map_err(|why| row.refused(why))?;
    Mac::new(kind, key, length).map_err(refused)
}

/// What the caller is told of it.
pub fn refused(error: CipherError) -> Error {
    match error {
        CipherError::KeyLength => Error::KeySizeRange("an AES key has 16, 24 or 32 bytes"),
        _ => Error::FunctionFailed("the crypto library refused"),
    }
}

impl MacOperation {
    /// One that has seen nothing yet.
    pub fn new(mac: Mac) -> Self {
        let in_parts = false;
        Self { mac, in_parts }
    }

    /// Bytes of the code.
    pub fn length(&self) -> usize {
        self.mac.length()
    }

    /// True once C_SignUpdate was called.
    pub fn in_parts(&self) -> bool {
        self.in_parts
    }

    /// Takes the next part.
    pub fn update(&mut self, part: &[u8]) -> Result {
        self.in_parts = true;
        self.mac.update(part).map_err(refused)
    }

    /// The code over `data`.
    pub fn sign(mut self, data: &[u8]) -> Result<Vec<u8>> {
        self.update(data)?;
        self.finish()
    }

    /// The code over all parts.
    pub fn finish(self) -> Result<Vec<u8>> {
        let code = self.mac.finish().map_err(refused)?;
        Ok(code.to_vec())
    }
}
