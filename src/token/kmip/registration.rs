//! New keys on a server: pairs that it makes, and pairs made elsewhere that it takes in.

use zeroize::Zeroizing;

use super::KmipToken;
use super::failure::{is_inability, may_have_happened, noting};
use super::material;
use super::pairing::PUBLIC_SUFFIX;
use super::search::Question;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Answer, Attribute, KeyBlock, KeyFormatType, KeyMaterial, LinkType, ManagedObject, ObjectType,
    Refusal, Request, Response, UsageMask,
};
use crate::model::key::Key;
use crate::model::public_key::KeyType;
use crate::token::NewKey;

/// Objects that are looked at for a name; more than one is the exception.
const MOST_NAMESAKES: usize = 64;

impl KmipToken {
    /// Create Key Pair (KMIP 2.1, 6.1.10), activated if wanted, and read back.
    pub(super) fn create_key_pair(&self, wanted: &NewKey) -> Result<Key> {
        self.name_is_free(&wanted.name)?;
        let made = self.first_accepted(|guarding| {
            let mut private = private_attributes(wanted);
            private.extend(guarding.iter().cloned());
            Request::CreateKeyPair {
                common: recipe(wanted.key_type),
                private,
                public: public_attributes(wanted),
            }
        })?;
        let (id, public_id) = made.map_err(|refusal| {
            let reason = format!("the server made no {} pair: {refusal}", wanted.key_type);
            self.failures.error(TokenErrorKind::Impossible, reason)
        })?;
        self.finish(wanted, &id, &public_id)
    }

    /// Register (KMIP 2.1, 6.1.44) of both halves; the private key is taken back if the public one
    /// is not registered.
    pub(super) fn register(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.name_is_free(&wanted.name)?;
        let wanted = NewKey {
            key_type: private.public().key_type(),
            ..wanted.clone()
        };
        let unusable = |error: &dyn std::error::Error| {
            self.failures
                .error(TokenErrorKind::BadInput, error.to_string())
        };
        let pkcs8 = private.to_pkcs8().map_err(|e| unusable(&e))?;
        let spki = private.public().to_spki().map_err(|e| unusable(&e))?;
        let id = self.register_private(pkcs8, &wanted)?;
        let public_id = self.register_public(Zeroizing::new(spki), &wanted, &id);
        let public_id = public_id.inspect_err(|_| self.take_back(&id))?;
        self.finish(&wanted, &id, &public_id)
    }

    fn register_private(&self, pkcs8: Zeroizing<Vec<u8>>, wanted: &NewKey) -> Result<String> {
        let block = block(KeyFormatType::PKCS_8, pkcs8, wanted.key_type);
        let registered = self.first_accepted(|guarding| {
            let mut attributes = kind_attributes(wanted.key_type);
            attributes.extend(private_attributes(wanted));
            attributes.extend(guarding.iter().cloned());
            Request::Register {
                object: ManagedObject::PrivateKey(block.clone()),
                attributes,
            }
        })?;
        registered
            .map(|(id, _)| id)
            .map_err(|refusal| self.failures.refusal(&refusal))
    }

    /// With a link to its private half where the server keeps links; the name pairs them as well.
    fn register_public(
        &self,
        spki: Zeroizing<Vec<u8>>,
        wanted: &NewKey,
        private_id: &str,
    ) -> Result<String> {
        let link = Attribute::Link {
            kind: LinkType::PRIVATE_KEY_LINK,
            id: private_id.into(),
        };
        let mut refused = self.failures.unexpected("Register");
        // Cosmian calls a SubjectPublicKeyInfo PKCS#8, everybody else X.509.
        for format in [KeyFormatType::X_509, KeyFormatType::PKCS_8] {
            for link in [Some(&link), None] {
                let mut attributes = kind_attributes(wanted.key_type);
                attributes.extend(public_attributes(wanted));
                attributes.extend(link.cloned());
                let block = block(format, spki.clone(), wanted.key_type);
                let object = ManagedObject::PublicKey(block);
                match self.ask(Request::Register { object, attributes })? {
                    Ok((id, _)) => return Ok(id),
                    Err(refusal) => refused = self.failures.refusal(&refusal),
                }
            }
        }
        Err(refused)
    }

