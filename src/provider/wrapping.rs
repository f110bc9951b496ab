//! The ways in which a key is wrapped and unwrapped.

use zeroize::Zeroizing;

use super::ciphering::{Engine, refused};
use super::slot::Slot;
use crate::crypto::cipher::Direction;
use crate::crypto::key_wrap;
use crate::error::Result;
use crate::model::key_wrap::WrapKind;

/// A way, with its key.
pub enum Wrapping {
    /// AES key wrap, by that value.
    KeyWrap(WrapKind, Zeroizing<Vec<u8>>),
    /// What encrypts data, too.
    Encryption(Engine),
}

impl Wrapping {
    /// The wrapped form of a key's value.
    pub fn wrap(self, slot: &Slot, value: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::KeyWrap(kind, kek) => key_wrap::wrap(kind, &kek, value)
                .map_err(|error| refused(error, Direction::Encrypt, value.len())),
            Self::Encryption(engine) => engine.finish(slot, value),
        }
    }

    /// The value of a wrapped key.
    pub fn unwrap(self, slot: &Slot, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::KeyWrap(kind, kek) => key_wrap::unwrap(kind, &kek, wrapped)
                .map_err(|error| refused(error, Direction::Decrypt, wrapped.len())),
            Self::Encryption(engine) => engine.finish(slot, wrapped),
        }
    }
}
