//! One honest signature: asked for in the forms that the server takes, verified, or refused with
//! the reason.

use std::time::Instant;

use super::KmipToken;
use super::failure::is_inability;
use super::managed::Managed;
use super::material;
use super::request_form::{Experience, Form, kmip_input, parameters};
use crate::crypto::verify;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Answer, Client, ErrorKind, KeyFormatType, ManagedObject, Refusal, Request, Response,
};
use crate::model::key::{Key, State};
use crate::model::signature::{SignInput, SignScheme};
use crate::token::Token;

/// What one form of asking came to.
enum Outcome {
    Signature(Vec<u8>),
    /// The server cannot; another form may do.
    Unfit(String),
    /// The server gave something else; another form may do.
    Wrong(String),
}

impl KmipToken {
    /// A verified signature by the server, else by the key itself where the slot allows that.
    pub(super) fn signature(
        &self,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        let deadline = self.deadline();
        let client = self.client()?;
        let (forms, mut reasons) = self.forms.forms(scheme, input);
        let mut kind = TokenErrorKind::Impossible;
        for form in forms {
            match self.by_server(client, deadline, key, scheme, input, form)? {
                Outcome::Signature(signature) => return Ok(signature),
                Outcome::Unfit(reason) => reasons.push(reason),
                Outcome::Wrong(reason) => {
                    kind = TokenErrorKind::WrongSignature;
                    reasons.push(reason);
                }
            }
        }
        match self.filter.local_use {
            true => self.by_released_key(client, deadline, key, scheme, input),
            false => Err(self.cannot_sign(kind, key, scheme, &reasons)),
        }
    }

    fn by_server(
        &self,
        client: &Client,
        deadline: Instant,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
        form: Form,
    ) -> Result<Outcome> {
        let Some(carried) = kmip_input(form, scheme, input) else {
            return Ok(Outcome::Unfit(format!("{form:?} does not fit")));
        };
        let request = Request::Sign {
            id: key.id.to_string(),
            parameters: parameters(scheme),
            input: carried,
        };
        let answer = match client.call_within(deadline, &[request]) {
            Ok(answers) => answers.into_iter().next(),
            Err(error) => match error.kind {
                ErrorKind::Refused(refusal) => Some(Err(refusal)),
                ErrorKind::Unencodable(reason) => {
                    return Ok(self.unfit(scheme, form, reason.to_string()));
                }
                _ => return Err(self.failures.call(&error)),
            },
        };
        match answer {
            Some(Ok(Response::Sign { signature, .. })) => {
                Ok(self.judged(client, key, scheme, input, form, signature))
            }
            Some(Err(refusal)) if may_be_the_form(&refusal) => {
                let reason = format!("server {} refused {form:?} ({refusal})", client.server());
                Ok(match is_of_the_server(&refusal) {
                    true => self.unfit(scheme, form, reason),
                    false => Outcome::Unfit(reason),
                })
            }
            Some(Err(refusal)) => Err(self.failures.refusal(&refusal)),
            _ => Err(self.failures.unexpected("Sign")),
        }
    }

    /// A server's signature is believed after verification, and never before. A wrong one is no
    /// reason not to ask in this form again: it may be one key of many that has lost its half.
    fn judged(
        &self,
        client: &Client,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
        form: Form,
        signature: Vec<u8>,
    ) -> Outcome {
        let signature = key.public.signature_from_token(signature);
        if verify(&key.public, scheme, input, &signature) {
            self.forms.remember(scheme, form, Experience::Works);
            return Outcome::Signature(signature);
        }
        let reason = format!(
            "server {} answered {form:?} with a signature by {scheme} that key {:?} ({}) \
             does not verify; it was not used",
            client.server(),
            key.name,
            key.id
        );
        log::warn!("slot {:?}: {reason}", self.failures.slot);
        Outcome::Wrong(reason)
    }

    fn unfit(&self, scheme: SignScheme, form: Form, reason: String) -> Outcome {
        let experience = Experience::Fails(reason.clone());
        self.forms.remember(scheme, form, experience);
        Outcome::Unfit(reason)
    }

    fn cannot_sign(
        &self,
        kind: TokenErrorKind,
        key: &Key,
        scheme: SignScheme,
        reasons: &[String],
    ) -> Error {
        let reason = format!(
            "the server cannot make this signature ({scheme}) with key {:?}: {}; \
             use a server that signs digests, or set keys.local_use = true if the key may leave \
             the server to be used in this process",
            key.name,
            reasons.join("; ")
        );
        self.failures.error(kind, reason)
    }

    /// The owner allows it: the key comes here for one signature and is wiped. Its state comes in
    /// the same message, since nobody else checks it now.
    fn by_released_key(
        &self,
        client: &Client,
        deadline: Instant,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        let block = match self.released(client, deadline, key, Some(KeyFormatType::PKCS_8))? {
            Err(refusal) if is_inability(&refusal) => self.released(client, deadline, key, None)?,
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

    /// The private key's value, if the key may be used now.
    fn released(
        &self,
        client: &Client,
        deadline: Instant,
        key: &Key,
        format: Option<KeyFormatType>,
    ) -> Result<Result<ManagedObject, Refusal>> {
        let id = key.id.to_string();
        let requests = [
            Request::GetAttributes { id: id.clone() },
            Request::Get { id, format },
        ];
        let answers = client.call_within(deadline, &requests);
        let mut answers = answers.map_err(|e| self.failures.call(&e))?.into_iter();
        self.usable_now(key, answers.next())?;
        match answers.next() {
            Some(Ok(Response::Get { object, .. })) => Ok(Ok(object)),
            Some(Err(refusal)) => Ok(Err(refusal)),
            _ => Err(self.failures.unexpected("Get")),
        }
    }

    fn usable_now(&self, key: &Key, attributes: Option<Answer>) -> Result {
        let attributes = match attributes {
            Some(Ok(Response::GetAttributes { attributes, .. })) => attributes,
            Some(Err(refusal)) => return Err(self.failures.refusal(&refusal)),
            _ => return Err(self.failures.unexpected("Get Attributes")),
        };
        let now = Managed::new(&key.id.0, attributes);
        if now.state() == State::Active && now.may_sign() {
            return Ok(());
        }
        let reason = format!(
            "key {:?} may no longer sign; it is {}",
            key.name,
            now.state()
        );
        Err(self.failures.error(TokenErrorKind::Denied, reason))
    }
}

/// True if the refusal is about no key in particular, so that it need not be asked for again.
fn is_of_the_server(refusal: &Refusal) -> bool {
    use crate::kmip::ResultReason as Reason;
    matches!(
        refusal.reason,
        Reason::OPERATION_NOT_SUPPORTED | Reason::FEATURE_NOT_SUPPORTED
    )
}

/// True unless the refusal is about the key or the client: then no other form will help.
fn may_be_the_form(refusal: &Refusal) -> bool {
    use crate::kmip::ResultReason as Reason;
    !matches!(
        refusal.reason,
        Reason::ITEM_NOT_FOUND
            | Reason::OBJECT_NOT_FOUND
            | Reason::PERMISSION_DENIED
            | Reason::AUTHENTICATION_NOT_SUCCESSFUL
            | Reason::WRONG_KEY_LIFECYCLE_STATE
    )
}
