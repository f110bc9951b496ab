//! A message that comes in parts: hashed as it comes where it will be hashed anyway, else kept.

use crate::crypto::Hasher;
use crate::error::{Error, Result};
use crate::model::digest::Digest;

/// Bytes of a message that are kept; a longer one is only hashed, where the mechanism allows.
pub const KEPT: usize = 1 << 20;

/// That a message is too long for a mechanism that does not hash it.
pub const TOO_LONG: Error = Error::DataLenRange {
    got: KEPT + 1,
    wanted: "at most 1 MiB for a mechanism that does not hash",
};

/// What came of it so far.
pub enum Message {
    /// Its digest.
    Hashed(Hasher),
    /// Itself.
    Kept(Vec<u8>),
}

impl Message {
    /// Nothing of a message that is to be hashed by that digest, or not at all.
    pub fn new(digest: Option<Digest>) -> Self {
        match digest {
            Some(digest) => Self::Hashed(Hasher::new(digest)),
            None => Self::Kept(vec![]),
        }
    }

    /// Takes the next part.
    pub fn add(&mut self, part: &[u8]) -> Result {
        match self {
            Self::Hashed(hasher) => hasher.update(part),
            Self::Kept(message) if message.len() + part.len() <= KEPT => {
                message.extend_from_slice(part);
            }
            Self::Kept(_) => return Err(TOO_LONG),
        }
        Ok(())
    }

    /// Its digest, or itself.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Hashed(hasher) => hasher.finish(),
            Self::Kept(message) => message,
        }
    }
}
