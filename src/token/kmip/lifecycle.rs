//! The life of a key pair after its making: activation, another name, revocation, destruction.

use super::KmipToken;
use super::failure::{noting, unencodable};
use super::inventory::Scope;
use super::managed::Managed;
use super::pairing::PUBLIC_SUFFIX;
use super::settling::{is_active, is_gone, is_revoked};
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Answer, Attribute, Error as KmipError, ErrorKind, Refusal, Request, RevocationReasonCode,
};
use crate::model::key::{Found, Hidden, Key};
use crate::token::Revocation;

impl KmipToken {
    pub(super) fn activate_pair(&self, key: &Key) -> Result {
        self.activate_both(&key.id.0, public_id(key))
    }

    /// Activate (KMIP 2.1, 6.1.1) of both halves. The private one decides: not every server gives
    /// public keys a life of their own.
    pub(super) fn activate_both(&self, id: &str, public_id: &str) -> Result {
        let activate = |id: &str| self.settle(id, &Request::Activate { id: id.into() }, &is_active);
        activate(id)?;
        if !public_id.is_empty() {
            note_public(activate(public_id));
        }
        Ok(())
    }

    /// Revoke (KMIP 2.1, 6.1.49) of the private key. Its public half goes on verifying what was
    /// signed before, and shows which key it was that is revoked.
    pub(super) fn revoke_pair(&self, key: &Key, revocation: &Revocation) -> Result {
        let (reason, compromised_at) = match revocation.compromised {
            true => (
                RevocationReasonCode::KEY_COMPROMISE,
                key.created.or(Some(0)),
            ),
            false => (RevocationReasonCode::CESSATION_OF_OPERATION, None),
        };
        let request = Request::Revoke {
            id: key.id.to_string(),
            reason,
            message: revocation.message.clone(),
            compromised_at,
        };
        self.settle(&key.id.0, &request, &is_revoked)
    }

    /// Destroy (KMIP 2.1, 6.1.19) of the private key first: what is left then is harmless. The
    /// public half was not revoked with it, and many servers want that before. The certificates of the
    /// key go with it.
    pub(super) fn destroy_pair(&self, key: &Key) -> Result {
        let destroy = |id: &str| self.settle(id, &Request::Destroy { id: id.into() }, &is_gone);
        destroy(&key.id.0).map_err(|error| match error {
            Error::Token(ref token) if token.kind == TokenErrorKind::Denied => {
                noting(error, "an active key must be revoked before")
            }
            error => error,
        })?;
        let public = self.destroy_public(key);
        public.and(self.destroy_certificates(key))
    }

    fn destroy_public(&self, key: &Key) -> Result {
        let Some(public) = &key.public_id else {
            return Ok(());
        };
        note_public(self.settle(
            &public.0,
            &Request::Revoke {
                id: public.to_string(),
                reason: RevocationReasonCode::CESSATION_OF_OPERATION,
                message: None,
                compromised_at: None,
            },
            &is_revoked,
        ));
        let destroy = Request::Destroy {
            id: public.to_string(),
        };
        match self.settle(&public.0, &destroy, &is_gone) {
            Err(Error::Token(token)) if token.kind != TokenErrorKind::Gone => {
                let note = format!(
                    "the private key {:?} is destroyed, but not its public half {:?}: remove that \
                     with kmip-ssh key destroy {}",
                    key.id.0, public.0, public.0
                );
                Err(noting(Error::Token(token), &note))
            }
            _ => Ok(()),
        }
    }

