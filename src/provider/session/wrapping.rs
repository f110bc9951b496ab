//! Keys that leave and come wrapped: C_WrapKey, C_UnwrapKey, and the same with associated data.

use std::cell::Cell;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::crypto::cipher::Direction;
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::cipher::AesKind;
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::{MechanismCall, Parameter};
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
        let rules = by.attributes();
        let way = self.way(&call, row, by, Direction::Decrypt);
        let way = way.map_err(Error::in_unwrapping)?;
        let arriving = ArrivingKey::read(&template, &rules, self.slot.login.is_required())?;
        let value = way.unwrap(&self.slot, wrapped);
        let made = arriving.made_of(value.map_err(Error::in_unwrapping)?)?;
        handle.set(self.keep(made)?);
        Ok(())
    }

    /// C_WrapKeyAuthenticated (v3.2, 5.18.5): by AES-GCM, whose tag stands behind the wrapped key.
    pub fn wrap_key_authenticated(
        &mut self,
        mechanism: Option<MechanismCall>,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
        aad: &[u8],
        wrapped: Output<u8>,
    ) -> Result {
        let call = authenticated(mechanism.ok_or(NO_MECHANISM)?, aad)?;
        self.wrap_key(Some(call), wrapping, key, wrapped)
    }

    /// C_UnwrapKeyAuthenticated (v3.2, 5.18.6).
    pub fn unwrap_key_authenticated(
        &mut self,
        mechanism: Option<MechanismCall>,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: Template,
        aad: &[u8],
        handle: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let template = Zeroizing::new(template);
        let call = authenticated(mechanism.ok_or(NO_MECHANISM)?, aad)?;
        self.unwrap_key(Some(call), unwrapping, wrapped, template.to_vec(), handle)
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

/// AES-GCM with what is authenticated besides the key: the argument, and what the parameter says of it is
/// either nothing or the same.
fn authenticated(call: MechanismCall, given: &[u8]) -> Result<MechanismCall> {
    let row = KeyMechanism::of(call.number)?;
    if row.work != KeyWork::Aes(AesKind::Gcm) {
        return Err(Error::MechanismInvalid(call.number));
    }
    let (Parameter::GcmWrap { iv, aad, tag_bits } | Parameter::Gcm { iv, aad, tag_bits }) =
        call.parameter
    else {
        return Err(row.refused("takes a CK_GCM_WRAP_PARAMS with an IV of the program's"));
    };
    match aad.is_empty() || aad == given {
        true => Ok(MechanismCall {
            number: call.number,
            parameter: Parameter::Gcm {
                iv,
                aad: given.to_vec(),
                tag_bits,
            },
        }),
        false => Err(row.refused("has the same associated data in parameter and argument")),
    }
}
