//! The calls that go on with a session's signature.

use super::operation::SignOperation;
use super::slot::Slot;
use super::underway::Turn;
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};

/// A session's signature, for one call.
pub type Signing<'session> = Turn<'session, SignOperation>;

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
        self.end(signature, false, SignOperation::finish)
    }

    /// A question about the size, or too small an answer to it, leaves the operation (v3.2, 5.2).
    fn end(
        self,
        mut signature: Output<u8>,
        whole: bool,
        end: impl FnOnce(SignOperation, &Slot) -> Result<Vec<u8>>,
    ) -> Result {
        let slot = self.slot;
        let (operation, place) = self.operation()?;
        if whole && operation.in_parts() {
            place.keep(operation);
            return Err(Error::OperationActive);
        }
        match signature.room_for(operation.signature_len()) {
            Room::Enough => signature.put(&end(operation, slot)?),
            room => {
                place.keep(operation);
                room.verdict()
            }
        }
    }
}