    /// The request with the strictest guard that the server takes: a key stays on the server, unless
    /// the slot allows local use - then a server that keeps its word must be able to let it out.
    fn first_accepted(
        &self,
        request: impl Fn(&[Attribute]) -> Request,
    ) -> Result<Result<(String, String), Refusal>> {
        let guards: &[&[Attribute]] = match self.filter.local_use {
            true => &[],
            false => &[
                &[Attribute::Sensitive(true), Attribute::Extractable(false)],
                &[Attribute::Sensitive(true)],
            ],
        };
        let mut refused: Option<Refusal> = None;
        for guard in guards.iter().chain([&[][..]].iter()) {
            match self.ask(request(guard))? {
                Err(refusal) if is_inability(&refusal) && !guard.is_empty() => {
                    refused = Some(refusal);
                }
                answer => {
                    if let (Ok(_), Some(refusal)) = (&answer, &refused) {
                        self.tell_of_weaker_guard(guard, refusal);
                    }
                    return Ok(answer);
                }
            }
        }
        Err(self.failures.unexpected("the request"))
    }

    fn tell_of_weaker_guard(&self, guard: &[Attribute], refusal: &Refusal) {
        let with = match guard {
            [] => "without Sensitive and without Extractable = false",
            _ => "as Sensitive, but without Extractable = false",
        };
        log::warn!(
            "slot {:?}: the key was made {with}, since the server does not take that: {refusal}",
            self.failures.slot
        );
    }

    /// One request that makes objects: their identifiers, or the server's refusal. A version that
    /// has no words for it refuses it as well.
    fn ask(&self, request: Request) -> Result<Result<(String, String), Refusal>> {
        let answered = self.client()?.call_within(self.deadline(), &[request]);
        let answers = match answered {
            Ok(answers) => answers,
            Err(error) if may_have_happened(&error.kind) => {
                let note = "it may have been carried out all the same: see what is there \
                            (kmip-ssh key list --all) before you try again";
                return Err(noting(self.failures.call(&error), note));
            }
            Err(error) => return self.refused_whole(error).map(Err),
        };
        match answers.into_iter().next() {
            Some(Ok(Response::CreateKeyPair {
                private_id,
                public_id,
            })) => Ok(Ok((private_id, public_id))),
            Some(Ok(Response::Register { id })) => Ok(Ok((id, String::new()))),
            Some(Err(refusal)) => Ok(Err(refusal)),
            _ => Err(self.failures.unexpected("the request")),
        }
    }

    fn finish(&self, wanted: &NewKey, id: &str, public_id: &str) -> Result<Key> {
        let activated = match wanted.activate {
            true => self.activate_both(id, public_id),
            false => Ok(()),
        };
        let finished = activated.and_then(|()| self.key_named(id));
        finished.map_err(|error| {
            let note = format!("the pair is on the server: {id:?}, public half {public_id:?}");
            noting(error, &note)
        })
    }

    /// On the whole server, whatever the slot shows of it: two pairs of one name could not be told
    /// apart on servers without links. Somebody else may take the name in the same moment; then a
    /// signature has to tell.
    pub(super) fn name_is_free(&self, name: &str) -> Result {
        let called = Attribute::Name(name.into());
        let request = Question::about(ObjectType::PRIVATE_KEY)
            .with([called])
            .request(None, 0);
        match self.carry_out(&request)? {
            Ok(Response::Locate { ids, .. }) => match self.first_called(name, &ids)? {
                None => Ok(()),
                Some(id) => {
                    let reason = format!(
                        "a private key called {name:?} is there already ({id:?}); choose another \
                         name, or rename or destroy that one"
                    );
                    Err(self.failures.error(TokenErrorKind::BadInput, reason))
                }
            },
            Err(refusal) => Err(self.unknown_name(name, &refusal)),
            Ok(_) => Err(self.failures.unexpected("Locate")),
        }
    }

