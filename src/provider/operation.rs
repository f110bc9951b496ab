//! A signature being made: collects what is to be signed, and is consumed by the call that ends it.

use std::sync::Arc;

use cryptoki_sys::{CKA_SIGN, CKM_RSA_PKCS};

use super::message::{KEPT, TOO_LONG};
use super::session_object::{Material, SessionObject};
use crate::crypto::Hasher;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result};
use crate::model::key::Key;
use crate::model::mechanism::{Mechanism, Offer};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};
use crate::provider::slot::Slot;

/// From C_SignInit to the end of C_Sign or C_SignFinal.
pub struct SignOperation {
    signer: Signer,
    means: Means,
    parts: Option<Parts>,
}

/// Who signs.
enum Signer {
    /// The token, by a key of its own.
    Token(Arc<Key>),
    /// This library, by a private key of the program.
    Session(Arc<SessionObject>),
}

/// By what is signed.
pub enum Means {
    /// A mechanism of our table, with a parameter that it takes.
    Row(&'static Mechanism, Parameter),
    /// One of the token's own, which gets what the program gave.
    Own(MechanismCall),
}

impl Means {
    /// A call of something that is offered.
    pub fn new(offer: Offer, call: MechanismCall) -> Result<Self> {
        match (offer.row, &call.parameter) {
            (Some(row), _) => Self::of_row(row, call.parameter, offer.hedges),
            (None, Parameter::Unknown) => Err(Error::MechanismParamInvalid("of this number")),
            (None, _) => Ok(Self::Own(call)),
        }
    }

    /// A call of a mechanism that is done here as well, by what surely hedges ML-DSA or does not.
    pub fn of_row(row: &'static Mechanism, parameter: Parameter, hedges: bool) -> Result<Self> {
        match row.takes_parameter(&parameter, hedges) {
            true => Ok(Self::Row(row, parameter)),
            false => Err(Error::MechanismParamInvalid(row.name)),
        }
    }

    /// The row of the table, by which a long message can be hashed part by part.
    fn row(&self) -> Option<(&'static Mechanism, &Parameter)> {
        match self {
            Self::Row(row, parameter) => Some((row, parameter)),
            Self::Own(call) => Some((Mechanism::of(call.number)?, &call.parameter)),
        }
    }
}

/// What C_SignUpdate brought so far: the message while it is short, and its digest all along.
struct Parts {
    message: Option<Vec<u8>>,
    hasher: Option<(SignScheme, Hasher)>,
}

impl SignOperation {
    /// An operation of a key of the token's by a mechanism that goes with it.
    pub fn new(key: Arc<Key>, means: Means) -> Result<Self> {
        fits(&key.public, &means)?;
        if let Some(reason) = key.unusable() {
            log::info!("key {:?} ({}) does not sign: {reason}", key.name, key.id);
            return Err(Error::KeyFunctionNotPermitted);
        }
        Ok(Self::by(Signer::Token(key), means))
    }

    /// An operation of a private key of the program's.
    pub fn of_session(object: Arc<SessionObject>, means: Means) -> Result<Self> {
        fits(private(&object)?.public(), &means)?;
        match object.attributes().is_true(CKA_SIGN) {
            true => Ok(Self::by(Signer::Session(object), means)),
            false => Err(Error::KeyFunctionNotPermitted),
        }
    }

    fn by(signer: Signer, means: Means) -> Self {
        let parts = None;
        Self {
            signer,
            means,
            parts,
        }
    }

    /// Bytes of the signature; known without asking the token.
    pub fn signature_len(&self) -> usize {
        match &self.signer {
            Signer::Token(key) => key.public.signature_len(),
            Signer::Session(object) => {
                private(object).map_or(0, |key| key.public().signature_len())
            }
        }
    }

