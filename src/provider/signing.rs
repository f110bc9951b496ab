//! The calls that go on with a session's signature.

use super::mac_operation::MacOperation;
use super::operation::SignOperation;
use super::slot::Slot;
use super::underway::Turn;
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};

/// What C_SignInit begins.
pub enum Signature {
    /// A private key's.
    Pair(SignOperation),
    /// A secret key's.
    Mac(MacOperation),
}

impl Signature {
    fn length(&self) -> usize {
        match self {
            Self::Pair(operation) => operation.signature_len(),
            Self::Mac(operation) => operation.length(),
        }
    }

    fn in_parts(&self) -> bool {
        match self {
            Self::Pair(operation) => operation.in_parts(),
            Self::Mac(operation) => operation.in_parts(),
        }
    }

    /// Takes the next part.
    pub fn update(&mut self, part: &[u8]) -> Result {
        match self {
            Self::Pair(operation) => operation.update(part),
            Self::Mac(operation) => operation.update(part),
        }
    }

    fn sign(self, slot: &Slot, data: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Pair(operation) => operation.sign(slot, data),
            Self::Mac(operation) => operation.sign(data),
        }
    }

    fn finish(self, slot: &Slot) -> Result<Vec<u8>> {
        match self {
            Self::Pair(operation) => operation.finish(slot),
            Self::Mac(operation) => operation.finish(),
        }
    }
}

/// A session's signature, for one call.
pub type Signing<'session> = Turn<'session, Signature>;

impl Signing<'_> {
    /// C_Sign (v3.2, 5.13.2): it cannot end what C_SignUpdate went on with, which stays.
    pub fn sign(self, data: &[u8], signature: Output<u8>) -> Result {
        self.end(signature, true, |operation, slot| {
            operation.sign(slot, data)
        })
    }

    /// C_SignUpdate (v3.2, 5.13.3).
    pub fn update(self, part: &[u8]) -> Result {
        let (mut operation, place) = self.operation()?;
        operation.update(part)?;
        place.keep(operation);
        Ok(())
    }

    /// C_SignFinal (v3.2, 5.13.4).
    pub fn finish(self, signature: Output<u8>) -> Result {
        self.end(signature, false, Signature::finish)
    }

    /// A question about the size, or too small an answer to it, leaves the operation (v3.2, 5.2).
    fn end(
        self,
        mut signature: Output<u8>,
        whole: bool,
        end: impl FnOnce(Signature, &Slot) -> Result<Vec<u8>>,
    ) -> Result {
        let slot = self.slot;
        let (operation, place) = self.operation()?;
        if whole && operation.in_parts() {
            place.keep(operation);
            return Err(Error::OperationActive);
        }
        match signature.room_for(operation.length()) {
            Room::Enough => signature.put(&end(operation, slot)?),
            room => {
                place.keep(operation);
                room.verdict()
            }
        }
    }
}
