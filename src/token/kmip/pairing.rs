//! Which private key, public key and certificates belong together.

use std::collections::HashMap;

use super::managed::Managed;
use crate::kmip::LinkType;
use crate::model::certificate::Certificate;
use crate::model::key::{Hidden, Key, ObjectId};
use crate::model::public_key::{KeyType, PublicKey, PublicKeyError};

use super::material;

/// What follows the private key's name in the name of its public half, as in `~/.ssh`.
pub const PUBLIC_SUFFIX: &str = ".pub";

/// Everything that was located, with what was read of it.
#[derive(Default)]
pub struct Located {
    /// Private keys, by their attributes alone.
    pub private: Vec<Managed>,
    /// Public keys, with their value where it could be read.
    pub public: Vec<(Managed, Result<PublicKey, PublicKeyError>)>,
    /// Certificates that could be read.
    pub certificates: Vec<Certificate>,
    /// What could not be read at all.
    pub hidden: Vec<Hidden>,
}

impl Located {
    /// The keys, and what is left out with the reason.
    pub fn pair(self) -> (Vec<Key>, Vec<Hidden>) {
        let index = PublicKeys::of(&self.public);
        let (mut keys, mut hidden) = (vec![], self.hidden);
        for private in self.private {
            match index.half_of(&private) {
                Ok((id, public)) => keys.push(key(private, id, public, &self.certificates)),
                Err(reason) => hidden.push(Hidden {
                    id: ObjectId(private.id),
                    key: None,
                    reason,
                }),
            }
        }
        (keys, hidden)
    }

    /// The public keys that private ones are linked to, but that were not located.
    pub fn missing_public(&self) -> Vec<String> {
        let known: std::collections::HashSet<_> =
            self.public.iter().map(|(managed, _)| &managed.id).collect();
        let links = self.private.iter();
        let links = links.filter_map(|p| p.linked(LinkType::PUBLIC_KEY_LINK));
        links
            .filter(|id| !known.contains(&(*id).to_owned()))
            .map(str::to_owned)
            .collect()
    }
}

type ReadPublic = (Managed, Result<PublicKey, PublicKeyError>);

/// The public keys by everything that a private key may know of its half.
struct PublicKeys<'a> {
    by_id: HashMap<&'a str, &'a ReadPublic>,
    by_link: HashMap<&'a str, &'a ReadPublic>,
    by_name: HashMap<&'a str, Vec<&'a ReadPublic>>,
}

