//! Signatures: C_SignInit, and the way to the calls that go on with it.

use cryptoki_sys::{CK_OBJECT_HANDLE, CKA_SIGN, CKM_RSA_PKCS, CKO_PRIVATE_KEY};

use super::Session;
use crate::error::{Error, Result};
use crate::model::mechanism::Mechanism;
use crate::model::mechanism_call::MechanismCall;
use crate::model::output::Output;
use crate::provider::mac_operation::MacOperation;
use crate::provider::object::Object;
use crate::provider::operation::{Means, SignOperation};
use crate::provider::signing::{Signature, Signing};

impl Session {
    /// C_SignInit (v3.2, 5.13.1); no mechanism ends the operation under way. Asks nobody.
    pub fn sign_init(&mut self, mechanism: Option<MechanismCall>, key: CK_OBJECT_HANDLE) -> Result {
        let Some(call) = mechanism else {
            self.sign.cancel();
            return Ok(());
        };
        self.sign.vacate()?;
        let operation = match self.mac(&call, key, CKA_SIGN)? {
            Some(mac) => Signature::Mac(MacOperation::new(mac)),
            None => Signature::Pair(self.signature(call, key)?),
        };
        self.sign.keep(operation);
        Ok(())
    }

    /// C_SignRecoverInit (v3.2, 5.13.5). A signature by CKM_RSA_PKCS holds what was signed: it is the same.
    pub fn sign_recover_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.sign_recover.cancel();
            return Ok(());
        };
        self.sign_recover.vacate()?;
        if call.number != CKM_RSA_PKCS {
            return Err(Error::MechanismInvalid(call.number));
        }
        let operation = self.signature(call, key)?;
        self.sign_recover.keep(Signature::Pair(operation));
        Ok(())
    }

    fn signature(&self, call: MechanismCall, key: CK_OBJECT_HANDLE) -> Result<SignOperation> {
        if self.slot.login.is_missing() {
            return Err(Error::UserNotLoggedIn);
        }
        match self.private_key(key)? {
            Object::Token(object) => {
                let offer = self.slot.mechanism(call.number)?;
                SignOperation::new(object.key, Means::new(offer, call)?)
            }
            Object::Session(object) => {
                let row = Mechanism::of(call.number);
                let row = row.ok_or(Error::MechanismInvalid(call.number))?;
                SignOperation::of_session(object, Means::of_row(row, call.parameter, true)?)
            }
        }
    }

    /// The operation under way, taken out for one call that goes on with it.
    pub fn signing(&mut self) -> Signing<'_> {
        self.sign.turn(&self.slot)
    }

    /// That of C_SignRecover, likewise.
    pub fn signing_recover(&mut self) -> Signing<'_> {
        self.sign_recover.turn(&self.slot)
    }

    /// C_Sign, for callers whose arguments cannot be refused.
    pub fn sign(&mut self, data: &[u8], signature: Output<u8>) -> Result {
        self.signing().sign(data, signature)
    }

    fn private_key(&self, handle: CK_OBJECT_HANDLE) -> Result<Object> {
        let object = self.slot.object(handle)?;
        let private = object.filter(|object| object.class() == CKO_PRIVATE_KEY);
        private.ok_or(Error::KeyHandleInvalid(handle))
    }
}
