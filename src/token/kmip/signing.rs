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
    /// The server cannot; another form or server may do.
    Unfit(String),
    /// The server did not, and has not said that it never will; another form may do.
    Failed(String),
    /// The server gave something else; another form may do.
    Wrong(String),
}

/// What was tried for a signature so far.
struct Tries {
    /// Servers by their place, and the forms they were asked in.
    asked: Vec<(usize, Form)>,
    /// Why there is no signature yet.
    reasons: Vec<String>,
    kind: TokenErrorKind,
}

impl Tries {
    fn failed(&mut self, kind: TokenErrorKind, reason: String) {
        // A wrong signature weighs more than a failure, and that more than an inability.
        if self.kind == TokenErrorKind::Impossible || kind == TokenErrorKind::WrongSignature {
            self.kind = kind;
        }
        self.give(reason);
    }

    fn give(&mut self, reason: String) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

impl KmipToken {
    /// A verified signature by a server, else by the key itself where the slot allows that.
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
        let mut tries = Tries {
            asked: vec![],
            reasons: vec![],
            kind: TokenErrorKind::Impossible,
        };
        if scheme == SignScheme::RsaPkcs1Bare {
            return self.bare(wanted);
        }
        if let Some(signature) = self.by_some_server(wanted, &mut tries)? {
            return Ok(signature);
        }
        match self.filter.local_use {
            true => self.by_released_key(wanted),
            false => Err(self.cannot_sign(wanted, &tries)),
        }
    }

    /// KMIP's Sign hashes, or takes a digest of a hash that is named: of other bytes there would be a signature over something else, or none.
    fn bare(&self, wanted: Wanted<'_>) -> Result<Vec<u8>> {
        const REASON: &str = "KMIP servers sign by CKM_RSA_PKCS what is a DigestInfo of SHA-256, SHA-384 or SHA-512 \
             and nothing else; set keys.local_use = true if the key may leave the server to sign other bytes here";
        match self.filter.local_use {
            true => self.by_released_key(wanted),
            false => Err(self.failures.error(TokenErrorKind::BadInput, REASON)),
        }
    }

    /// Whichever server serves is asked first, and is asked in all forms that it may take; then those servers of
    /// a group are asked that are not like it, unless the key may be used here. Servers that are known to take
    /// no form are not asked.
    fn by_some_server(&self, wanted: Wanted<'_>, tries: &mut Tries) -> Result<Option<Vec<u8>>> {
        let servers = 0..wanted.client.servers().len();
        let mut likely = wanted.client.last_server();
        loop {
            let forms = servers
                .clone()
                .map(|server| self.next_form(wanted, server, tries));
            let forms: Vec<Option<Form>> = forms.collect();
            let unable = servers
                .clone()
                .filter(|server| forms.get(*server) == Some(&None));
            let unable: Vec<usize> = unable.collect();
            let spared = self.filter.local_use && !unable.is_empty();
            let able = |server: &usize| !unable.contains(server);
            let next = Some(likely)
                .filter(able)
                .or_else(|| servers.clone().find(able));
            let form = next.and_then(|server| forms.get(server).copied().flatten());
            let (Some(server), Some(form), false) = (next, form, spared) else {
                return Ok(None);
            };
            // The one that was asked before is asked again; else any that may do.
            let others = || servers.clone().filter(|other| *other != server).collect();
            let avoided = match tries.asked.iter().any(|(asked, _)| *asked == server) {
                true => others(),
                false => unable,
            };
            let (outcome, by) = self.by_server(wanted, form, &avoided)?;
            likely = by.unwrap_or(server);
            tries.asked.push((likely, form));
            match outcome {
                Outcome::Signature(signature) => return Ok(Some(signature)),
                Outcome::Unfit(reason) => tries.give(reason),
                Outcome::Failed(reason) => tries.failed(TokenErrorKind::Failed, reason),
                Outcome::Wrong(reason) => tries.failed(TokenErrorKind::WrongSignature, reason),
            }
        }
    }