    fn unknown_name(&self, name: &str, refusal: &Refusal) -> Error {
        let advice = match name.is_ascii() {
            true => "",
            false => "; some servers cannot read other names than plain ASCII",
        };
        let reason =
            format!("the server does not say whether the name {name:?} is free: {refusal}{advice}");
        self.failures.error(TokenErrorKind::Failed, reason)
    }

    /// Some servers ignore what they are to look for, so that the name is read again.
    fn first_called<'a>(&self, name: &str, ids: &'a [String]) -> Result<Option<&'a String>> {
        let ask = |id: &String| Request::GetAttributes { id: id.clone() };
        let requests: Vec<_> = ids.iter().take(MOST_NAMESAKES).map(ask).collect();
        let answers = self.client()?.call_within(self.deadline(), &requests);
        let answers = answers.map_err(|error| self.failures.call(&error))?;
        let is_called = |answer: Answer| match answer {
            Ok(Response::GetAttributes { attributes, .. }) => {
                attributes.contains(&Attribute::Name(name.into()))
            }
            _ => false,
        };
        let mut called = ids.iter().zip(answers.into_iter().map(is_called));
        Ok(called.find(|(_, is_called)| *is_called).map(|(id, _)| id))
    }

    fn take_back(&self, id: &str) {
        let requests = [Request::Destroy { id: id.into() }];
        let destroyed = self
            .client()
            .map(|client| client.call_within(self.deadline(), &requests));
        if !matches!(destroyed, Ok(Ok(answers)) if answers.iter().all(Result::is_ok)) {
            log::warn!(
                "slot {:?}: private key {id} was registered without its public half and could \
                 not be destroyed; remove it at the server",
                self.failures.slot
            );
        }
    }
}

/// What a registered key says of its kind; the rest is in its value.
fn kind_attributes(key_type: KeyType) -> Vec<Attribute> {
    vec![
        Attribute::CryptographicAlgorithm(material::algorithm(key_type)),
        Attribute::CryptographicLength(material::length(key_type)),
    ]
}

/// What a server has to know to make a key of that kind.
fn recipe(key_type: KeyType) -> Vec<Attribute> {
    let mut attributes = kind_attributes(key_type);
    let curve = material::recommended_curve(key_type);
    attributes.extend(curve.map(|curve| Attribute::CryptographicDomainParameters { curve }));
    attributes
}

fn private_attributes(wanted: &NewKey) -> Vec<Attribute> {
    let mut attributes = vec![
        Attribute::Name(wanted.name.clone()),
        Attribute::CryptographicUsageMask(UsageMask::SIGN),
    ];
    attributes.extend(groups(wanted));
    attributes
}

fn public_attributes(wanted: &NewKey) -> Vec<Attribute> {
    let mut attributes = vec![
        Attribute::Name(format!("{}{PUBLIC_SUFFIX}", wanted.name)),
        Attribute::CryptographicUsageMask(UsageMask::VERIFY),
    ];
    attributes.extend(groups(wanted));
    attributes
}

fn groups(wanted: &NewKey) -> impl Iterator<Item = Attribute> + '_ {
    wanted.groups.iter().cloned().map(Attribute::ObjectGroup)
}

fn block(format: KeyFormatType, bytes: Zeroizing<Vec<u8>>, key_type: KeyType) -> KeyBlock {
    KeyBlock {
        format: Some(format),
        algorithm: Some(material::algorithm(key_type)),
        length: Some(material::length(key_type)),
        material: KeyMaterial::Bytes(bytes),
    }
}
