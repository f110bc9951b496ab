//! Message authentication codes: the secret key of a C_SignInit or C_VerifyInit.

use cryptoki_sys::*;

use super::Session;
use crate::crypto::mac::Mac;
use crate::error::{Error, Result};
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism::Mechanism;
use crate::model::mechanism_call::MechanismCall;
use crate::provider::mac_operation::begun;

impl Session {
    /// The code that a call asks for; none if its mechanism makes signatures of key pairs, and the key
    /// is no secret one.
    ///
    /// # Errors
    /// Those of C_SignInit (v3.2, 5.13.1) for a mechanism, a parameter and a key that do not go together.
    pub(super) fn mac(
        &self,
        call: &MechanismCall,
        key: CK_OBJECT_HANDLE,
        use_of_it: CK_ATTRIBUTE_TYPE,
    ) -> Result<Option<Mac>> {
        let row = KeyMechanism::of(call.number).ok();
        let Some((row, KeyWork::Mac { kind, general })) = row.map(|row| (row, row.work)) else {
            return self.no_secret(call, key);
        };
        let object = self.key_for(key, use_of_it, call.number)?;
        let value = object.secret_value(row, |key_type| kind.goes_with(key_type))?;
        begun(row, kind, general, &call.parameter, value).map(Some)
    }

    /// Asks no token: it keeps no secret keys.
    fn no_secret(&self, call: &MechanismCall, key: CK_OBJECT_HANDLE) -> Result<Option<Mac>> {
        let object = self.slot.session_objects.get(key);
        match object.is_some_and(|object| object.class() == CKO_SECRET_KEY) {
            true => Err(match Mechanism::of(call.number) {
                Some(row) => Error::KeyTypeInconsistent {
                    mechanism: row.name,
                    key: "a secret key".into(),
                },
                None => Error::MechanismInvalid(call.number),
            }),
            false => Ok(None),
        }
    }
}
