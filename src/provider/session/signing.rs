//! Signatures: C_SignInit, and the way to the calls that go on with it.

use std::sync::Arc;

use cryptoki_sys::{CK_OBJECT_HANDLE, CKO_PRIVATE_KEY};

use super::Session;
use crate::error::{Error, Result};
use crate::model::mechanism_call::MechanismCall;
use crate::model::output::Output;
use crate::provider::object::Object;
use crate::provider::operation::{Means, SignOperation};
use crate::provider::signing::Signing;
use crate::provider::token_object::TokenObject;

impl Session {
    /// C_SignInit (v3.2, 5.13.1); no mechanism ends the operation under way. Asks nobody.
    pub fn sign_init(&mut self, mechanism: Option<MechanismCall>, key: CK_OBJECT_HANDLE) -> Result {
        let Some(mechanism) = mechanism else {
            self.sign.cancel();
            return Ok(());
        };
        self.sign.vacate()?;
        if self.slot.login.is_missing() {
            return Err(Error::UserNotLoggedIn);
        }
        let offer = self.slot.mechanism(mechanism.number)?;
        let means = Means::new(offer, mechanism)?;
        let key = self.private_key(key)?;
        self.sign
            .keep(SignOperation::new(Arc::clone(&key.key), means)?);
        Ok(())
    }

    /// The operation under way, taken out for one call that goes on with it.
    pub fn signing(&mut self) -> Signing<'_> {
        self.sign.turn(&self.slot)
    }

    /// C_Sign, for callers whose arguments cannot be refused.
    pub fn sign(&mut self, data: &[u8], signature: Output<u8>) -> Result {
        self.signing().sign(data, signature)
    }

    fn private_key(&self, handle: CK_OBJECT_HANDLE) -> Result<TokenObject> {
        match self.slot.object(handle)? {
            Some(Object::Token(object)) if object.class() == CKO_PRIVATE_KEY => Ok(object),
            _ => Err(Error::KeyHandleInvalid(handle)),
        }
    }
}