impl<'a> PublicKeys<'a> {
    fn of(all: &'a [ReadPublic]) -> Self {
        let mut by_name: HashMap<&str, Vec<&ReadPublic>> = HashMap::new();
        for read in all {
            for name in &read.0.names {
                by_name.entry(name).or_default().push(read);
            }
        }
        let link = |read: &'a ReadPublic| {
            let private = read.0.linked(LinkType::PRIVATE_KEY_LINK)?;
            Some((private, read))
        };
        Self {
            by_id: all.iter().map(|read| (read.0.id.as_str(), read)).collect(),
            by_link: all.iter().filter_map(link).collect(),
            by_name,
        }
    }

    /// The public half: by a link in either direction, else by name.
    fn half_of(&self, private: &Managed) -> Result<(&'a str, &'a PublicKey), String> {
        let linked = private
            .linked(LinkType::PUBLIC_KEY_LINK)
            .and_then(|id| self.by_id.get(id))
            .or_else(|| self.by_link.get(private.id.as_str()));
        let (managed, public) = match linked {
            Some(read) => read,
            None => self.namesake(private)?,
        };
        match public {
            Ok(public) if !same_algorithm(private, public) => Err(format!(
                "its public half {} is of another algorithm",
                managed.id
            )),
            Ok(public) => Ok((&managed.id, public)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The one public key of that name, or of that name with `.pub`, for servers without links.
    fn namesake(&self, private: &Managed) -> Result<&'a ReadPublic, String> {
        let fitting = |read: &&&ReadPublic| match &read.1 {
            Ok(public) => same_algorithm(private, public),
            Err(_) => true,
        };
        let mut candidates: Vec<&ReadPublic> = vec![];
        for name in &private.names {
            for name in [format!("{name}{PUBLIC_SUFFIX}"), name.clone()] {
                let named = self.by_name.get(name.as_str()).into_iter().flatten();
                candidates.extend(named.filter(fitting).copied());
            }
        }
        candidates.dedup_by_key(|read| &read.0.id);
        match candidates.as_slice() {
            &[one] => Ok(one),
            [] => Err(format!(
                "no public key is linked to it, and none is called {:?}",
                format!("{}{PUBLIC_SUFFIX}", private.name())
            )),
            _ => Err(format!(
                "no public key is linked to it, and several are called {:?}",
                private.name()
            )),
        }
    }
}

fn same_algorithm(private: &Managed, public: &PublicKey) -> bool {
    use crate::kmip::CryptographicAlgorithm as Algorithm;
    let key_type = public.key_type();
    private.algorithm.is_none_or(|algorithm| match key_type {
        KeyType::Ec(_) => {
            matches!(
                algorithm,
                Algorithm::EC | Algorithm::ECDSA | Algorithm::ECDH
            )
        }
        KeyType::Ed25519 => {
            matches!(
                algorithm,
                Algorithm::ED25519 | Algorithm::EC | Algorithm::ECDSA
            )
        }
        KeyType::Rsa(_) => algorithm == material::algorithm(key_type),
    })
}

fn key(private: Managed, public_id: &str, public: &PublicKey, all: &[Certificate]) -> Key {
    let of_key = |certificate: &&Certificate| certificate.public_key == *public;
    Key {
        public_id: Some(ObjectId(public_id.into())),
        name: private.name().into(),
        key_id: public.key_id(),
        public: public.clone(),
        state: private.state(),
        may_sign: private.may_sign(),
        custody: private.custody,
        created: private.created,
        certificates: all.iter().filter(of_key).cloned().collect(),
        id: ObjectId(private.id),
        groups: private.groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::{Attribute, CryptographicAlgorithm};

    fn ed25519(byte: u8) -> PublicKey {
        PublicKey::Ed25519([byte; 32])
    }

    fn named(id: &str, name: &str) -> Managed {
        let algorithm = CryptographicAlgorithm::ED25519;
        Managed::new(
            id,
            vec![
                Attribute::Name(name.into()),
                Attribute::CryptographicAlgorithm(algorithm),
            ],
        )
    }

    fn linked(mut managed: Managed, kind: LinkType, id: &str) -> Managed {
        managed.links.push((kind, id.into()));
        managed
    }

    #[test]
    fn links_in_either_direction_come_before_names() {
        let located = Located {
            private: vec![
                linked(named("1", "a"), LinkType::PUBLIC_KEY_LINK, "4"),
                named("2", "b"),
            ],
            public: vec![
                (named("3", "a.pub"), Ok(ed25519(3))),
                (named("4", "x"), Ok(ed25519(4))),
                (
                    linked(named("5", "y"), LinkType::PRIVATE_KEY_LINK, "2"),
                    Ok(ed25519(5)),
                ),
            ],
            ..Located::default()
        };
        let (keys, hidden) = located.pair();
        let publics: Vec<_> = keys.iter().map(|k| k.public.clone()).collect();
        assert_eq!((publics, hidden), (vec![ed25519(4), ed25519(5)], vec![]));
    }

    #[test]
    fn names_pair_where_they_are_unambiguous() {
        let located = Located {
            private: vec![named("1", "a"), named("2", "b"), named("3", "c")],
            public: vec![
                (named("4", "a.pub"), Ok(ed25519(4))),
                (named("5", "b"), Ok(ed25519(5))),
                (named("6", "b.pub"), Ok(ed25519(6))),
            ],
            ..Located::default()
        };
        let (keys, hidden) = located.pair();
        assert_eq!(keys.len(), 1);
        let reasons: Vec<_> = hidden.iter().map(|h| h.reason.as_str()).collect();
        assert!(reasons[0].contains("several"), "{reasons:?}");
        assert!(
            reasons[1].contains("none is called \"c.pub\""),
            "{reasons:?}"
        );
    }

    #[test]
    fn a_half_that_cannot_be_read_tells_why() {
        let error = PublicKeyError::Curve("secp256k1".into());
        let located = Located {
            private: vec![named("1", "a")],
            public: vec![(named("2", "a.pub"), Err(error))],
            ..Located::default()
        };
        let (keys, hidden) = located.pair();
        assert!(keys.is_empty() && hidden[0].reason.contains("secp256k1"));
    }

    #[test]
    fn linked_halves_that_were_not_located_are_named() {
        let located = Located {
            private: vec![linked(named("1", "a"), LinkType::PUBLIC_KEY_LINK, "9")],
            ..Located::default()
        };
        assert_eq!(located.missing_public(), ["9"]);
    }
}
