//! A private key that the server lets out, where its owner allows that: for one signature in this
//! process, or to be kept in another token.

use std::time::Instant;

use zeroize::Zeroizing;

use super::KmipToken;
use super::failure::is_inability;
use super::managed::Managed;
use super::material;
use super::signing::Wanted;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{Answer, Client, KeyFormatType, ManagedObject, Refusal, Request, Response};
use crate::model::cipher::RsaPadding;
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
        let private = self.let_out(wanted.client, wanted.deadline, key, |now| {
            self.usable_now(key, now, now.may_sign())
        })?;
        let signed = private.sign(scheme, input);
        let signature =
            signed.map_err(|error| self.failures.error(TokenErrorKind::BadInput, error))?;
        self.verified(key, scheme, input, signature)
    }

    /// The key comes here for one decryption and is wiped.
    pub(super) fn by_released_private(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.may_leave(key, key.custody)?;
        let client = self.client()?;
        let private = self.let_out(&client, self.deadline(), key, |now| {
            self.usable_now(key, now, now.may_decrypt())
        })?;
        self.opened_by(private.decrypt(padding, data))
    }

    /// The private key for another token, if its owner lets it leave this one: some servers give it
    /// out whatever they were told.
    pub(super) fn given_away(&self, key: &Key) -> Result<PrivateKey> {
        self.may_be_given_away(key, key.custody)?;
        let client = self.client()?;
        self.let_out(&client, self.deadline(), key, |now| {
            self.may_be_given_away(key, now.custody)
        })
    }

    /// The private key as the server gives it, in the form that it gives it in.
    fn let_out(
        &self,
        client: &Client,
        deadline: Instant,
        key: &Key,
        allowed: impl Fn(&Managed) -> Result,
    ) -> Result<PrivateKey> {
        let get = |format| self.released(client, deadline, key, format, &allowed);
        let block = match get(Some(KeyFormatType::PKCS_8))? {
            Err(refusal) if is_inability(&refusal) => get(None)?,
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
        material::private_key(&block, &key.public).map_err(|error| {
            let reason = format!("key {:?} as the server let it out: {error}", key.name);
            self.failures.error(TokenErrorKind::Failed, reason)
        })
    }

    /// The private key's value, if the key is `allowed` to leave as it is now. Its attributes come in
    /// the same message, since nobody else checks them.
    fn released(
        &self,
        client: &Client,
        deadline: Instant,
        key: &Key,
        format: Option<KeyFormatType>,
        allowed: impl Fn(&Managed) -> Result,
    ) -> Result<Result<ManagedObject, Refusal>> {
        let id = key.id.to_string();
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
        let answers = client.call_within(deadline, &requests);
        let mut answers = answers.map_err(|e| self.failures.call(&e))?.into_iter();
        allowed(&self.as_it_is_now(key, answers.next())?)?;
        match answers.next() {
            Some(Ok(Response::Get { object, .. })) => Ok(Ok(object)),
            Some(Err(refusal)) => Ok(Err(refusal)),
            _ => Err(self.failures.unexpected("Get")),
        }
    }

    pub(super) fn as_it_is_now(&self, key: &Key, attributes: Option<Answer>) -> Result<Managed> {
        match attributes {
            Some(Ok(Response::GetAttributes { attributes, .. })) => {
                Ok(Managed::new(&key.id.0, attributes))
            }
            Some(Err(refusal)) => Err(self.failures.refusal(&refusal)),
            _ => Err(self.failures.unexpected("Get Attributes")),
        }
    }

    /// Only the owner's own word lets a key go for good: the attribute, or the slot's local use where
    /// the server has no such attribute.
    fn may_be_given_away(&self, key: &Key, custody: Custody) -> Result {
        self.may_leave(key, custody)?;
        let name = &key.name;
        let reason = match (custody.sensitive, custody.extractable) {
            (Some(true), _) => format!(
                "key {name:?} must not leave the server in the clear: its attribute Sensitive is true"
            ),
            (_, None) if !self.filter.local_use => format!(
                "key {name:?} stays on the server: the server does not say that it is Extractable, \
                 and the slot has no keys.local_use = true"
            ),
            _ => return Ok(()),
        };
        Err(self.failures.error(TokenErrorKind::Denied, reason))
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

    pub(super) fn usable_now(&self, key: &Key, now: &Managed, allowed: bool) -> Result {
        self.may_leave(key, now.custody)?;
        let objection = now.validity.objection(validity::now());
        let kind = match now.state() {
            State::Destroyed | State::DestroyedCompromised => TokenErrorKind::Gone,
            _ => TokenErrorKind::Denied,
        };
        let reason = match (now.state(), allowed, objection) {
            (State::Active, true, None) => return Ok(()),
            (State::Active, true, Some((_, reason))) => reason,
            (state, ..) => format!("it is {state}"),
        };
        let reason = format!("key {:?} may no longer be used so; {reason}", key.name);
        Err(self.failures.error(kind, reason))
    }
}
