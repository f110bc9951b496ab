//! New keys on a server: pairs that it makes, and pairs made elsewhere that it takes in.

use zeroize::Zeroizing;

use super::KmipToken;
use super::failure::{is_inability, noting};
use super::making::ToMake;
use super::material;
use super::pairing::PUBLIC_SUFFIX;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{
    Attribute, KeyBlock, KeyFormatType, KeyMaterial, LinkType, ManagedObject, ObjectType, Refusal,
    Request, UsageMask,
};
use crate::model::key::Key;
use crate::model::public_key::KeyType;
use crate::token::NewKey;

impl KmipToken {
    /// Create Key Pair (KMIP 2.1, 6.1.10), activated if wanted, and read back.
    pub(super) fn create_key_pair(&self, wanted: &NewKey) -> Result<Key> {
        self.name_is_free(&wanted.name)?;
        let halves = [private_half(wanted), public_half(wanted)];
        let made = self.first_accepted(&halves, wanted.extractable, |guarding, mark| {
            let with = |mut attributes: Vec<Attribute>, more: &[&[Attribute]]| {
                attributes.extend(more.concat());
                attributes
            };
            Request::CreateKeyPair {
                common: recipe(wanted.key_type),
                private: with(private_attributes(wanted), &[guarding, mark]),
                public: with(public_attributes(wanted), &[mark]),
            }
        })?;
        let made = made.map_err(|refusal| {
            let reason = format!("the server made no {} pair: {refusal}", wanted.key_type);
            self.failures.error(TokenErrorKind::Impossible, reason)
        })?;
        match made.as_slice() {
            [id, public_id] => self.finish(wanted, id, public_id),
            _ => Err(self.failures.unexpected("Create Key Pair")),
        }
    }

    /// Register (KMIP 2.1, 6.1.44) of both halves; the private key is taken back if the public one
    /// is not registered.
    pub(super) fn register(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.name_is_free(&wanted.name).or_else(|_| {
            self.remove_interrupted(&wanted.name)?;
            self.name_is_free(&wanted.name)
        })?;
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
        self.link(&id, LinkType::PUBLIC_KEY_LINK, &public_id);
        self.finish(&wanted, &id, &public_id)
    }

