//! One honest signature: asked for in the forms that the server takes, verified, or refused with
//! the reason.

use std::time::Instant;

use super::KmipToken;
use super::failure::{is_inability, is_inability_for_all};
use super::request_form::{Experience, Form, kmip_input, parameters};
use crate::crypto::verify;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{Answer, Client, ErrorKind, Refusal, Request, Response};
use crate::model::key::Key;
use crate::model::signature::{SignInput, SignScheme};

/// A signature to be made, by whom, and until when.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub client: &'a Client,
    pub deadline: Instant,
    pub key: &'a Key,
    pub scheme: SignScheme,
    pub input: SignInput<'a>,
}

/// What one form of asking came to.
enum Outcome {
    Signature(Vec<u8>),
    /// The server cannot; another form may do.
    Unfit(String),
    /// The server did not, and has not said that it never will; another form may do.
    Failed(String),
    /// The server gave something else; another form may do.
    Wrong(String),
}

impl KmipToken {
    /// A verified signature by the server, else by the key itself where the slot allows that.
    pub(super) fn signature(
        &self,
        deadline: Instant,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        let client = self.client()?;
        let wanted = Wanted {
            client: &client,
            deadline,
            key,
            scheme,
            input,
        };
        let (forms, mut reasons) = self.forms.forms(&key.id, scheme, input);
        let mut kind = TokenErrorKind::Impossible;
        for form in forms {
            match self.by_server(wanted, form)? {
                Outcome::Signature(signature) => return Ok(signature),
                Outcome::Unfit(reason) => reasons.push(reason),
                Outcome::Failed(reason) => {
                    if kind == TokenErrorKind::Impossible {
                        kind = TokenErrorKind::Failed;
                    }
                    reasons.push(reason);
                }
                Outcome::Wrong(reason) => {
                    kind = TokenErrorKind::WrongSignature;
                    reasons.push(reason);
                }
            }
        }
        match self.filter.local_use {
            true => self.by_released_key(wanted),
            false => Err(self.cannot_sign(kind, wanted, &reasons)),
        }
    }

    fn by_server(&self, wanted: Wanted<'_>, form: Form) -> Result<Outcome> {
        let Some(input) = kmip_input(form, wanted.scheme, wanted.input) else {
            return Ok(Outcome::Unfit(format!("{form:?} does not fit")));
        };
        let request = Request::Sign {
            id: wanted.key.id.to_string(),
            parameters: parameters(wanted.scheme),
            input,
        };
        match wanted.client.call_within(wanted.deadline, &[request]) {
            Ok(answers) => self.answered(wanted, form, answers.into_iter().next()),
            Err(error) => match error.kind {
                ErrorKind::Refused(refusal) => self.answered(wanted, form, Some(Err(refusal))),
                // Nothing was sent. Another server, or this one tomorrow, may speak another version.
                ErrorKind::Unencodable(reason) => Ok(Outcome::Unfit(reason.to_string())),
                _ => Err(self.failures.call(&error)),
            },
        }
    }

    fn answered(&self, wanted: Wanted<'_>, form: Form, answer: Option<Answer>) -> Result<Outcome> {
        match answer {
            Some(Ok(Response::Sign { signature, .. })) => Ok(self.judged(wanted, form, signature)),
            Some(Err(refusal)) if may_be_the_form(&refusal) => {
                let server = wanted.client.server();
                let reason = format!("server {server} refused {form:?} ({refusal})");
                self.remember_refusal(wanted, form, &refusal, &reason);
                Ok(match is_inability(&refusal) {
                    true => Outcome::Unfit(reason),
                    false => Outcome::Failed(reason),
                })
            }
            Some(Err(refusal)) => Err(self.failures.refusal(&refusal)),
            _ => Err(self.failures.unexpected("Sign")),
        }
    }

    /// A server's signature is believed after verification, and never before. A wrong one is no
    /// reason not to ask in this form again: it may be one key of many that has lost its half.
    fn judged(&self, wanted: Wanted<'_>, form: Form, signature: Vec<u8>) -> Outcome {
        let Wanted { key, scheme, .. } = wanted;
        let signature = key.public.signature_from_token(signature);
        if verify(&key.public, scheme, wanted.input, &signature) {
            self.forms.remember(scheme, form, Experience::Works);
            return Outcome::Signature(signature);
        }
        let reason = format!(
            "server {} answered {form:?} with a signature by {scheme} that key {:?} ({}) \
             does not verify; it was not used",
            wanted.client.server(),
            key.name,
            key.id
        );
        log::warn!("slot {:?}: {reason}", self.failures.slot);
        Outcome::Wrong(reason)
    }

    /// What the server does for no key, and what it does not for this one.
    fn remember_refusal(&self, wanted: Wanted<'_>, form: Form, refusal: &Refusal, reason: &str) {
        if is_inability_for_all(refusal) {
            let experience = Experience::Fails(reason.into());
            self.forms.remember(wanted.scheme, form, experience);
        } else if is_inability(refusal) {
            self.forms
                .remember_unfit(&wanted.key.id, form, reason.into());
        }
    }

    fn cannot_sign(&self, kind: TokenErrorKind, wanted: Wanted<'_>, reasons: &[String]) -> Error {
        let reason = format!(
            "the server cannot make this signature ({}) with key {:?}: {}; \
             use a server that signs digests, or set keys.local_use = true if the key may leave \
             the server to be used in this process",
            wanted.scheme,
            wanted.key.name,
            reasons.join("; ")
        );
        self.failures.error(kind, reason)
    }
}

/// True unless the refusal is about the key, the client or the server's load: then no other form will help.
fn may_be_the_form(refusal: &Refusal) -> bool {
    use crate::kmip::ResultReason as Reason;
    !matches!(
        refusal.reason,
        Reason::ITEM_NOT_FOUND
            | Reason::OBJECT_NOT_FOUND
            | Reason::PERMISSION_DENIED
            | Reason::AUTHENTICATION_NOT_SUCCESSFUL
            | Reason::WRONG_KEY_LIFECYCLE_STATE
            | Reason::SERVER_LIMIT_EXCEEDED
    )
}
