//! Secret keys made for a program: C_GenerateKey.

use std::cell::Cell;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::crypto::fill_with_random;
use crate::error::{Error, Result};
use crate::model::attribute::Template;
use crate::model::attribute_rules::{Act, accepted};
use crate::model::given_key::needed_number;
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::provider::new_key::{Origin, has_length, secret_key};

impl Session {
    /// C_GenerateKey (v3.2, 5.18.1).
    pub fn generate_key(
        &mut self,
        mechanism: Option<MechanismCall>,
        template: Template,
        handle: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let template = Zeroizing::new(template);
        let call = mechanism.ok_or(Error::ArgumentsBad("there is no mechanism"))?;
        let row = KeyMechanism::of(call.number)?;
        let KeyWork::Generate(key_type) = row.work else {
            return Err(Error::MechanismInvalid(call.number));
        };
        if call.parameter != Parameter::None {
            return Err(row.refused("takes no parameter"));
        }
        let given = accepted(&template, CKO_SECRET_KEY, Some(key_type), Act::Generate)?;
        let length = needed_number(&template, CKA_VALUE_LEN)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        has_length(key_type, length, CKA_VALUE_LEN)?;
        let mut value = Zeroizing::new(vec![0; length]);
        fill_with_random(&mut value).map_err(|_| Error::RandomNoRng)?;
        let is_private = self.slot.login.is_required();
        let made = secret_key(
            given,
            key_type,
            value,
            Origin::Made(call.number),
            is_private,
        )?;
        handle.set(self.keep(made)?);
        Ok(())
    }
}
