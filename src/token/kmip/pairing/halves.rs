//! What public keys say of themselves and private keys of them: links, names, dates.

use std::collections::{HashMap, HashSet};

use super::PUBLIC_SUFFIX;
use crate::kmip::LinkType;
use crate::model::public_key::{KeyType, PublicKey, PublicKeyError};
use crate::token::kmip::managed::Managed;
use crate::token::kmip::material;

pub(super) type ReadPublic = (Managed, Result<PublicKey, PublicKeyError>);

/// What is known of a private key's other half.
pub(super) enum Half<'a> {
    Known(&'a str, &'a PublicKey),
    /// Any of these may be it, the likeliest first.
    Doubtful(Vec<(&'a str, &'a PublicKey)>),
}

/// A pair is made in one breath: by one request, or by two that follow each other (seconds).
const ONE_BREATH: u64 = 10;

/// More claims than these are not looked into: they come from somebody who means harm.
pub(super) const CLAIMS: usize = 4;

/// The public keys by everything that a private key may know of its half.
pub(super) struct PublicKeys<'a> {
    by_id: HashMap<&'a str, &'a ReadPublic>,
    by_link: HashMap<&'a str, Vec<&'a ReadPublic>>,
    by_name: HashMap<&'a str, Vec<&'a ReadPublic>>,
}

impl<'a> PublicKeys<'a> {
    pub fn of(all: &'a [ReadPublic]) -> Self {
        let mut index = Self {
            by_id: all.iter().map(|read| (read.0.id.as_str(), read)).collect(),
            by_link: HashMap::new(),
            by_name: HashMap::new(),
        };
        for read in all {
            if let Some(private) = read.0.linked(LinkType::PRIVATE_KEY_LINK) {
                index.by_link.entry(private).or_default().push(read);
            }
            for name in &read.0.names {
                index.by_name.entry(name).or_default().push(read);
            }
        }
        index
    }

    /// The public half. The private key's own link decides, since only its owner could set it.
    ///
    /// What a public key says of itself is a claim that anybody can make whose public keys we see,
    /// which on some servers is everybody. It is believed if no other key that was made together with
    /// the private one makes it too: the server sets that date, and a stranger comes later. All
    /// else has to be proven.
    pub fn half_of(&self, private: &Managed) -> Result<Half<'a>, String> {
        let own = private.linked(LinkType::PUBLIC_KEY_LINK);
        if let Some(read) = own.and_then(|id| self.by_id.get(id)) {
            return known(private, read);
        }
        let claims = self.claims(private);
        let together = |read: &&&ReadPublic| apart(private, read) <= ONE_BREATH;
        let mut near = claims.iter().filter(together);
        if let (Some(read), None) = (near.next(), near.next()) {
            return known(private, read);
        }
        let candidates: Vec<_> = claims.iter().filter_map(|read| readable(read)).collect();
        match (candidates.as_slice(), claims.first()) {
            ([_, ..], _) => Ok(Half::Doubtful(candidates)),
            ([], Some((_, Err(error)))) => Err(error.to_string()),
            ([], _) => Err(format!(
                "no public key is linked to it, and none is called {:?}",
                format!("{}{PUBLIC_SUFFIX}", private.name())
            )),
        }
    }

    pub fn is_lonely(&self, private: &Managed) -> bool {
        let own = private.linked(LinkType::PUBLIC_KEY_LINK);
        let has_own = own.is_some_and(|id| self.by_id.contains_key(id));
        !has_own && self.claims(private).is_empty()
    }

    /// The public keys that say that they are its half, by a link or by their name, each once, the
    /// one made closest to it first.
    fn claims(&self, private: &Managed) -> Vec<&'a ReadPublic> {
        let named = private.names.iter();
        let named = named.flat_map(|name| [format!("{name}{PUBLIC_SUFFIX}"), name.clone()]);
        let named = named.filter_map(|name| self.by_name.get(name.as_str()));
        let linked = self.by_link.get(private.id.as_str());
        let mut claims: Vec<_> = linked.into_iter().chain(named).flatten().copied().collect();
        claims.retain(|(_, public)| {
            let fits = |public| same_algorithm(private, public);
            public.as_ref().is_ok_and(fits) || public.is_err()
        });
        claims.sort_by_key(|read| (apart(private, read), read.1.is_err()));
        // The same key registered again is no other claim.
        let mut seen = HashSet::new();
        claims.retain(|(managed, public)| match public {
            Ok(public) => seen.insert(Ok(public.key_id())),
            Err(_) => seen.insert(Err(&managed.id)),
        });
        claims.truncate(CLAIMS);
        claims
    }
}

fn readable((managed, public): &ReadPublic) -> Option<(&str, &PublicKey)> {
    Some((&managed.id, public.as_ref().ok()?))
}

fn known<'a>(private: &Managed, (managed, public): &'a ReadPublic) -> Result<Half<'a>, String> {
    match public {
        Ok(public) if !same_algorithm(private, public) => Err(format!(
            "its public half {:?} is of another algorithm",
            managed.id
        )),
        Ok(public) => Ok(Half::Known(&managed.id, public)),
        Err(error) => Err(error.to_string()),
    }
}

/// How many seconds lie between the making of the two.
fn apart(private: &Managed, (public, _): &ReadPublic) -> u64 {
    let dates = private.created.zip(public.created);
    dates.map_or(u64::MAX, |(one, other)| one.abs_diff(other))
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
        KeyType::Rsa(_) | KeyType::MlDsa(_) => algorithm == material::algorithm(key_type),
    })
}
