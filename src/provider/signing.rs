//! A session's signature while a call works on it.

use super::operation::SignOperation;
use super::slot::Slot;
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};

/// The operation of a session, taken out of it for one call.
///
/// Whatever leaves the call ends the operation - an argument that is refused, an error, a panic -
/// unless it is put back (v3.2, 5.13.2 to 5.13.4).
pub struct Signing<'session> {
    pub(super) operation: Option<SignOperation>,
    /// Where the session keeps it between calls.
    pub(super) place: &'session mut Option<SignOperation>,
    pub(super) slot: &'session Slot,
}

impl Signing<'_> {
    /// C_Sign (v3.2, 5.13.2): it cannot end what C_SignUpdate went on with, which stays.
    pub fn sign(self, data: &[u8], signature: Output<u8>) -> Result {
        match self.operation {
            Some(operation) if operation.in_parts() => {
                *self.place = Some(operation);
                Err(Error::OperationActive)
            }
            _ => self.end(signature, |operation, slot| operation.sign(slot, data)),
        }
    }

    /// C_SignUpdate (v3.2, 5.13.3).
    pub fn update(self, part: &[u8]) -> Result {
        let mut operation = self.operation.ok_or(Error::OperationNotInitialized)?;
        operation.update(part)?;
        *self.place = Some(operation);
        Ok(())
    }

    /// C_SignFinal (v3.2, 5.13.4).
    pub fn finish(self, signature: Output<u8>) -> Result {
        self.end(signature, SignOperation::finish)
    }

    /// A question about the size, or too small an answer to it, leaves the operation (v3.2, 5.2).
    fn end(
        self,
        mut signature: Output<u8>,
        end: impl FnOnce(SignOperation, &Slot) -> Result<Vec<u8>>,
    ) -> Result {
        let operation = self.operation.ok_or(Error::OperationNotInitialized)?;
        match signature.room_for(operation.signature_len()) {
            Room::Enough => signature.put(&end(operation, self.slot)?),
            room => {
                *self.place = Some(operation);
                room.verdict()
            }
        }
    }
}
