//! AES-GCM over many messages, each with an IV and a tag of its own, by one key.

use zeroize::Zeroizing;

use crate::crypto::cipher::{Cipher, CipherError, Direction};
use crate::crypto::fill_with_random;
use crate::error::{Error, Result};
use crate::model::cipher::{AesMode, GcmMode};
use crate::model::gcm_message::{GcmMessage, IvSource, joined};
use crate::model::key_mechanism::KeyMechanism;
use crate::model::output::{Output, Room};
use crate::provider::ciphering::refused;

/// From C_MessageEncryptInit or C_MessageDecryptInit to its final call.
pub struct MessageOperation {
    row: &'static KeyMechanism,
    key: Zeroizing<Vec<u8>>,
    direction: Direction,
    /// The number of the next IV that is counted: the first one is chance, so that no two operations
    /// of one key count alike.
    next: u64,
    /// IVs that were counted.
    counted: u64,
    /// A message that comes in parts.
    begun: Option<Cipher>,
}

impl MessageOperation {
    /// One without a message yet.
    pub fn new(
        row: &'static KeyMechanism,
        key: Zeroizing<Vec<u8>>,
        direction: Direction,
    ) -> Result<Self> {
        let mut first = [0; 8];
        fill_with_random(&mut first).map_err(|_| Error::RandomNoRng)?;
        Ok(Self {
            row,
            key,
            direction,
            next: u64::from_ne_bytes(first),
            counted: 0,
            begun: None,
        })
    }

    /// The parameter of a message.
    ///
    /// # Errors
    /// CKR_MECHANISM_PARAM_INVALID if it is none.
    pub fn parameter<'call>(
        &self,
        message: Option<GcmMessage<'call>>,
    ) -> Result<GcmMessage<'call>> {
        message.ok_or_else(|| {
            self.row
                .refused("takes a CK_GCM_MESSAGE_PARAMS with places for IV and tag")
        })
    }

    /// C_EncryptMessage, C_DecryptMessage (v3.2, 5.9.2, 5.11.2).
    pub fn whole(
        &mut self,
        message: &GcmMessage<'_>,
        aad: &[u8],
        data: &[u8],
        mut result: Output<u8>,
    ) -> Result {
        if self.begun.is_some() {
            return Err(Error::OperationActive);
        }
        match result.room_for(data.len()) {
            Room::Enough => {
                let cipher = self.cipher(message, aad)?;
                result.put(&self.ended(cipher, message, data)?)
            }
            room => room.verdict(),
        }
    }

    /// C_EncryptMessageBegin, C_DecryptMessageBegin (v3.2, 5.9.3, 5.11.3).
    pub fn begin(&mut self, message: &GcmMessage<'_>, aad: &[u8]) -> Result {
        if self.begun.is_some() {
            return Err(Error::OperationActive);
        }
        self.begun = Some(self.cipher(message, aad)?);
        Ok(())
    }

    /// C_EncryptMessageNext, C_DecryptMessageNext (v3.2, 5.9.4, 5.11.4). What is decrypted comes with the
    /// last part, after its tag was right.
    pub fn next(
        &mut self,
        message: &GcmMessage<'_>,
        part: &[u8],
        mut result: Output<u8>,
        is_last: bool,
    ) -> Result {
        let cipher = self.begun.as_ref().ok_or(Error::OperationNotInitialized)?;
        let needed = match (self.direction, is_last) {
            (Direction::Decrypt, true) => cipher.finish_len(part.len() + message.tag.len()),
            _ => cipher.update_len(part.len()),
        };
        match result.room_for(needed) {
            Room::Enough => {}
            room => return room.verdict(),
        }
        let mut cipher = self.begun.take().ok_or(Error::OperationNotInitialized)?;
        if is_last {
            return result.put(&self.ended(cipher, message, part)?);
        }
        let brought = cipher.update(part);
        result.put(&brought.map_err(|error| self.refused(error, part.len()))?)?;
        self.begun = Some(cipher);
        Ok(())
    }

    fn cipher(&mut self, message: &GcmMessage<'_>, aad: &[u8]) -> Result<Cipher> {
        let row = self.row;
        let iv = match self.direction {
            Direction::Encrypt => self.iv(message)?,
            Direction::Decrypt => message.iv_bytes(),
        };
        let mode = GcmMode::new(iv.clone(), aad.to_vec(), message.tag_bits);
        let mode = mode.map_err(|why| row.refused(why))?;
        let cipher = Cipher::new(&AesMode::Gcm(mode), &self.key, self.direction);
        let cipher = cipher.map_err(|error| self.refused(error, 0))?;
        for (place, byte) in message.iv.iter().zip(iv) {
            place.set(byte);
        }
        Ok(cipher)
    }

    fn iv(&mut self, message: &GcmMessage<'_>) -> Result<Vec<u8>> {
        let given = message.iv_bytes();
        let source = message.iv_source();
        match source.map_err(|why| self.row.refused(why))? {
            IvSource::Given => Ok(given),
            IvSource::Random(fixed) => {
                let mut made = vec![0; given.len()];
                fill_with_random(&mut made).map_err(|_| Error::RandomNoRng)?;
                Ok(joined(&given, &made, fixed))
            }
            IvSource::Counter(fixed) => {
                let counted = self.counted.checked_add(1);
                self.counted = counted.ok_or(Error::FunctionFailed("all IVs were used"))?;
                let mut made = vec![0; given.len().saturating_sub(size_of::<u64>())];
                made.extend(self.next.to_be_bytes());
                self.next = self.next.wrapping_add(1);
                Ok(joined(&given, &made, fixed))
            }
        }
    }

    /// The last part, and the tag: put where the message has it, or taken from there.
    fn ended(
        &self,
        mut cipher: Cipher,
        message: &GcmMessage<'_>,
        part: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let refused = |error| self.refused(error, part.len());
        let brought = cipher.update(part).map_err(refused)?;
        match self.direction {
            Direction::Encrypt => {
                let tag = cipher.finish().map_err(refused)?;
                if tag.len() != message.tag.len() {
                    return Err(self.row.refused("has one length of the tag for a message"));
                }
                for (place, byte) in message.tag.iter().zip(tag.iter()) {
                    place.set(*byte);
                }
                Ok(brought)
            }
            Direction::Decrypt => {
                let tag: Vec<u8> = message.tag.iter().map(|byte| byte.get()).collect();
                cipher.update(&tag).map_err(refused)?;
                cipher.finish().map_err(refused)
            }
        }
    }

    fn refused(&self, error: CipherError, got: usize) -> Error {
        match error {
            CipherError::NotAuthentic => Error::AeadDecryptFailed,
            other => refused(other, self.direction, got),
        }
    }
}
