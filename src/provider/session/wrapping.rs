//! Keys that leave and come wrapped: C_WrapKey, C_UnwrapKey.

use std::cell::Cell;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::crypto::cipher::Direction;
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::MechanismCall;
use crate::model::output::Output;
use crate::provider::arriving_key::ArrivingKey;
use crate::provider::leaving_key::leaving;
use crate::provider::object::Object;
use crate::provider::wrapping::Wrapping;

const NO_MECHANISM: Error = Error::ArgumentsBad("there is no mechanism");

impl Session {
    /// C_WrapKey (v3.2, 5.18.3). Asks nobody: what wraps is public, or of the program.
    pub fn wrap_key(
        &mut self,
        mechanism: Option<MechanismCall>,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
        mut wrapped: Output<u8>,
    ) -> Result {
        let call = mechanism.ok_or(NO_MECHANISM)?;
        let by = self.wrapping_key(&call, wrapping, CKA_WRAP);
        let (row, by) = by.map_err(Error::in_wrapping)?;
        let trusted = by.attributes();
        let way = self.way(&call, row, by, Direction::Encrypt);
        let way = way.map_err(Error::in_wrapping)?;
        let value = self.leaving(key, &trusted, row)?;
        let made = way.wrap(&self.slot, &value).map_err(Error::in_wrapping)?;
        wrapped.put(&made)
    }

    /// C_UnwrapKey (v3.2, 5.18.4). Asks the token if the key that unwraps is there.
    pub fn unwrap_key(
        &mut self,
        mechanism: Option<MechanismCall>,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: Template,
        handle: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let template = Zeroizing::new(template);
        let call = mechanism.ok_or(NO_MECHANISM)?;
        let by = self.wrapping_key(&call, unwrapping, CKA_UNWRAP);
        let (row, by) = by.map_err(Error::in_unwrapping)?;
        let way = self.way(&call, row, by, Direction::Decrypt);
        let way = way.map_err(Error::in_unwrapping)?;
        let arriving = ArrivingKey::read(&template, self.slot.login.is_required())?;
        let value = way.unwrap(&self.slot, wrapped);
        let made = arriving.made_of(value.map_err(Error::in_unwrapping)?)?;
        handle.set(self.keep(made)?);
        Ok(())
    }

    fn wrapping_key(
        &self,
        call: &MechanismCall,
        key: CK_OBJECT_HANDLE,
        use_of_it: CK_ATTRIBUTE_TYPE,
    ) -> Result<(&'static KeyMechanism, Object)> {
        let row = KeyMechanism::of(call.number)?;
        match row.wraps() {
            true => Ok((row, self.key_for(key, use_of_it, call.number)?)),
            false => Err(Error::MechanismInvalid(call.number)),
        }
    }

    fn way(
        &self,
        call: &MechanismCall,
        row: &KeyMechanism,
        key: Object,
        direction: Direction,
    ) -> Result<Wrapping> {
        let KeyWork::Wrap(kind) = row.work else {
            let engine = self.engine(call, row, key, direction)?;
            return Ok(Wrapping::Encryption(engine));
        };
        kind.check(&call.parameter)
            .map_err(|why| row.refused(why))?;
        let value = key.aes_value(row)?.to_vec();
        Ok(Wrapping::KeyWrap(kind, Zeroizing::new(value)))
    }

    /// The value of a key that may leave so, in the form that is wrapped.
    fn leaving(
        &self,
        key: CK_OBJECT_HANDLE,
        wrapping: &Attributes,
        row: &KeyMechanism,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let object = self.slot.object(key)?;
        let object = object.ok_or(Error::KeyHandleInvalid(key))?;
        leaving(
            &object,
            key,
            wrapping,
            matches!(row.work, KeyWork::Rsa { .. }),
        )
    }
}
