//! An operation of a session between its calls, and the rules by which it goes on or ends.

use crate::error::{Error, Result};
use crate::provider::slot::Slot;

/// The place of one kind of operation in a session.
pub struct Underway<Op> {
    operation: Option<Op>,
    /// A new one was refused because of it.
    refused: bool,
}

impl<Op> Default for Underway<Op> {
    fn default() -> Self {
        Self {
            operation: None,
            refused: false,
        }
    }
}

impl<Op> Underway<Op> {
    /// Whether one has begun and not ended.
    pub fn is_active(&self) -> bool {
        self.operation.is_some()
    }

    /// The operation, for a call that does not end it whatever comes of it.
    pub fn active(&mut self) -> Result<&mut Op> {
        self.refused = false;
        self.operation
            .as_mut()
            .ok_or(Error::OperationNotInitialized)
    }

    /// That a new one may begin; then it can be put here.
    ///
    /// An operation that nobody ends would wedge the session for good, and OpenSSH never cancels:
    /// the second refusal in a row is not given, the new operation replaces the old one.
    pub fn vacate(&mut self) -> Result {
        if self.is_active() && !std::mem::replace(&mut self.refused, true) {
            return Err(Error::OperationActive);
        }
        self.cancel();
        Ok(())
    }

    /// Keeps an operation for the calls that follow.
    pub fn keep(&mut self, operation: Op) {
        self.operation = Some(operation);
    }

    /// Ends it without a result (v3.2, 5.6.11).
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// The operation, taken out for one call that goes on with it.
    pub fn turn<'session>(&'session mut self, slot: &'session Slot) -> Turn<'session, Op> {
        self.refused = false;
        Turn {
            operation: self.operation.take(),
            place: self,
            slot,
        }
    }
}

/// The operation of a session, taken out of it for one call.
///
/// Whatever leaves the call ends the operation - an argument that is refused, an error, a panic -
/// unless it is put back (v3.2, 5.2).
pub struct Turn<'session, Op> {
    operation: Option<Op>,
    place: &'session mut Underway<Op>,
    /// Where the operation works.
    pub slot: &'session Slot,
}

impl<'session, Op> Turn<'session, Op> {
    /// The operation, with the place to put it back into.
    pub fn operation(self) -> Result<(Op, &'session mut Underway<Op>)> {
        let operation = self.operation.ok_or(Error::OperationNotInitialized)?;
        Ok((operation, self.place))
    }
}
