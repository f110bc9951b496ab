//! Key pairs made for a program: C_GenerateKeyPair.

use std::cell::Cell;

use cryptoki_sys::*;

use super::Session;
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::{Act, accepted};
use crate::model::given_key::wanted_pair;
use crate::model::local_mechanism::{LocalMechanism, Work};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::public_key::KeyType;
use crate::provider::new_key::{Origin, described, private_half, public_half};
use crate::provider::new_object::NewObject;
use crate::provider::object::Object;

/// What the templates of a pair ask for.
struct Pair {
    key_type: KeyType,
    /// CKA_KEY_TYPE
    number: CK_KEY_TYPE,
    origin: Origin,
    public: Attributes,
    private: Attributes,
    /// What private keys here say of CKA_PRIVATE.
    is_private: bool,
}

impl Session {
    /// C_GenerateKeyPair (v3.2, 5.18.2): in the token if the private key is to be there, else here.
    pub fn generate_key_pair(
        &mut self,
        mechanism: Option<MechanismCall>,
        public: Template,
        private: Template,
        public_key: &Cell<CK_OBJECT_HANDLE>,
        private_key: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let call = mechanism.ok_or(Error::ArgumentsBad("there is no mechanism"))?;
        let pair = Pair::read(&call, &public, &private, self.slot.login.is_required())?;
        let half = |class, given: &Attributes, private| {
            described(class, pair.number, given.clone(), pair.origin, private)
        };
        let public = half(CKO_PUBLIC_KEY, &pair.public, false)?;
        let private = half(CKO_PRIVATE_KEY, &pair.private, pair.is_private)?;
        self.may_keep(&public)?;
        self.may_keep(&private)?;
        let in_token = [&private, &public].map(|half| half.is_true(CKA_TOKEN));
        let (private, public) = match in_token {
            [true, public_too] => {
                // A key of a server signs, and does what else its template says outright.
                let kind = (pair.key_type, pair.private.is_true(CKA_DECRYPT));
                self.pair_in_token(&private, &public, kind, public_too)
            }
            [false, false] => self.pair_in_session(pair),
            [false, true] => Err(Error::TemplateInconsistent(
                "this token has a public key with its private half only",
            )),
        }?;
        private_key.set(private);
        public_key.set(public);
        Ok(())
    }

    /// The public half may be wanted as a session object alone: then it is there besides.
    fn pair_in_token(
        &mut self,
        private: &Attributes,
        public: &Attributes,
        kind: (KeyType, bool),
        public_too: bool,
    ) -> Result<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
        let (private, half) = self.slot.generate(private, public, kind)?;
        if public_too {
            return Ok((private, half.handle));
        }
        let in_session = vec![(CKA_TOKEN, vec![CK_FALSE])];
        let copy = NewObject::copied(&Object::Token(half), &in_session)?;
        Ok((private, self.keep(copy)?))
    }

    fn pair_in_session(&mut self, pair: Pair) -> Result<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
        let key = PrivateKey::generate(pair.key_type).map_err(|error| match error {
            PrivateKeyError::Size(_) => {
                Error::KeySizeRange("RSA keys are made of 2048, 3072 or 4096 bits")
            }
            _ => Error::RandomNoRng,
        })?;
        let public = public_half(pair.public, key.public().clone(), pair.origin)?;
        let private = private_half(pair.private, key, pair.origin, pair.is_private)?;
        let private = self.keep(private)?;
        Ok((private, self.keep(public)?))
    }
}

impl Pair {
    fn read(
        call: &MechanismCall,
        public: &Template,
        private: &Template,
        is_private: bool,
    ) -> Result<Self> {
        let row = LocalMechanism::of(call.number);
        let Some((row, Work::GeneratePair(key_type))) = row.map(|row| (row, row.work)) else {
            return Err(Error::MechanismInvalid(call.number));
        };
        if call.parameter != Parameter::None {
            return Err(Error::MechanismParamInvalid(row.name));
        }
        let given = |template, class| accepted(template, class, Some(key_type), Act::Generate);
        Ok(Self {
            public: given(public, CKO_PUBLIC_KEY)?,
            private: given(private, CKO_PRIVATE_KEY)?,
            key_type: wanted_pair(public, key_type)?,
            number: key_type,
            origin: Origin::Made(call.number),
            is_private,
        })
    }
}
