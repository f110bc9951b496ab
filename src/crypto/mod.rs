//! What is computed in this process: digests, verification of signatures, and signing with a key
//! that was let out or made here. All of it by aws-lc-rs; nothing here knows a token.

pub mod agreement;
mod bare_rsa;
pub mod check_value;
pub mod cipher;
pub mod components;
mod gcm;
pub mod key_wrap;
pub mod mac;
pub mod private_key;
pub mod rsa_encryption;
mod verify;

pub use bare_rsa::recover;
pub use verify::{check, is_on_its_curve, verify};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{digest, rand};

use crate::forks;
use crate::model::digest::Digest;
use crate::model::public_key::Curve;
use crate::model::signature::{Hash, SignInput};

/// The digest of an input, made here if it is a message.
pub fn digest_of(input: SignInput<'_>, hash: Hash) -> Vec<u8> {
    match input {
        SignInput::Digest(digest) => digest.to_vec(),
        SignInput::Message(message) => digest(hash, message),
    }
}

/// The digest of a message.
pub fn digest(by: impl Into<Digest>, message: &[u8]) -> Vec<u8> {
    digest::digest(algorithm(by), message).as_ref().to_vec()
}

/// A digest in the making, for messages that come in parts.
pub struct Hasher(digest::Context);

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(digest: impl Into<Digest>) -> Self {
        Self(digest::Context::new(algorithm(digest)))
    }

    /// Takes the next part.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The digest of all parts.
    pub fn finish(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

fn algorithm(digest: impl Into<Digest>) -> &'static digest::Algorithm {
    match digest.into() {
        Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha224 => &digest::SHA224,
        Digest::Sha256 => &digest::SHA256,
        Digest::Sha384 => &digest::SHA384,
        Digest::Sha512 => &digest::SHA512,
        Digest::Sha512_256 => &digest::SHA512_256,
        Digest::Sha3_256 => &digest::SHA3_256,
        Digest::Sha3_384 => &digest::SHA3_384,
        Digest::Sha3_512 => &digest::SHA3_512,
    }
}

/// Random bytes of the operating system.
///
/// # Errors
/// If it gives none.
pub fn fill_with_random(bytes: &mut [u8]) -> Result<(), Unspecified> {
    forks::between(|| rand::fill(bytes))
}

fn imported(bytes: &[u8], hash: Hash) -> Option<digest::Digest> {
    digest::Digest::import_less_safe(bytes, algorithm(hash)).ok()
}

/// A curve's own hash. ECDSA takes a digest as a number (FIPS 186-5, 6.4.1): longer ones are cut,
/// shorter ones get leading zeros, and so every digest can be given as one of that hash.
fn natural_digest(bytes: &[u8], curve: Curve) -> Option<digest::Digest> {
    let hash = match curve {
        Curve::P256 => Hash::Sha256,
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
    };
    let kept = bytes.get(..hash.digest_len()).unwrap_or(bytes);
    let mut number = vec![0; hash.digest_len() - kept.len()];
    number.extend_from_slice(kept);
    imported(&number, hash)
}

/// The bytes of a vector as the standards print it.
#[cfg(test)]
fn hex(text: &str) -> Vec<u8> {
    let mut bytes = vec![0; text.len() / 2];
    base16ct::mixed::decode(text, &mut bytes).unwrap();
    bytes
}