    /// True once C_SignUpdate was called: then only C_SignFinal may end it (v3.2, 5.13.3).
    pub fn in_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// Takes the next part of the message.
    pub fn update(&mut self, part: &[u8]) -> Result {
        let row = self.means.row();
        self.parts.get_or_insert_with(|| Parts::new(row)).add(part)
    }

    /// The signature over `data`; longer than what is kept, it is a message in one part.
    pub fn sign(mut self, slot: &Slot, data: &[u8]) -> Result<Vec<u8>> {
        if data.len() > KEPT {
            self.update(data)?;
            return self.finish(slot);
        }
        self.has_room_for(data)?;
        match (&self.means, &self.signer) {
            (Means::Row(row, parameter), signer) => {
                let (scheme, input) = row.resolve(parameter, data)?;
                signer.sign(slot, scheme, input)
            }
            (Means::Own(call), Signer::Token(key)) => slot.sign_by(key, call, data),
            (Means::Own(call), Signer::Session(_)) => Err(Error::MechanismInvalid(call.number)),
        }
    }

    /// PKCS#1 v1.5 adds 11 bytes at least (RFC 8017, 9.2); not every module has a word for that.
    fn has_room_for(&self, data: &[u8]) -> Result {
        let (got, wanted) = (data.len(), "at most the modulus' bytes without 11");
        match self.means.row() {
            Some((row, _)) if row.number == CKM_RSA_PKCS && got + 11 > self.signature_len() => {
                Err(Error::DataLenRange { got, wanted })
            }
            _ => Ok(()),
        }
    }

    /// The signature over all parts.
    pub fn finish(mut self, slot: &Slot) -> Result<Vec<u8>> {
        match self.parts.take() {
            None => self.sign(slot, &[]),
            Some(Parts {
                message: Some(message),
                ..
            }) => self.sign(slot, &message),
            Some(Parts { hasher, .. }) => {
                let (scheme, hasher) = hasher.ok_or(TOO_LONG)?;
                let digest = hasher.finish();
                self.signer.sign(slot, scheme, SignInput::Digest(&digest))
            }
        }
    }
}

impl Signer {
    fn sign(&self, slot: &Slot, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        match self {
            Self::Token(key) => slot.sign(key, scheme, input),
            Self::Session(object) => {
                let signature = private(object)?.sign(scheme, input);
                signature.map_err(|_| Error::FunctionFailed("the crypto library did not sign"))
            }
        }
    }
}

fn private(object: &SessionObject) -> Result<&PrivateKey> {
    match object.material() {
        Material::Private(key) => Ok(key),
        _ => Err(Error::KeyHandleInvalid(object.handle)),
    }
}

fn fits(key: &PublicKey, means: &Means) -> Result {
    let key_type = key.key_type();
    match means.row() {
        Some((row, _)) if !row.goes_with(key_type) => Err(Error::KeyTypeInconsistent {
            mechanism: row.name,
            key: key_type.to_string(),
        }),
        _ => Ok(()),
    }
}

impl Parts {
    fn new(row: Option<(&Mechanism, &Parameter)>) -> Self {
        // An empty message tells the hash of those mechanisms that take messages.
        let scheme = match row.map(|(row, parameter)| row.resolve(parameter, &[])) {
            Some(Ok((scheme, SignInput::Message(_)))) => Some(scheme),
            _ => None,
        };
        let hasher = scheme.and_then(|scheme| Some((scheme, Hasher::new(scheme.hash()?))));
        Self {
            message: Some(vec![]),
            hasher,
        }
    }

    fn add(&mut self, part: &[u8]) -> Result {
        if let Some((_, hasher)) = &mut self.hasher {
            hasher.update(part);
        }
        match self.message.take() {
            Some(mut message) if message.len() + part.len() <= KEPT => {
                message.extend_from_slice(part);
                self.message = Some(message);
                Ok(())
            }
            _ if self.hasher.is_some() => Ok(()),
            _ => Err(TOO_LONG),
        }
    }
}
