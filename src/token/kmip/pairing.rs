//! Which private key, public key and certificates belong together.

mod halves;
#[cfg(test)]
mod tests;
mod twins;

use std::collections::HashSet;

use self::halves::{Half, PublicKeys, ReadPublic};
use super::managed::Managed;
use crate::kmip::{LinkType, Refusal};
use crate::model::certificate::Certificate;
use crate::model::key::{Found, Hidden, Key, ObjectId, OtherUses, State};
use crate::model::public_key::PublicKey;

/// What follows the private key's name in the name of its public half, as in `~/.ssh`.
pub const PUBLIC_SUFFIX: &str = ".pub";

/// Everything that was located, with what was read of it.
#[derive(Default)]
pub struct Located {
    /// Private keys, by their attributes alone.
    pub private: Vec<Managed>,
    /// Public keys, with their value where it could be read.
    pub public: Vec<ReadPublic>,
    /// Certificates that could be read.
    pub certificates: Vec<Certificate>,
    /// What could not be read at all.
    pub hidden: Vec<Hidden>,
    /// The first refusal to describe a private key or to give a public one that is not about that key or who asks for it.
    pub refused: Option<Refusal>,
    /// Why not all public keys were located, if so.
    pub public_cut: Option<String>,
    /// What people have to know of the listing as a whole.
    pub warnings: Vec<String>,
}

/// Whether a private key made a signature that a public key verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It did: they are halves of one pair.
    Proven,
    /// It made another one: they are not.
    Refuted,
    /// It made none, for this reason.
    Lacking(String),
}

/// Asks for a proof of a pair; fails only if the server does not answer.
pub type Prove<'a> = &'a mut dyn FnMut(&Key) -> crate::error::Result<Proof>;

impl Located {
    /// The keys, and what is left out with the reason. `prove` is asked about doubtful pairs.
    pub fn pair(self, prove: Prove<'_>) -> crate::error::Result<Found> {
        let index = PublicKeys::of(&self.public);
        let (mut keys, mut hidden) = (vec![], self.hidden);
        for private in self.private {
            let paired = match index.half_of(&private) {
                Ok(Half::Known(id, public)) => Ok(key(&private, id, public, &self.certificates)),
                Ok(Half::Doubtful(candidates)) => {
                    let candidates = candidates.into_iter();
                    let pairs =
                        candidates.map(|(id, half)| key(&private, id, half, &self.certificates));
                    proven(pairs.collect(), prove)?
                }
                Err(reason) => Err(reason),
            };
            match paired {
                Ok(key) => keys.push(key),
                Err(reason) => hidden.push(Hidden {
                    reason: match private.state() {
                        State::Active => reason,
                        // Servers refuse the halves of such keys; that is no news then.
                        state => format!("it is {state}"),
                    },
                    id: ObjectId(private.id),
                    key: None,
                }),
            }
        }
        twins::settle(&mut keys, &mut hidden, prove)?;
        Ok(Found {
            keys,
            hidden,
            warnings: self.warnings,
            is_partial: self.refused.is_some(),
        })
    }

    /// Keeps a warning, once.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Those of the public keys that are not read yet.
    pub fn unread(&self, ids: &[String]) -> Vec<String> {
        let read: HashSet<_> = self.public.iter().map(|(read, _)| &*read.id).collect();
        let unread = ids.iter().filter(|id| !read.contains(id.as_str()));
        unread.cloned().collect()
    }

    /// The names of the private keys without a public one that they are linked to or that claims
    /// them.
    pub fn lonely_names(&self) -> Vec<String> {
        let index = PublicKeys::of(&self.public);
        let lonely = self.private.iter().filter(|it| index.is_lonely(it));
        lonely.flat_map(|it| it.names.iter().cloned()).collect()
    }

    /// Whether a private key has no public one that it is linked to or that claims it.
    pub fn has_lonely(&self) -> bool {
        let index = PublicKeys::of(&self.public);
        self.private.iter().any(|private| index.is_lonely(private))
    }

    /// The public keys that private ones are linked to, but that were not located.
    pub fn missing_public(&self) -> Vec<String> {
        let mut known: HashSet<_> = self
            .public
            .iter()
            .map(|(managed, _)| &*managed.id)
            .collect();
        let links = self.private.iter();
        let links = links.filter_map(|p| p.linked(LinkType::PUBLIC_KEY_LINK));
        let missing = links.filter(|id| known.insert(id));
        missing.map(str::to_owned).collect()
    }
}

/// The first of several possible pairs that proves to be one.
fn proven(pairs: Vec<Key>, prove: Prove<'_>) -> crate::error::Result<Result<Key, String>> {
    let mut doubts = vec![];
    for pair in pairs {
        let public = pair.public_id.as_ref().map_or("", |id| &id.0);
        let doubt = match prove(&pair)? {
            Proof::Proven => return Ok(Ok(pair)),
            Proof::Refuted => format!("{public:?} does not verify its signature"),
            Proof::Lacking(reason) => format!("{public:?} may be, but is not proven to ({reason})"),
        };
        doubts.push(doubt);
    }
    Ok(Err(format!(
        "it is not certain which public key is its half: {}; destroy or rename those that are \
         not, or link the one that is",
        doubts.join("; ")
    )))
}

/// More certificates of one key than these are not shown: anybody can make them.
pub const CERTIFICATES: usize = 16;

fn key(private: &Managed, public_id: &str, public: &PublicKey, all: &[Certificate]) -> Key {
    let of_key = |certificate: &&Certificate| certificate.public_key == *public;
    let (id, label, remarks) = private.wishes();
    Key {
        public_id: Some(ObjectId(public_id.into())),
        name: private.name().into(),
        own_label: label,
        validity: private.validity,
        remarks,
        key_id: id.unwrap_or_else(|| public.key_id()),
        public: public.clone(),
        state: private.state(),
        may_sign: private.may_sign(),
        other_uses: OtherUses {
            decrypt: private.may_decrypt(),
            agree: false,
        }
        .and(OtherUses::of(public.key_type())),
        mechanisms: None,
        custody: private.custody,
        created: private.created,
        certificates: all
            .iter()
            .filter(of_key)
            .take(CERTIFICATES)
            .cloned()
            .collect(),
        id: ObjectId(private.id.clone()),
        groups: private.groups.clone(),
    }
}
