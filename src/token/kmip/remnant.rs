//! What is left of keys: halves without the other half, which no listing shows and which only their identifier names.

use super::KmipToken;
use super::inventory::Scope;
use super::managed::Managed;
use super::settling::{is_gone, is_revoked};
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{ObjectType, Request, RevocationReasonCode};
use crate::model::key::{Key, ObjectId, State};
use crate::token::{Half, Remnant};

impl KmipToken {
    /// Of the whole server it must be part of no key, whatever the slot shows, and in a group of the slot if it is in one.
    pub(super) fn part_of_no_key(&self, id: &ObjectId) -> Result<Option<Remnant>> {
        let Some(object) = self.object_if_there(id)? else {
            return Ok(None);
        };
        let half = match object.object_type {
            Some(ObjectType::PRIVATE_KEY) => Half::Private,
            Some(ObjectType::PUBLIC_KEY) => Half::Public,
            _ => return Ok(None),
        };
        let is_over = is_gone(Some(&object));
        if is_over || self.is_elsewhere(&object) || self.is_in_a_key(id)? {
            return Ok(None);
        }
        Ok(Some(Remnant {
            id: id.clone(),
            half,
            name: object.name().into(),
            state: object.state(),
        }))
    }

    /// Servers differ in what they say of an identifier that they never gave.
    fn object_if_there(&self, id: &ObjectId) -> Result<Option<Managed>> {
        use TokenErrorKind::{Denied, Gone, Impossible};
        match self.object_now(&id.0) {
            Err(Error::Token(error)) if matches!(error.kind, Denied | Gone | Impossible) => {
                Ok(None)
            }
            answer => answer,
        }
    }

    fn is_elsewhere(&self, object: &Managed) -> bool {
        let (ours, its) = (&self.filter.groups, &object.groups);
        let is_ours = its.iter().any(|group| ours.contains(group));
        !(ours.is_empty() || its.is_empty() || is_ours)
    }

    fn is_in_a_key(&self, id: &ObjectId) -> Result<bool> {
        let found = self.pairs(Scope::default())?;
        let hidden = found.hidden.iter().filter_map(|it| it.key.as_ref());
        let has = |key: &Key| key.id == *id || key.public_id.as_ref() == Some(id);
        Ok(found.keys.iter().chain(hidden).any(has))
    }

    pub(super) fn remove_remnant(&self, remnant: &Remnant) -> Result {
        self.end_in_state(&remnant.id.0, remnant.state)
    }

    /// The end of an object that is no key, whatever its state.
    pub(super) fn end_object(&self, id: &str) -> Result {
        match self.object_now(id)? {
            Some(object) => self.end_in_state(id, object.state()),
            None => Ok(()),
        }
    }

    /// Revoke, if it is active, and Destroy.
    fn end_in_state(&self, id: &str, state: State) -> Result {
        if state == State::Active {
            let revoke = Request::Revoke {
                id: id.to_owned(),
                reason: RevocationReasonCode::CESSATION_OF_OPERATION,
                message: None,
                compromised_at: None,
            };
            // Not every server gives public keys a life of their own.
            if let Err(error) = self.settle(id, &revoke, &is_revoked) {
                log::info!("{id}: {error}");
            }
        }
        self.settle(id, &Request::Destroy { id: id.to_owned() }, &is_gone)
    }
}
