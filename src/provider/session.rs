//! A session: a program's view of one slot, with its search and its operation.

use std::cell::Cell;
use std::sync::Arc;

use cryptoki_sys::*;

use super::object_cache::Object;
use super::operation::SignOperation;
use super::slot::Slot;
use crate::error::{Error, Result};
use crate::model::attribute::{Template, is_secret};
use crate::model::output::{AttributeSlot, Output, Room};

/// A mechanism as a caller asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MechanismCall {
    /// Its number.
    pub number: CK_MECHANISM_TYPE,
    /// Whether a parameter came with it; none of ours takes one.
    pub has_parameter: bool,
}

/// An open session.
pub struct Session {
    slot: Arc<Slot>,
    flags: CK_FLAGS,
    /// Handles found and not yet given.
    search: Option<std::vec::IntoIter<CK_OBJECT_HANDLE>>,
    sign: Option<SignOperation>,
    /// A C_SignInit was refused because of the operation above.
    refused: bool,
}

impl Session {
    /// A session with nothing under way.
    pub fn new(slot: Arc<Slot>, flags: CK_FLAGS) -> Self {
        Self {
            slot,
            flags,
            search: None,
            sign: None,
            refused: false,
        }
    }

    /// C_GetSessionInfo (v3.2, 5.6.4).
    pub fn info(&mut self, info: &Cell<CK_SESSION_INFO>) -> Result {
        let state = match (self.flags & CKF_RW_SESSION != 0, self.slot.is_logged_in()) {
            (false, false) => CKS_RO_PUBLIC_SESSION,
            (false, true) => CKS_RO_USER_FUNCTIONS,
            (true, false) => CKS_RW_PUBLIC_SESSION,
            (true, true) => CKS_RW_USER_FUNCTIONS,
        };
        info.set(CK_SESSION_INFO {
            slotID: self.slot.id,
            state,
            flags: self.flags,
            ulDeviceError: 0,
        });
        Ok(())
    }

    /// C_Login (v3.2, 5.6.8). The PIN is not looked at: no token of today needs one.
    pub fn login(&mut self, user: CK_USER_TYPE, _pin: &[u8]) -> Result {
        match user {
            CKU_CONTEXT_SPECIFIC if self.sign.is_some() => Ok(()),
            CKU_CONTEXT_SPECIFIC => Err(Error::OperationNotInitialized),
            _ => self.slot.login(user),
        }
    }

    /// C_Logout (v3.2, 5.6.10).
    pub fn logout(&mut self) -> Result {
        self.slot.logout()
    }

    /// C_FindObjectsInit (v3.2, 5.7.7). A listing that fails is an error, never an empty one.
    pub fn find_init(&mut self, template: Template) -> Result {
        if self.search.is_some() {
            return Err(Error::OperationActive);
        }
        let exact = template.iter().any(|(kind, _)| *kind == CKA_ID);
        let handles = self.slot.objects.search(&template, exact)?;
        self.search = Some(handles.into_iter());
        Ok(())
    }

    /// C_FindObjects (v3.2, 5.7.8).
    pub fn find(&mut self, mut handles: Output<CK_OBJECT_HANDLE>) -> Result {
        let search = self.search.as_mut().ok_or(Error::OperationNotInitialized)?;
        let found: Vec<_> = search.take(handles.capacity()).collect();
        handles.put(&found)
    }

    /// C_FindObjectsFinal (v3.2, 5.7.9).
    pub fn find_final(&mut self) -> Result {
        let ended = self.search.take().map(drop);
        ended.ok_or(Error::OperationNotInitialized)
    }

    /// C_GetAttributeValue (v3.2, 5.7.5): answers what it can, and goes on after what it cannot.
    pub fn attributes(&mut self, object: CK_OBJECT_HANDLE, slots: Vec<AttributeSlot>) -> Result {
        let object = self.object(object)?;
        let mut verdict = Ok(());
        for AttributeSlot { kind, mut value } in slots {
            let answer = match object.attributes.get(kind) {
                Some(bytes) => value.put(bytes),
                None if is_secret(kind) && object.class == CKO_PRIVATE_KEY => {
                    Err(Error::AttributeSensitive(kind))
                }
                None => Err(Error::AttributeTypeInvalid(kind)),
            };
            if answer.is_err() {
                value.unavailable();
                verdict = verdict.and(answer);
            }
        }
        verdict
    }