    fn next_form(&self, wanted: Wanted<'_>, server: usize, tries: &mut Tries) -> Option<Form> {
        let Wanted { client, key, .. } = wanted;
        let name = client.identity(server);
        let (forms, reasons) = self
            .forms
            .forms(&name, &key.id, wanted.scheme, wanted.input);
        reasons.into_iter().for_each(|reason| tries.give(reason));
        let is_new = |form: &Form| !tries.asked.contains(&(server, *form));
        forms.into_iter().find(is_new)
    }

    /// What came of it, and of which server.
    fn by_server(
        &self,
        wanted: Wanted<'_>,
        form: Form,
        avoided: &[usize],
    ) -> Result<(Outcome, Option<usize>)> {
        let Some(input) = kmip_input(form, wanted.scheme, wanted.input) else {
            return Ok((Outcome::Unfit(format!("{form:?} does not fit")), None));
        };
        let request = Request::Sign {
            id: wanted.key.id.to_string(),
            parameters: parameters(wanted.scheme),
            input,
        };
        let Wanted {
            client, deadline, ..
        } = wanted;
        let (answers, server) = client.call_others(deadline, avoided, &[request]);
        let by = server.unwrap_or_else(|| client.last_server());
        let outcome = match answers {
            Ok(answers) => self.answered(wanted, form, by, answers.into_iter().next()),
            Err(error) => match error.kind {
                ErrorKind::Refused(refusal) => self.answered(wanted, form, by, Some(Err(refusal))),
                // Nothing was sent. Another server, or this one tomorrow, may speak another version.
                ErrorKind::Unencodable(reason) => Ok(Outcome::Unfit(reason.to_string())),
                _ => Err(self.failures.call(&error)),
            },
        };
        outcome.map(|outcome| (outcome, server))
    }

    fn answered(
        &self,
        wanted: Wanted<'_>,
        form: Form,
        by: usize,
        answer: Option<Answer>,
    ) -> Result<Outcome> {
        match answer {
            Some(Ok(Response::Sign { signature, .. })) => {
                Ok(self.judged(wanted, form, by, signature))
            }
            Some(Err(refusal)) if may_be_the_form(&refusal) => {
                let server = name(wanted.client, by);
                let reason = format!("server {server} refused {form:?} ({refusal})");
                self.remember_refusal(wanted, form, by, &refusal, &reason);
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
    fn judged(&self, wanted: Wanted<'_>, form: Form, by: usize, signature: Vec<u8>) -> Outcome {
        let Wanted { key, scheme, .. } = wanted;
        let signature = key.public.signature_from_token(signature);
        if verify(&key.public, scheme, wanted.input, &signature) {
            let server = wanted.client.identity(by);
            self.forms
                .remember(&server, scheme, form, Experience::Works);
            return Outcome::Signature(signature);
        }
        let reason = format!(
            "server {} answered {form:?} with a signature by {scheme} that key {:?} ({}) \
             does not verify; it was not used",
            name(wanted.client, by),
            key.name,
            key.id
        );
        log::warn!("slot {:?}: {reason}", self.failures.slot);
        Outcome::Wrong(reason)
    }

    /// What the server does for no key, and what it does not for this one.
    fn remember_refusal(
        &self,
        wanted: Wanted<'_>,
        form: Form,
        by: usize,
        refusal: &Refusal,
        reason: &str,
    ) {
        let server = wanted.client.identity(by);
        if is_inability_for_all(refusal) {
            let experience = Experience::Fails(reason.into());
            self.forms
                .remember(&server, wanted.scheme, form, experience);
        } else if is_inability(refusal) {
            self.forms
                .remember_unfit(&server, &wanted.key.id, form, reason.into());
        }
    }

    fn cannot_sign(&self, wanted: Wanted<'_>, tries: &Tries) -> Error {
        let reason = format!(
            "the server cannot make this signature ({}) with key {:?}: {}; \
             use a server that signs digests, or set keys.local_use = true if the key may leave \
             the server to be used in this process",
            wanted.scheme,
            wanted.key.name,
            tries.reasons.join("; ")
        );
        self.failures.error(tries.kind, reason)
    }
}

/// `host:port` of a server, by its place.
fn name(client: &Client, server: usize) -> String {
    let server = client.servers().get(server);
    server.map_or_else(String::new, ToString::to_string)
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