    fn register_private(&self, pkcs8: Zeroizing<Vec<u8>>, wanted: &NewKey) -> Result<String> {
        let block = block(KeyFormatType::PKCS_8, pkcs8, wanted.key_type);
        let halves = [private_half(wanted)];
        let registered = self.first_accepted(&halves, wanted.extractable, |guarding, mark| {
            let mut attributes = kind_attributes(wanted.key_type);
            attributes.extend(private_attributes(wanted));
            attributes.extend([guarding, mark].concat());
            Request::Register {
                object: ManagedObject::PrivateKey(block.clone()),
                attributes,
            }
        })?;
        match registered.map(|ids| ids.into_iter().next()) {
            Ok(Some(id)) => Ok(id),
            Ok(None) => Err(self.failures.unexpected("Register")),
            Err(refusal) => Err(self.failures.refusal(&refusal)),
        }
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
            for (link, marked) in [(Some(&link), true), (None, true), (None, false)] {
                let block = block(format, spki.clone(), wanted.key_type);
                let request = |mark: &[Attribute]| {
                    let mut attributes = kind_attributes(wanted.key_type);
                    attributes.extend(public_attributes(wanted));
                    attributes.extend(link.cloned());
                    attributes.extend(mark.iter().cloned());
                    let object = ManagedObject::PublicKey(block.clone());
                    Request::Register { object, attributes }
                };
                match self.make_once(&[public_half(wanted)], marked, request)? {
                    Ok(ids) => return Ok(ids.into_iter().next().unwrap_or_default()),
                    Err(refusal) => refused = self.failures.refusal(&refusal),
                }
            }
        }
        Err(refused)
    }

    /// The request with the strictest guard that the server takes: a key stays on the server, unless
    /// its owner wants it to be `extractable`, or the slot allows local use - then a server that keeps
    /// its word must be able to let it out - or delivers it, wrapped. With a mark before without one:
    /// only a marked try is made again after a failure.
    fn first_accepted(
        &self,
        wanted: &[ToMake],
        extractable: bool,
        request: impl Fn(&[Attribute], &[Attribute]) -> Request,
    ) -> Result<std::result::Result<Vec<String>, Refusal>> {
        let guards: &[&[Attribute]] = match (self.delivers, extractable, self.filter.local_use) {
            (true, ..) => &[
                &[Attribute::Sensitive(true), Attribute::Extractable(true)],
                &[Attribute::Sensitive(true)],
                &[],
            ],
            (false, true, _) => &[&[Attribute::Extractable(true)], &[]],
            (false, false, true) => &[&[]],
            (false, false, false) => &[
                &[Attribute::Sensitive(true), Attribute::Extractable(false)],
                &[Attribute::Sensitive(true)],
                &[],
            ],
        };
        let mut refused: Option<Refusal> = None;
        let variants = [true, false].into_iter();
        for (guard, marked) in variants.flat_map(|marked| guards.iter().map(move |it| (it, marked)))
        {
            let is_last = guard.is_empty() && !marked;
            match self.make_once(wanted, marked, |mark| request(guard, mark))? {
                Err(refusal) if is_inability(&refusal) && !is_last => refused = Some(refusal),
                answer => {
                    let is_weaker = guards.first() != Some(guard);
                    if let (Ok(_), Some(refusal), true) = (&answer, &refused, is_weaker) {
                        self.tell_of_weaker_guard(guard, extractable, refusal);
                    }
                    return Ok(answer);
                }
            }
        }
        Err(self.failures.unexpected("the request"))
    }

    fn tell_of_weaker_guard(&self, guard: &[Attribute], extractable: bool, refusal: &Refusal) {
        let with = match guard {
            [] if self.delivers => "without Sensitive: the server gives it out bare as well,",
            _ if extractable => "without Extractable = true",
            [] => "without Sensitive and without Extractable = false",
            _ => "as Sensitive, but without Extractable = false",
        };
        log::warn!(
            "slot {:?}: the key was made {with}, since the server does not take that: {refusal}",
            self.failures.slot
        );
    }

    fn finish(&self, wanted: &NewKey, id: &str, public_id: &str) -> Result<Key> {
        let activated = match wanted.activate {
            true => self.activate_both(id, public_id),
            false => Ok(()),
        };
        let finished = activated.and_then(|()| self.key_named(id, &wanted.name));
        finished.map_err(|error| {
            let note = format!("the pair is on the server: {id:?}, public half {public_id:?}");
            noting(error, &note)
        })
    }

    fn take_back(&self, id: &str) {
        if !self.removed(&[id.to_owned()]) {
            log::warn!(
                "slot {:?}: private key {id} was registered without its public half and could \
                 not be destroyed; remove it at the server",
                self.failures.slot
            );
        }
    }

    /// A private key's own word on another object, best effort: where servers keep links, a pair needs
    /// no other sign.
    pub(super) fn link(&self, id: &str, kind: LinkType, other: &str) {
        let linked = self.carry_out(&Request::AddAttribute {
            id: id.into(),
            attribute: Attribute::Link {
                kind,
                id: other.into(),
            },
        });
        let reason = match linked {
            Ok(Ok(_)) => return,
            Ok(Err(refusal)) => refusal.to_string(),
            Err(error) => error.to_string(),
        };
        log::info!("private key {id} has no {kind} to {other}: {reason}");
    }
}

fn private_half(wanted: &NewKey) -> ToMake {
    ToMake {
        kind: ObjectType::PRIVATE_KEY,
        name: wanted.name.clone(),
    }
}

fn public_half(wanted: &NewKey) -> ToMake {
    ToMake {
        kind: ObjectType::PUBLIC_KEY,
        name: format!("{}{PUBLIC_SUFFIX}", wanted.name),
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
        Attribute::CryptographicUsageMask(mask(wanted, UsageMask::SIGN, UsageMask::DECRYPT)),
    ];
    attributes.extend(groups(wanted));
    attributes
}

fn public_attributes(wanted: &NewKey) -> Vec<Attribute> {
    let mut attributes = vec![
        Attribute::Name(format!("{}{PUBLIC_SUFFIX}", wanted.name)),
        Attribute::CryptographicUsageMask(mask(wanted, UsageMask::VERIFY, UsageMask::ENCRYPT)),
    ];
    attributes.extend(groups(wanted));
    attributes
}

fn mask(wanted: &NewKey, always: UsageMask, decrypting: UsageMask) -> UsageMask {
    match wanted.decrypts {
        true => UsageMask(always.0 | decrypting.0),
        false => always,
    }
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
        wrapping: None,
    }
}