    /// C_SignInit (v3.2, 5.13.1); no mechanism ends the operation under way. Asks nobody.
    ///
    /// An operation that nobody ends would wedge the session for good, and OpenSSH never cancels:
    /// the second refusal in a row is not given, the new operation replaces the old one.
    pub fn sign_init(&mut self, mechanism: Option<MechanismCall>, key: CK_OBJECT_HANDLE) -> Result {
        let Some(mechanism) = mechanism else {
            self.sign = None;
            return Ok(());
        };
        if self.sign.is_some() && !std::mem::replace(&mut self.refused, true) {
            return Err(Error::OperationActive);
        }
        (self.sign, self.refused) = (None, false);
        let row = self.slot.mechanism(mechanism.number)?;
        if mechanism.has_parameter {
            return Err(Error::MechanismParamInvalid(row.name));
        }
        let key = self.private_key(key)?;
        self.sign = Some(SignOperation::new(Arc::clone(&key.key), row)?);
        Ok(())
    }

    /// C_Sign (v3.2, 5.13.2).
    pub fn sign(&mut self, data: &[u8], mut signature: Output<u8>) -> Result {
        if self.sign.as_ref().is_some_and(SignOperation::in_parts) {
            return Err(Error::OperationActive);
        }
        let slot = Arc::clone(&self.slot);
        self.end_sign(&mut signature, |operation| operation.sign(&slot, data))
    }

    /// C_SignUpdate (v3.2, 5.13.3).
    pub fn sign_update(&mut self, part: &[u8]) -> Result {
        self.refused = false;
        let mut operation = self.sign.take().ok_or(Error::OperationNotInitialized)?;
        operation.update(part)?;
        self.sign = Some(operation);
        Ok(())
    }

    /// C_SignFinal (v3.2, 5.13.4).
    pub fn sign_final(&mut self, mut signature: Output<u8>) -> Result {
        let slot = Arc::clone(&self.slot);
        self.end_sign(&mut signature, |operation| operation.finish(&slot))
    }

    /// Taken out, the operation ends whatever leaves this function, panics included - except after
    /// a question about the size, or too small an answer to it (v3.2, 5.2).
    fn end_sign(
        &mut self,
        signature: &mut Output<u8>,
        end: impl FnOnce(SignOperation) -> Result<Vec<u8>>,
    ) -> Result {
        self.refused = false;
        let operation = self.sign.take().ok_or(Error::OperationNotInitialized)?;
        match signature.room_for(operation.signature_len()) {
            Room::Enough => signature.put(&end(operation)?),
            room => {
                self.sign = Some(operation);
                room.verdict()
            }
        }
    }

    /// C_SessionCancel (v3.2, 5.6.11).
    pub fn cancel(&mut self, flags: CK_FLAGS) -> Result {
        if flags & CKF_SIGN != 0 {
            self.sign = None;
        }
        if flags & CKF_FIND_OBJECTS != 0 {
            self.search = None;
        }
        Ok(())
    }

    /// C_GetFunctionStatus, C_CancelFunction (v3.2, 5.20).
    pub fn not_parallel(&mut self) -> Result {
        Err(Error::FunctionNotParallel)
    }

    fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Arc<Object>> {
        let found = self.slot.objects.object(handle);
        found.ok_or(Error::ObjectHandleInvalid(handle))
    }

    fn private_key(&self, handle: CK_OBJECT_HANDLE) -> Result<Arc<Object>> {
        let object = self.slot.objects.object(handle);
        let private = object.filter(|object| object.class == CKO_PRIVATE_KEY);
        private.ok_or(Error::KeyHandleInvalid(handle))
    }
}
