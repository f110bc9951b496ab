//! Encryption and decryption: C_EncryptInit, C_DecryptInit, and the way to the calls that go on with them.

use cryptoki_sys::*;

use super::Session;
use crate::crypto::cipher::{Cipher, Direction};
use crate::error::{Error, Result};
use crate::model::cipher::{AesMode, RsaPadding};
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::PublicKey;
use crate::provider::ciphering::{CipherOperation, Ciphering, Engine, refused};
use crate::provider::object::Object;
use crate::provider::objects::Part;
use crate::provider::rsa_operation::{By, RsaOperation};
use crate::provider::session_object::Material;

impl Session {
    /// C_EncryptInit (v3.2, 5.8.1); no mechanism ends the operation under way. Asks nobody.
    pub fn encrypt_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.encrypt.cancel();
            return Ok(());
        };
        self.encrypt.vacate()?;
        let engine = self.encryption(&call, key, Direction::Encrypt)?;
        self.encrypt.keep(CipherOperation::new(engine));
        Ok(())
    }

    /// C_DecryptInit (v3.2, 5.10.1); no mechanism ends the operation under way. Asks nobody.
    pub fn decrypt_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.decrypt.cancel();
            return Ok(());
        };
        self.decrypt.vacate()?;
        let engine = self.encryption(&call, key, Direction::Decrypt)?;
        self.decrypt.keep(CipherOperation::new(engine));
        Ok(())
    }

    /// The encryption under way, taken out for one call that goes on with it.
    pub fn encrypting(&mut self) -> Ciphering<'_> {
        self.encrypt.turn(&self.slot)
    }

    /// The decryption under way, taken out for one call that goes on with it.
    pub fn decrypting(&mut self) -> Ciphering<'_> {
        self.decrypt.turn(&self.slot)
    }

    fn encryption(
        &self,
        call: &MechanismCall,
        key: CK_OBJECT_HANDLE,
        direction: Direction,
    ) -> Result<Engine> {
        let row = KeyMechanism::of(call.number)?;
        if !row.encrypts() {
            return Err(Error::MechanismInvalid(call.number));
        }
        let use_of_it = match direction {
            Direction::Encrypt => CKA_ENCRYPT,
            Direction::Decrypt => CKA_DECRYPT,
        };
        self.engine(
            call,
            row,
            self.key_for(key, use_of_it, call.number)?,
            direction,
        )
    }

    /// A mechanism that encrypts, with its key.
    pub(super) fn engine(
        &self,
        call: &MechanismCall,
        row: &KeyMechanism,
        object: Object,
        direction: Direction,
    ) -> Result<Engine> {
        match row.work {
            KeyWork::Aes(kind) => {
                let mode = AesMode::new(kind, &call.parameter).map_err(|why| row.refused(why))?;
                let value = object.aes_value(row)?;
                let cipher = Cipher::new(&mode, value, direction);
                let cipher = cipher.map_err(|error| refused(error, direction, 0))?;
                Ok(Engine::Aes(cipher, direction))
            }
            KeyWork::Rsa { oaep } => {
                let padding = row.rsa_padding(oaep, &call.parameter)?;
                let rsa = rsa_operation(row, object, padding, direction)?;
                Ok(Engine::Rsa(rsa))
            }
            _ => Err(Error::MechanismInvalid(call.number)),
        }
    }

    /// A key that its owner lets be used so, by that mechanism.
    pub(super) fn key_for(
        &self,
        handle: CK_OBJECT_HANDLE,
        use_of_it: CK_ATTRIBUTE_TYPE,
        mechanism: CK_MECHANISM_TYPE,
    ) -> Result<Object> {
        const KEYS: [CK_OBJECT_CLASS; 3] = [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY];
        let object = self.slot.object(handle)?;
        let object = object.filter(|object| KEYS.contains(&object.class()));
        let object = object.ok_or(Error::KeyHandleInvalid(handle))?;
        let attributes = object.attributes();
        let allowed = match &object {
            // What it lists is all that goes with its type.
            Object::Token(_) => vec![],
            Object::Session(object) => object.attributes().numbers(CKA_ALLOWED_MECHANISMS),
        };
        match attributes.is_true(use_of_it) {
            false => Err(Error::KeyFunctionNotPermitted),
            true if !allowed.is_empty() && !allowed.contains(&mechanism) => {
                Err(Error::MechanismInvalid(mechanism))
            }
            true => Ok(object),
        }
    }
}

impl Object {
    /// The value of an AES key.
    pub(super) fn aes_value(&self, row: &KeyMechanism) -> Result<&[u8]> {
        self.secret_value(row, |key_type| key_type == CKK_AES)
    }

    /// The value of a secret key, if it is of a type that the mechanism goes with.
    pub(super) fn secret_value(
        &self,
        row: &KeyMechanism,
        fits: impl Fn(CK_KEY_TYPE) -> bool,
    ) -> Result<&[u8]> {
        let material = match self {
            Object::Session(object) => Some((object.material(), object.attributes())),
            Object::Token(_) => None,
        };
        match material {
            Some((Material::Secret(value), attributes)) => {
                match attributes.number(CKA_KEY_TYPE).is_some_and(fits) {
                    true => Ok(value),
                    false => Err(row.other_type("another secret key")),
                }
            }
            _ => Err(row.other_type("a public or private key")),
        }
    }
}

fn rsa_operation(
    row: &KeyMechanism,
    object: Object,
    padding: RsaPadding,
    direction: Direction,
) -> Result<RsaOperation> {
    let public = match &object {
        Object::Token(object) => object.key.public.clone(),
        Object::Session(object) => match object.material() {
            Material::Public(key) => key.clone(),
            Material::Private(key) => key.public().clone(),
            _ => return Err(row.other_type("a secret key")),
        },
    };
    let PublicKey::Rsa { modulus, .. } = &public else {
        return Err(row.other_type(public.key_type().to_string()));
    };
    let modulus_len = modulus.len();
    let by = match (direction, object) {
        (Direction::Encrypt, _) => By::Public(public),
        (Direction::Decrypt, Object::Token(object)) if object.part == Part::Private => {
            By::Token(object.key)
        }
        (Direction::Decrypt, Object::Session(object))
            if matches!(object.material(), Material::Private(_)) =>
        {
            By::Session(object)
        }
        (Direction::Decrypt, _) => return Err(Error::KeyFunctionNotPermitted),
    };
    Ok(RsaOperation::new(by, padding, modulus_len))
}
