//! What cryptographic operations work on: data to sign, to encrypt, to decrypt.

use crate::kmip::wiped::Secret;
use std::fmt;

/// What is signed.
#[derive(Clone, PartialEq, Eq)]
pub enum SignInput {
    /// The message; the server hashes it if the scheme does.
    Data(Vec<u8>),
    /// The digest of the message (since 1.4).
    DigestedData(Vec<u8>),
}

impl fmt::Debug for SignInput {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(bytes) => write!(out, "Data({} bytes)", bytes.len()),
            Self::DigestedData(bytes) => write!(out, "DigestedData({} bytes)", bytes.len()),
        }
    }
}

/// What is encrypted or decrypted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CipherInput {
    /// The plain or the encrypted bytes.
    pub data: Secret,
    /// IV, counter or nonce; without one the server makes one or takes none, as the parameters say.
    pub iv_counter_nonce: Option<Vec<u8>>,
    /// What is authenticated and not encrypted (since 1.4).
    pub additional_data: Option<Secret>,
    /// The tag by which decryption authenticates (since 1.4).
    pub tag: Option<Vec<u8>>,
}
