//! A signature by a key that the server lets out, in this process, where its owner allows that.

use super::KmipToken;
use super::failure::is_inability;
use super::managed::Managed;
use super::material;
use super::signing::Wanted;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{Answer, KeyFormatType, ManagedObject, Refusal, Request, Response};
use crate::model::key::{Custody, Key, State};
use crate::model::validity;
use crate::token::Token;

impl KmipToken {
    /// The key comes here for one signature and is wiped.
    pub(super) fn by_released_key(&self, wanted: Wanted<'_>) -> Result<Vec<u8>> {
        let Wanted {
            key, scheme, input, ..
        } = wanted;
        self.may_leave(key, key.custody)?;
        let block = match self.released(wanted, Some(KeyFormatType::PKCS_8))? {
            Err(refusal) if is_inability(&refusal) => self.released(wanted, None)?,
            answer => answer,
        };
        let block = match block {
            Ok(ManagedObject::PrivateKey(block)) => block,
            Ok(_) => return Err(self.failures.unexpected("Get")),
            Err(refusal) => {
                let reason = format!("the server does not let key {:?} out: {refusal}", key.name);
                return Err(self.failures.error(TokenErrorKind::Denied, reason));
            }
        };
        let private = material::private_key(&block, &key.public).map_err(|error| {
            let reason = format!("key {:?} as the server let it out: {error}", key.name);
            self.failures.error(TokenErrorKind::Failed, reason)
        })?;
        drop(block);
        let signed = private.sign(scheme, input);
        let signature =
            signed.map_err(|error| self.failures.error(TokenErrorKind::BadInput, error))?;
        self.verified(key, scheme, input, signature)
    }

    /// The private key's value, if the key may be used now. Its state comes in the same message,
    /// since nobody else checks it.
    fn released(
        &self,
        wanted: Wanted<'_>,
        format: Option<KeyFormatType>,
    ) -> Result<Result<ManagedObject, Refusal>> {
        let id = wanted.key.id.to_string();
        let requests = [
            Request::GetAttributes {
                id: id.clone(),
                names: Vec::new(),
            },
            Request::Get {
                id,
                format,
                wrapping: None,
            },
        ];
        let answers = wanted.client.call_within(wanted.deadline, &requests);
        let mut answers = answers.map_err(|e| self.failures.call(&e))?.into_iter();
        self.usable_now(wanted.key, answers.next())?;
        match answers.next() {
            Some(Ok(Response::Get { object, .. })) => Ok(Ok(object)),
            Some(Err(refusal)) => Ok(Err(refusal)),
            _ => Err(self.failures.unexpected("Get")),
        }
    }

    /// Some servers keep the owner's word on this and do not act on it.
    fn may_leave(&self, key: &Key, custody: Custody) -> Result {
        if custody.extractable != Some(false) {
            return Ok(());
        }
        let reason = format!(
            "key {:?} must not leave the server: its attribute Extractable is false",
            key.name
        );
        Err(self.failures.error(TokenErrorKind::Denied, reason))
    }

    fn usable_now(&self, key: &Key, attributes: Option<Answer>) -> Result {
        let attributes = match attributes {
            Some(Ok(Response::GetAttributes { attributes, .. })) => attributes,
            Some(Err(refusal)) => return Err(self.failures.refusal(&refusal)),
            _ => return Err(self.failures.unexpected("Get Attributes")),
        };
        let now = Managed::new(&key.id.0, attributes);
        self.may_leave(key, now.custody)?;
        let objection = now.validity.objection(validity::now());
        let reason = match (now.state(), now.may_sign(), objection) {
            (State::Active, true, None) => return Ok(()),
            (State::Active, true, Some((_, reason))) => reason,
            (state, ..) => format!("it is {state}"),
        };
        let reason = format!("key {:?} may no longer sign; {reason}", key.name);
        Err(self.failures.error(TokenErrorKind::Denied, reason))
    }
}
