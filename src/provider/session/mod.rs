//! A session: a program's view of one slot, with its search and its operations.

mod attributes;
mod ciphering;
mod deriving;
mod digesting;
mod dual;
mod macs;
mod messages;
mod objects;
mod pairs;
mod searching;
mod secret_keys;
mod signing;
#[cfg(test)]
mod tests;
mod verifying;
mod wrapping;

use std::cell::Cell;
use std::sync::Arc;

use cryptoki_sys::*;

use super::ciphering::CipherOperation;
use super::digesting::DigestOperation;
use super::messages::MessageOperation;
use super::object::Object;
use super::search::Search;
use super::signing::Signature;
use super::slot::Slot;
use super::underway::Underway;
use super::verifying::VerifyOperation;
use crate::error::{Error, Result};
use crate::model::public_key::PublicKey;
use attributes::Seen;

/// An open session.
pub struct Session {
    slot: Arc<Slot>,
    flags: CK_FLAGS,
    /// The session objects that end with it.
    own: Vec<CK_OBJECT_HANDLE>,
    search: Option<Search>,
    encrypt: Underway<CipherOperation>,
    decrypt: Underway<CipherOperation>,
    message_encrypt: Underway<MessageOperation>,
    message_decrypt: Underway<MessageOperation>,
    digest: Underway<DigestOperation>,
    sign: Underway<Signature>,
    sign_recover: Underway<Signature>,
    verify: Underway<VerifyOperation>,
    verify_signature: Underway<VerifyOperation>,
    verify_recover: Underway<PublicKey>,
    seen: Seen,
}

impl Session {
    /// A session with nothing under way.
    pub fn new(slot: Arc<Slot>, flags: CK_FLAGS) -> Self {
        Self {
            slot,
            flags,
            own: vec![],
            search: None,
            encrypt: Underway::default(),
            decrypt: Underway::default(),
            message_encrypt: Underway::default(),
            message_decrypt: Underway::default(),
            digest: Underway::default(),
            sign: Underway::default(),
            sign_recover: Underway::default(),
            verify: Underway::default(),
            verify_signature: Underway::default(),
            verify_recover: Underway::default(),
            seen: Seen::default(),
        }
    }

    /// C_GetSessionInfo (v3.2, 5.6.4).
    pub fn info(&mut self, info: &Cell<CK_SESSION_INFO>) -> Result {
        let state = match (self.is_rw(), self.slot.login.is_there()) {
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

    fn is_rw(&self) -> bool {
        self.flags & CKF_RW_SESSION != 0
    }

    /// C_Login (v3.2, 5.6.8). No key of ours asks for the PIN at each use: CKU_CONTEXT_SPECIFIC has
    /// nothing to look at.
    pub fn login(&mut self, user: CK_USER_TYPE, pin: &[u8]) -> Result {
        match user {
            CKU_CONTEXT_SPECIFIC if self.sign.is_active() => Ok(()),
            CKU_CONTEXT_SPECIFIC => Err(Error::OperationNotInitialized),
            _ => self.slot.begin_login(user, pin),
        }
    }

    /// C_LoginUser (v3.2, 5.6.9).
    pub fn login_user(&mut self, user: CK_USER_TYPE, pin: &[u8], name: &[u8]) -> Result {
        match user {
            CKU_CONTEXT_SPECIFIC => self.login(user, pin),
            _ => self.slot.begin_login_as(user, pin, name),
        }
    }

    /// C_Logout (v3.2, 5.6.10).
    pub fn logout(&mut self) -> Result {
        self.slot.logout()
    }

    /// C_SetPIN (v3.2, 5.5.9).
    pub fn set_pin(&mut self, old: &[u8], new: &[u8]) -> Result {
        match self.is_rw() {
            true => self.slot.login.change_pin(old, new),
            false => Err(Error::SessionReadOnly),
        }
    }

    /// C_GetSessionValidationFlags (v3.2, 5.6.6): nobody has validated what is done here.
    pub fn validation_flags(
        &mut self,
        kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
        flags: &Cell<CK_FLAGS>,
    ) -> Result {
        if kind != CKS_LAST_VALIDATION_OK {
            return Err(Error::ArgumentsBad("there is one type of validation flags"));
        }
        flags.set(0);
        Ok(())
    }

    /// C_SessionCancel (v3.2, 5.6.11).
    pub fn cancel(&mut self, flags: CK_FLAGS) -> Result {
        if flags & CKF_SIGN != 0 {
            self.sign.cancel();
        }
        if flags & CKF_SIGN_RECOVER != 0 {
            self.sign_recover.cancel();
        }
        if flags & CKF_VERIFY != 0 {
            self.verify.cancel();
            self.verify_signature.cancel();
        }
        if flags & CKF_VERIFY_RECOVER != 0 {
            self.verify_recover.cancel();
        }
        if flags & CKF_ENCRYPT != 0 {
            self.encrypt.cancel();
        }
        if flags & CKF_DECRYPT != 0 {
            self.decrypt.cancel();
        }
        if flags & CKF_MESSAGE_ENCRYPT != 0 {
            self.message_encrypt.cancel();
        }
        if flags & CKF_MESSAGE_DECRYPT != 0 {
            self.message_decrypt.cancel();
        }
        if flags & CKF_DIGEST != 0 {
            self.digest.cancel();
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

    fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Object> {
        let found = self.slot.object(handle)?;
        found.ok_or(Error::ObjectHandleInvalid(handle))
    }
}

/// Its session objects end with it (v3.2, 4.4).
impl Drop for Session {
    fn drop(&mut self) {
        for handle in &self.own {
            self.slot.session_objects.remove(*handle);
        }
    }
}