    /// Modify Attribute (KMIP 2.1, 6.1.31) of the names of both halves. Where names are all that
    /// pairs them, a name that is given twice would cost both pairs.
    pub(super) fn rename_pair(&self, key: &Key, name: &str) -> Result {
        self.name_is_free(name)?;
        self.rename_one(&key.id.0, &key.name, name)?;
        let Some(public) = &key.public_id else {
            return Ok(());
        };
        let [old, new] = [&key.name, name].map(|name| format!("{name}{PUBLIC_SUFFIX}"));
        match self.rename_one(&public.0, &old, &new) {
            Err(error) if self.key_named(&key.id.0, name).is_err() => {
                Err(self.renamed_half(key, name, error))
            }
            // It may bear any name of another client's choice: a link pairs it still.
            Err(error) => {
                log::info!("the public key {public} keeps its name: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Names alone paired these two. The private key gets its old name back.
    fn renamed_half(&self, key: &Key, name: &str, error: Error) -> Error {
        let public = key.public_id.as_ref().map_or("", |id| &id.0);
        let note = match self.rename_one(&key.id.0, name, &key.name) {
            Ok(()) => format!("this was of the public half {public:?}; both keep their names"),
            Err(_) => format!(
                "this was of the public half {public:?}, and the private key {:?} is called \
                 {name:?} now: they are no pair until the halves have one name again",
                key.id.0
            ),
        };
        noting(error, &note)
    }

    pub(super) fn rename_one(&self, id: &str, old: &str, new: &str) -> Result {
        let modify = Request::ModifyAttribute {
            id: id.into(),
            attribute: named(new),
            current: Some(named(old)),
            index: Some(0),
        };
        let has_new = |it: Option<&Managed>| is_called(new, it);
        let lost_old = |it: Option<&Managed>| !is_called(old, it);
        let modified = self.settle(id, &modify, &has_new);
        if !matches!(&modified, Err(error) if may_be_the_operation(error)) {
            return modified;
        }
        // Some servers only add and delete. The new name comes first, so that one is always there.
        let delete = Request::DeleteAttribute {
            id: id.into(),
            attribute: named(old),
            index: Some(0),
        };
        if self.add_name(id, new).is_err() {
            return modified;
        }
        self.settle(id, &delete, &lost_old)
            .map_err(|error| noting(error, &format!("the old name {old:?} is still there, too")))
    }

    /// One name more.
    pub(super) fn add_name(&self, id: &str, name: &str) -> Result {
        let add = Request::AddAttribute {
            id: id.into(),
            attribute: named(name),
        };
        self.settle(id, &add, &|it| is_called(name, it))
    }

    /// The key with that identifier and name, whatever the slot's filter says, or why it is hidden, if it
    /// is. If its name does not find it, all keys are looked through.
    pub(super) fn key_now(
        &self,
        id: &str,
        name: &str,
    ) -> Result<std::result::Result<Key, Option<Hidden>>> {
        let names = [name.to_owned()];
        let named = Scope {
            names: &names,
            ..Scope::default()
        };
        let mut reason = None;
        for scope in [named, Scope::default()] {
            let Found { keys, hidden, .. } = self.pairs(scope)?;
            if let Some(key) = keys.into_iter().find(|key| key.id.0 == id) {
                return Ok(Ok(key));
            }
            reason = hidden.into_iter().find(|hidden| hidden.id.0 == id);
        }
        Ok(Err(reason))
    }

    /// The same of a key that was just made or renamed.
    pub(super) fn key_named(&self, id: &str, name: &str) -> Result<Key> {
        let reason = match self.key_now(id, name)? {
            Ok(key) => return Ok(key),
            Err(reason) => reason,
        };
        let reason = reason.map_or_else(
            || format!("key {id} was made, but the server does not list it"),
            |hidden| format!("key {id} was made, but cannot be used: {}", hidden.reason),
        );
        Err(self.failures.error(TokenErrorKind::Failed, reason))
    }

    pub(super) fn carry_out(&self, request: &Request) -> Result<Answer> {
        let client = self.client()?;
        let answered = client.call_within(self.deadline(), std::slice::from_ref(request));
        match answered {
            Ok(answers) => {
                let answer = answers.into_iter().next();
                answer.ok_or_else(|| self.failures.unexpected("the request"))
            }
            Err(error) => self.refused_whole(error).map(Err),
        }
    }

    /// A refusal of a message with one request, or a version without words for it, is a refusal of
    /// that request.
    pub(super) fn refused_whole(&self, error: KmipError) -> Result<Refusal> {
        match error.kind {
            ErrorKind::Refused(refusal) => Ok(refusal),
            ErrorKind::Unencodable(_) => Ok(unencodable(&error)),
            _ => Err(self.failures.call(&error)),
        }
    }
}

fn named(name: &str) -> Attribute {
    Attribute::Name(name.into())
}

fn is_called(name: &str, object: Option<&Managed>) -> bool {
    object.is_some_and(|it| it.names.iter().any(|other| other == name))
}

/// Whether the server may do the same by another operation; not if it did not answer, denied it, or
/// knows no such object.
fn may_be_the_operation(error: &Error) -> bool {
    use TokenErrorKind::{Failed, Impossible};
    matches!(error, Error::Token(token) if matches!(token.kind, Failed | Impossible))
}

fn public_id(key: &Key) -> &str {
    key.public_id.as_ref().map_or("", |id| &id.0)
}

/// Not every server gives public keys a life of their own.
fn note_public(changed: Result) {
    if let Err(error) = changed {
        log::info!("the public half: {error}");
    }
}
