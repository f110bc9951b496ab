//! A signature being made: collects what is to be signed, and is consumed by the call that ends it.

use std::sync::Arc;

use crate::crypto::Hasher;
use crate::error::{Error, Result};
use crate::model::key::Key;
use crate::model::mechanism::{Mechanism, Offer};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::signature::{SignInput, SignScheme};
use crate::provider::slot::Slot;

/// How much of a message is kept. A longer one is only hashed, where the mechanism allows.
const KEPT: usize = 1 << 20;

/// From C_SignInit to the end of C_Sign or C_SignFinal.
pub struct SignOperation {
    key: Arc<Key>,
    means: Means,
    parts: Option<Parts>,
}

/// By what is signed.
pub enum Means {
    /// A mechanism of our table, with no parameter that would change anything.
    Row(&'static Mechanism),
    /// One of the token's own, which gets what the program gave.
    Own(MechanismCall),
}

impl Means {
    /// A call of something that is offered.
    pub fn new(offer: Offer, call: MechanismCall) -> Result<Self> {
        match (offer.row, &call.parameter) {
            (Some(row), parameter) if row.takes_parameter(parameter) => Ok(Self::Row(row)),
            (Some(row), _) => Err(Error::MechanismParamInvalid(row.name)),
            (None, Parameter::Unknown) => Err(Error::MechanismParamInvalid("of this number")),
            (None, _) => Ok(Self::Own(call)),
        }
    }

    /// The row of the table, by which a long message can be hashed part by part.
    fn row(&self) -> Option<&'static Mechanism> {
        match self {
            Self::Row(row) => Some(row),
            Self::Own(call) => Mechanism::all()
                .iter()
                .find(|row| row.number == call.number),
        }
    }
}

/// What C_SignUpdate brought so far: the message while it is short, and its digest all along.
struct Parts {
    message: Option<Vec<u8>>,
    hasher: Option<(SignScheme, Hasher)>,
}

impl SignOperation {
    /// An operation of a key by a mechanism that goes with it.
    pub fn new(key: Arc<Key>, means: Means) -> Result<Self> {
        let key_type = key.public.key_type();
        if let Some(row) = means.row().filter(|row| !row.goes_with(key_type)) {
            return Err(Error::KeyTypeInconsistent {
                mechanism: row.name,
                key: key_type.to_string(),
            });
        }
        let parts = None;
        match key.unusable() {
            None => Ok(Self { key, means, parts }),
            Some(reason) => {
                log::info!("key {:?} ({}) does not sign: {reason}", key.name, key.id);
                Err(Error::KeyFunctionNotPermitted)
            }
        }
    }

    /// Bytes of the signature; known without asking the token.
    pub fn signature_len(&self) -> usize {
        self.key.public.signature_len()
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
        match &self.means {
            Means::Row(row) => {
                let (scheme, input) = row.resolve(data)?;
                slot.sign(&self.key, scheme, input)
            }
            Means::Own(call) => slot.sign_by(&self.key, call, data),
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
                slot.sign(&self.key, scheme, SignInput::Digest(&hasher.finish()))
            }
        }
    }
}

const TOO_LONG: Error = Error::DataLenRange {
    got: KEPT + 1,
    wanted: "at most 1 MiB for a mechanism that does not hash",
};

impl Parts {
    fn new(row: Option<&Mechanism>) -> Self {
        // An empty message tells the hash of those mechanisms that take messages.
        let hasher = match row.map(|row| row.resolve(&[])) {
            Some(Ok((
                scheme @ (SignScheme::RsaPkcs1(hash) | SignScheme::Ecdsa(hash)),
                SignInput::Message(_),
            ))) => Some((scheme, Hasher::new(hash))),
            _ => None,
        };
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
