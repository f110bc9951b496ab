//! What is computed in this process: verification of signatures, and signing with a key that was
//! let out or made here. All of it by aws-lc-rs; nothing here knows a token.

pub mod private_key;
mod verify;

pub use verify::{verify, verify_pss};

use aws_lc_rs::digest;

use crate::model::public_key::Curve;
use crate::model::signature::{Hash, SignInput};

/// The digest of an input, made here if it is a message.
pub fn digest_of(input: SignInput<'_>, hash: Hash) -> Vec<u8> {
    match input {
        SignInput::Digest(digest) => digest.to_vec(),
        SignInput::Message(message) => digest::digest(algorithm(hash), message).as_ref().to_vec(),
    }
}

/// A digest in the making, for messages that come in parts.
pub struct Hasher(digest::Context);

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(hash: Hash) -> Self {
        Self(digest::Context::new(algorithm(hash)))
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

fn algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
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
