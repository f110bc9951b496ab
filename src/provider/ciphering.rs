//! The calls that go on with a session's encryption or decryption.

use zeroize::Zeroizing;

use super::slot::Slot;
use super::underway::Turn;
use crate::crypto::cipher::{Cipher, CipherError, Direction};
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};
use crate::provider::rsa_operation::RsaOperation;

/// From C_EncryptInit or C_DecryptInit to the end of the call that ends it.
pub struct CipherOperation {
    stage: Stage,
    in_parts: bool,
}

enum Stage {
    Working(Engine),
    /// All is done, and the caller had no room for it.
    Done(Zeroizing<Vec<u8>>),
}

/// By what it is done.
pub enum Engine {
    /// Here, by AES.
    Aes(Cipher, Direction),
    /// By RSA, wherever the key is.
    Rsa(RsaOperation),
}

impl Engine {
    fn update_len(&self, part: usize) -> usize {
        match self {
            Engine::Aes(cipher, _) => cipher.update_len(part),
            Engine::Rsa(_) => 0,
        }
    }

    /// Bytes of the result once so many more are there, at most.
    fn most(&self, more: usize) -> usize {
        match self {
            Engine::Aes(cipher, _) => {
                let ready = cipher.update_len(more);
                ready.saturating_add(cipher.finish_len(more))
            }
            Engine::Rsa(rsa) => rsa.most(),
        }
    }

    /// True if it is just as many.
    fn is_exact(&self) -> bool {
        match self {
            Engine::Aes(cipher, _) => cipher.is_exact(),
            Engine::Rsa(rsa) => rsa.is_exact(),
        }
    }

    fn update(&mut self, part: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Engine::Aes(cipher, direction) => {
                let done = cipher.update(part);
                done.map_err(|error| refused(error, *direction, part.len()))
            }
            Engine::Rsa(rsa) => rsa.update(part).map(|()| Zeroizing::default()),
        }
    }

    /// The result of all that is still to come, with `last` before the end.
    pub fn finish(mut self, slot: &Slot, last: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut result = match last.is_empty() {
            true => Zeroizing::default(),
            false => self.update(last)?,
        };
        match self {
            Engine::Aes(cipher, direction) => {
                let rest = cipher.finish();
                let rest = rest.map_err(|error| refused(error, direction, last.len()))?;
                result.extend_from_slice(&rest);
                Ok(result)
            }
            Engine::Rsa(rsa) => rsa.finish(slot),
        }
    }
}

/// What the caller is told of it.
pub fn refused(error: CipherError, direction: Direction, got: usize) -> Error {
    match (error, direction) {
        (CipherError::KeyLength, _) => Error::KeySizeRange("an AES key has 16, 24 or 32 bytes"),
        (CipherError::Length(wanted), Direction::Encrypt) => Error::DataLenRange { got, wanted },
        (CipherError::Length(wanted), Direction::Decrypt) => {
            Error::EncryptedDataLenRange { got, wanted }
        }
        (CipherError::NotAuthentic, _) => Error::EncryptedDataInvalid(NOT_AUTHENTIC),
        (CipherError::Refused, _) => Error::FunctionFailed("the crypto library refused"),
    }
}

const NOT_AUTHENTIC: &str = "this was not encrypted so by this key, or was changed since";

impl CipherOperation {
    /// One that has seen nothing yet.
    pub fn new(engine: Engine) -> Self {
        Self {
            stage: Stage::Working(engine),
            in_parts: false,
        }
    }
}

/// A session's encryption or decryption, for one call.
pub type Ciphering<'session> = Turn<'session, CipherOperation>;

impl Ciphering<'_> {
    /// C_Encrypt, C_Decrypt (v3.2, 5.8.2, 5.10.2): they cannot end what came in parts, which stays.
    pub fn whole(self, data: &[u8], result: Output<u8>) -> Result {
        self.end(Some(data), result)
    }

    /// C_EncryptUpdate, C_DecryptUpdate (v3.2, 5.8.3, 5.10.3): a part for whose result there is no room
    /// has not been taken.
    pub fn update(self, part: &[u8], result: Output<u8>) -> Result {
        self.advance(part, result).map(drop)
    }

    /// The same, which tells what the part has brought out; none if it has not been taken.
    pub fn advance(
        self,
        part: &[u8],
        mut result: Output<u8>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let (mut operation, place) = self.operation()?;
        let Stage::Working(engine) = &mut operation.stage else {
            place.keep(operation);
            return Err(Error::OperationActive);
        };
        match result.room_for(engine.update_len(part.len())) {
            Room::Enough => {
                let brought = engine.update(part)?;
                result.put(&brought)?;
                operation.in_parts = true;
                place.keep(operation);
                Ok(Some(brought))
            }
            room => {
                place.keep(operation);
                room.verdict().map(|()| None)
            }
        }
    }

    /// C_EncryptFinal, C_DecryptFinal (v3.2, 5.8.4, 5.10.4).
    pub fn finish(self, result: Output<u8>) -> Result {
        self.end(None, result)
    }

    /// A question about the size, or too small an answer to it, leaves the operation (v3.2, 5.2). A result
    /// whose length nobody knows before is made once, and waits for the room that it needs.
    fn end(self, whole: Option<&[u8]>, mut result: Output<u8>) -> Result {
        let slot = self.slot;
        let (operation, place) = self.operation()?;
        if whole.is_some() && operation.in_parts {
            place.keep(operation);
            return Err(Error::OperationActive);
        }
        let CipherOperation { stage, in_parts } = operation;
        let data = whole.unwrap_or_default();
        let done = match stage {
            Stage::Done(done) => done,
            Stage::Working(engine) => match result.room_for(engine.most(data.len())) {
                room if room == Room::OnlyAsked
                    || (room == Room::TooSmall && engine.is_exact()) =>
                {
                    let stage = Stage::Working(engine);
                    place.keep(CipherOperation { stage, in_parts });
                    return room.verdict();
                }
                _ => engine.finish(slot, data)?,
            },
        };
        let room = result.room_for(done.len());
        match room {
            Room::Enough => result.put(&done),
            room => {
                let stage = Stage::Done(done);
                place.keep(CipherOperation { stage, in_parts });
                room.verdict()
            }
        }
    }
}
