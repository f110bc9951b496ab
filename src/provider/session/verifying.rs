//! The check of signatures: C_VerifyInit and its kin, and the way to the calls that go on with them.

use cryptoki_sys::*;

use super::Session;
use crate::error::{Error, Result};
use crate::model::local_mechanism::LocalMechanism;
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::PublicKey;
use crate::model::verification::Verification;
use crate::provider::object::Object;
use crate::provider::session_object::Material;
use crate::provider::verifying::{Recovering, VerifyOperation, Verifying};

impl Session {
    /// C_VerifyInit (v3.2, 5.15.1); no mechanism ends the operation under way. Asks nobody.
    pub fn verify_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.verify.cancel();
            return Ok(());
        };
        self.verify.vacate()?;
        let operation = self.verification(&call, key)?;
        self.verify.keep(operation);
        Ok(())
    }

    /// C_VerifySignatureInit (v3.2, 5.16.1): the signature comes first.
    pub fn verify_signature_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
        signature: &[u8],
    ) -> Result {
        let Some(call) = mechanism else {
            self.verify_signature.cancel();
            return Ok(());
        };
        self.verify_signature.vacate()?;
        let operation = self.verification(&call, key)?;
        self.verify_signature
            .keep(operation.of_signature(signature)?);
        Ok(())
    }

    /// C_VerifyRecoverInit (v3.2, 5.15.5).
    pub fn verify_recover_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.verify_recover.cancel();
            return Ok(());
        };
        self.verify_recover.vacate()?;
        if call.number != CKM_RSA_PKCS {
            return Err(Error::MechanismInvalid(call.number));
        }
        Verification::of(&call)?;
        let key = self.public_key(key, CKA_VERIFY_RECOVER)?;
        let PublicKey::Rsa { .. } = key else {
            return Err(Error::KeyTypeInconsistent {
                mechanism: "CKM_RSA_PKCS",
                key: key.key_type().to_string(),
            });
        };
        self.verify_recover.keep(key);
        Ok(())
    }

    fn verification(&self, call: &MechanismCall, key: CK_OBJECT_HANDLE) -> Result<VerifyOperation> {
        if let Some(mac) = self.mac(call, key, CKA_VERIFY)? {
            return Ok(VerifyOperation::of_mac(mac));
        }
        let by = Verification::of(call)?;
        let key = self.public_key(key, CKA_VERIFY)?;
        VerifyOperation::new(key, by, LocalMechanism::name_of(call.number))
    }

    /// The public key with that handle, if its owner lets it be used so.
    pub(super) fn public_key(
        &self,
        handle: CK_OBJECT_HANDLE,
        usage: CK_ATTRIBUTE_TYPE,
    ) -> Result<PublicKey> {
        let found = self.slot.object(handle)?;
        let object = found.filter(|object| object.class() == CKO_PUBLIC_KEY);
        let object = object.ok_or(Error::KeyHandleInvalid(handle))?;
        if !object.attributes().is_true(usage) {
            return Err(Error::KeyFunctionNotPermitted);
        }
        match &object {
            Object::Token(object) => Ok(object.key.public.clone()),
            Object::Session(object) => match object.material() {
                Material::Public(key) => Ok(key.clone()),
                _ => Err(Error::KeyHandleInvalid(handle)),
            },
        }
    }

    /// The check under way, taken out for one call that goes on with it.
    pub fn verifying(&mut self) -> Verifying<'_> {
        self.verify.turn(&self.slot)
    }

    /// The check of a signature that was given first, likewise.
    pub fn verifying_signature(&mut self) -> Verifying<'_> {
        self.verify_signature.turn(&self.slot)
    }

    /// The recovery under way, likewise.
    pub fn recovering(&mut self) -> Recovering<'_> {
        self.verify_recover.turn(&self.slot)
    }
}
