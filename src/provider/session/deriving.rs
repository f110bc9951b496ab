//! Secret keys that two keys agree on: C_DeriveKey.

use std::cell::Cell;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::crypto::is_on_its_curve;
use crate::error::{Error, Result};
use crate::model::agreement::Agreement;
use crate::model::attribute::Template;
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::{Curve, PublicKey};
use crate::provider::derived_key::DerivedKey;
use crate::provider::object::Object;
use crate::provider::objects::Part;
use crate::provider::session_object::Material;

impl Session {
    /// C_DeriveKey (v3.2, 5.18.5). Asks the token if the base key is there, once all else is known to be right.
    pub fn derive_key(
        &mut self,
        mechanism: Option<MechanismCall>,
        base: CK_OBJECT_HANDLE,
        template: Template,
        handle: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let template = Zeroizing::new(template);
        let call = mechanism.ok_or(Error::ArgumentsBad("there is no mechanism"))?;
        let row = KeyMechanism::of(call.number)?;
        if row.work != KeyWork::Agree {
            return Err(Error::MechanismInvalid(call.number));
        }
        let base = self.key_for(base, CKA_DERIVE, call.number)?;
        let agreement = agreement(row, &call, curve(row, &base)?)?;
        let is_private = self.slot.login.is_required();
        let derived = DerivedKey::read(&template, &base.attributes(), &agreement, is_private)?;
        let secret = self.agreed(&base, &agreement.peer)?;
        handle.set(self.keep(derived.made_of(&secret, &agreement)?)?);
        Ok(())
    }

    fn agreed(&self, base: &Object, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>> {
        match base {
            Object::Token(object) => self.slot.agree(&object.key, peer),
            Object::Session(object) => match object.material() {
                Material::Private(key) => key
                    .agree(peer)
                    .map_err(|_| Error::FunctionFailed("the crypto library refused")),
                _ => Err(Error::KeyHandleInvalid(object.handle)),
            },
        }
    }
}

/// The curve of a private key that can agree on a secret.
fn curve(row: &KeyMechanism, base: &Object) -> Result<Curve> {
    let public = match base {
        Object::Token(object) if object.part == Part::Private => &object.key.public,
        Object::Token(_) => return Err(row.other_type("a public key")),
        Object::Session(object) => match object.material() {
            Material::Private(key) => key.public(),
            _ => return Err(row.other_type("a public or secret key")),
        },
    };
    match public {
        PublicKey::Ec { curve, .. } => Ok(*curve),
        other => Err(row.other_type(other.key_type().to_string())),
    }
}

fn agreement(row: &KeyMechanism, call: &MechanismCall, curve: Curve) -> Result<Agreement> {
    let read = Agreement::read(&call.parameter, curve).map_err(|why| row.refused(why))?;
    match is_on_its_curve(&read.peer) {
        true => Ok(read),
        false => Err(row.refused("takes a point of the key's own curve")),
    }
}
