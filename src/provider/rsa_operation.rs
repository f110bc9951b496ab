//! RSA encryption or decryption being made: collects what belongs to it, and is done at its end.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::session_object::{Material, SessionObject};
use super::slot::Slot;
use crate::crypto::rsa_encryption;
use crate::error::{Error, Result};
use crate::model::cipher::RsaPadding;
use crate::model::key::Key;
use crate::model::public_key::PublicKey;

/// One block of RSA.
pub struct RsaOperation {
    by: By,
    padding: RsaPadding,
    modulus_len: usize,
    data: Zeroizing<Vec<u8>>,
}

/// Whose key does it.
pub enum By {
    /// A public key encrypts, here.
    Public(PublicKey),
    /// A private key of the program's decrypts, here.
    Session(Arc<SessionObject>),
    /// A private key of the token's decrypts, where it lives.
    Token(Arc<Key>),
}

impl RsaOperation {
    /// One that has seen nothing yet, with a key of so many bytes.
    pub fn new(by: By, padding: RsaPadding, modulus_len: usize) -> Self {
        Self {
            by,
            padding,
            modulus_len,
            data: Zeroizing::default(),
        }
    }

    /// Bytes of the result, at most.
    pub fn most(&self) -> usize {
        match self.by {
            By::Public(_) => self.modulus_len,
            _ => self.padding.longest(self.modulus_len),
        }
    }

    /// True if it is just as many.
    pub fn is_exact(&self) -> bool {
        matches!(self.by, By::Public(_))
    }

    /// Takes a part, as long as there can be more.
    pub fn update(&mut self, part: &[u8]) -> Result {
        let got = self.data.len().saturating_add(part.len());
        match &self.by {
            By::Public(_) if got > self.padding.longest(self.modulus_len) => {
                let wanted = "no more than fit into the modulus with the padding";
                Err(Error::DataLenRange { got, wanted })
            }
            By::Session(_) | By::Token(_) if got > self.modulus_len => Err(other_length(got)),
            _ => {
                self.data.extend_from_slice(part);
                Ok(())
            }
        }
    }

    /// The result.
    pub fn finish(self, slot: &Slot) -> Result<Zeroizing<Vec<u8>>> {
        match &self.by {
            By::Public(key) => {
                let made = rsa_encryption::encrypt(key, &self.padding, &self.data);
                made.map(Zeroizing::new).ok_or(Error::FunctionFailed(
                    "the crypto library does not encrypt by this key",
                ))
            }
            _ if self.data.len() != self.modulus_len => Err(other_length(self.data.len())),
            By::Token(key) => slot.decrypt(key, &self.padding, &self.data),
            By::Session(object) => {
                let Material::Private(key) = object.material() else {
                    return Err(Error::KeyHandleInvalid(object.handle));
                };
                key.decrypt(&self.padding, &self.data)
                    .ok_or(Error::EncryptedDataInvalid(UNREADABLE))
            }
        }
    }
}

/// One answer for all that can be wrong with a ciphertext: which of it, is nobody's to know.
pub const UNREADABLE: &str = "this is no message that was encrypted so for this key";

fn other_length(got: usize) -> Error {
    let wanted = "as many as the modulus has";
    Error::EncryptedDataLenRange { got, wanted }
}
