//! New keys on a server: pairs that it makes, and pairs made elsewhere that it takes in.

use zeroize::Zeroizing;

use super::KmipToken;
use super::failure::is_inability;
use super::material;
use super::pairing::PUBLIC_SUFFIX;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Attribute, KeyBlock, KeyFormatType, KeyMaterial, LinkType, ManagedObject, ObjectType, Refusal,
    Request, Response, UsageMask,
};
use crate::model::key::Key;
use crate::model::public_key::KeyType;
use crate::token::NewKey;

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

    /// Register (KMIP 2.1, 6.1.44) of both halves; what was registered of a pair that failed is
    /// taken back.
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
        let registered = self
            .register_public(Zeroizing::new(spki), &wanted, &id)
            .and_then(|public_id| self.finish(&wanted, &id, &public_id));
        registered.inspect_err(|_| self.take_back(&id))
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
        for guard in guards {
            match self.ask(request(guard))? {
                Err(refusal) if is_inability(&refusal) => {}
                answer => return Ok(answer),
            }
        }
        self.ask(request(&[]))
    }

    /// One request that makes objects: their identifiers, or the server's refusal. A version that
    /// has no words for it refuses it as well.
    fn ask(&self, request: Request) -> Result<Result<(String, String), Refusal>> {
        let answered = self.client()?.call_within(self.deadline(), &[request]);
        let answers = match answered {
            Ok(answers) => answers,
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
        if wanted.activate {
            self.activate_both(id, public_id)?;
        }
        self.key_named(id)
    }

    /// On the whole server, whatever the slot shows of it.
    pub(super) fn name_is_free(&self, name: &str) -> Result {
        let filters = vec![
            Attribute::ObjectType(ObjectType::PRIVATE_KEY),
            Attribute::Name(name.into()),
        ];
        let request = Request::Locate {
            filters,
            maximum_items: None,
            offset_items: None,
        };
        match self.carry_out(&request)? {
            Ok(Response::Locate { ids, .. }) if ids.is_empty() => Ok(()),
            Ok(Response::Locate { ids, .. }) => {
                let reason = format!(
                    "a private key called {name:?} is there already ({}); choose another name, \
                     or rename or destroy that one",
                    ids.join(", ")
                );
                Err(self.failures.error(TokenErrorKind::BadInput, reason))
            }
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
