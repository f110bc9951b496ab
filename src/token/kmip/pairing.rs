//! Which private key, public key and certificates belong together.

use std::collections::{HashMap, HashSet};

use super::managed::Managed;
use crate::kmip::LinkType;
use crate::model::certificate::Certificate;
use crate::model::key::{Hidden, Key, ObjectId, State};
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
    pub fn pair(self, prove: Prove<'_>) -> crate::error::Result<(Vec<Key>, Vec<Hidden>)> {
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
        Ok((keys, hidden))
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

type ReadPublic = (Managed, Result<PublicKey, PublicKeyError>);

/// What is known of a private key's other half.
enum Half<'a> {
    Known(&'a str, &'a PublicKey),
    /// Any of these may be it, the likeliest first.
    Doubtful(Vec<(&'a str, &'a PublicKey)>),
}

/// A pair is made in one breath: by one request, or by two that follow each other (seconds).
const ONE_BREATH: u64 = 10;

/// More claims than these are not looked into: they come from somebody who means harm.
const CLAIMS: usize = 4;

/// More certificates of one key than these are not shown: anybody can make them.
const CERTIFICATES: usize = 16;

/// The public keys by everything that a private key may know of its half.
struct PublicKeys<'a> {
    by_id: HashMap<&'a str, &'a ReadPublic>,
    by_link: HashMap<&'a str, Vec<&'a ReadPublic>>,
    by_name: HashMap<&'a str, Vec<&'a ReadPublic>>,
}

impl<'a> PublicKeys<'a> {
    fn of(all: &'a [ReadPublic]) -> Self {
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
    fn half_of(&self, private: &Managed) -> Result<Half<'a>, String> {
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

    fn is_lonely(&self, private: &Managed) -> bool {
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
        KeyType::Rsa(_) => algorithm == material::algorithm(key_type),
    })
}

fn key(private: &Managed, public_id: &str, public: &PublicKey, all: &[Certificate]) -> Key {
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
                Attribute::InitialDate(1_790_000_000),
            ],
        )
    }

    fn made_later(mut managed: Managed) -> Managed {
        managed.created = managed.created.map(|date| date + 3600);
        managed
    }

    /// Pairs where nothing needs to be proven.
    fn paired(located: Located) -> (Vec<Key>, Vec<Hidden>) {
        let pairs = located.pair(&mut |pair| panic!("{pair:?} is doubtful"));
        pairs.unwrap()
    }

    /// Pairs with a server whose key signs as `real`, or with one that does not sign.
    fn paired_by_proof(located: Located, real: Option<u8>) -> (Vec<Key>, Vec<Hidden>) {
        let pairs = located.pair(&mut |pair| {
            Ok(match real {
                Some(byte) if pair.public == ed25519(byte) => Proof::Proven,
                Some(_) => Proof::Refuted,
                None => Proof::Lacking("no".into()),
            })
        });
        pairs.unwrap()
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
        let (keys, hidden) = paired(located);
        let publics: Vec<_> = keys.iter().map(|k| k.public.clone()).collect();
        assert_eq!((publics, hidden), (vec![ed25519(4), ed25519(5)], vec![]));
    }

    #[test]
    fn names_pair_where_they_are_unambiguous() {
        let located = || Located {
            private: vec![named("1", "a"), named("2", "b"), named("3", "c")],
            public: vec![
                (named("4", "a.pub"), Ok(ed25519(4))),
                (named("5", "b"), Ok(ed25519(5))),
                (named("6", "b.pub"), Ok(ed25519(6))),
            ],
            ..Located::default()
        };
        let (keys, hidden) = paired_by_proof(located(), None);
        assert_eq!(keys.len(), 1);
        let reasons: Vec<_> = hidden.iter().map(|h| h.reason.as_str()).collect();
        assert!(reasons[0].contains("\"5\" may be"), "{reasons:?}");
        assert!(
            reasons[1].contains("none is called \"c.pub\""),
            "{reasons:?}"
        );
        let (keys, hidden) = paired_by_proof(located(), Some(5));
        assert_eq!((keys[1].public.clone(), hidden.len()), (ed25519(5), 1));
    }

    #[test]
    fn a_stranger_who_comes_later_changes_nothing() {
        let strangers = [
            made_later(named("4", "a.pub")),
            made_later(linked(named("5", "a"), LinkType::PRIVATE_KEY_LINK, "1")),
        ];
        let mut public = vec![(named("9", "a.pub"), Ok(ed25519(9)))];
        public.extend(strangers.map(|stranger| (stranger, Ok(ed25519(6)))));
        for _ in 0..public.len() {
            public.rotate_left(1);
            let located = Located {
                private: vec![named("1", "a")],
                public: public.clone(),
                ..Located::default()
            };
            assert_eq!(paired(located).0[0].public, ed25519(9));
        }
    }

    #[test]
    fn a_strangers_key_alone_is_not_taken_for_the_half() {
        let without_date = |mut managed: Managed| {
            managed.created = None;
            managed
        };
        for stranger in [
            made_later(named("4", "a.pub")),
            made_later(linked(named("5", "x"), LinkType::PRIVATE_KEY_LINK, "1")),
            without_date(named("6", "a")),
        ] {
            let located = || Located {
                private: vec![named("1", "a")],
                public: vec![(stranger.clone(), Ok(ed25519(4)))],
                ..Located::default()
            };
            for (real, reason) in [(None, "not proven"), (Some(1), "does not verify")] {
                let (keys, hidden) = paired_by_proof(located(), real);
                assert!(keys.is_empty());
                assert!(hidden[0].reason.contains(reason), "{hidden:?}");
            }
            assert_eq!(paired_by_proof(located(), Some(4)).0.len(), 1);
        }
    }

    #[test]
    fn strangers_in_any_number_are_asked_about_a_few_times() {
        let public = (10..=255).map(|n| (named(&n.to_string(), "a.pub"), Ok(ed25519(n))));
        let located = Located {
            private: vec![named("1", "a")],
            public: public.collect(),
            ..Located::default()
        };
        let mut asked = 0;
        let pairs = located.pair(&mut |_| {
            asked += 1;
            Ok(Proof::Refuted)
        });
        assert!(pairs.unwrap().0.is_empty());
        assert_eq!(asked, CLAIMS);
    }

    #[test]
    fn the_same_key_registered_twice_is_one_key() {
        let located = Located {
            private: vec![named("1", "a")],
            public: vec![
                (named("4", "a.pub"), Ok(ed25519(4))),
                (named("5", "a.pub"), Ok(ed25519(4))),
            ],
            ..Located::default()
        };
        assert_eq!(paired(located).0.len(), 1);
    }

    #[test]
    fn the_state_of_a_key_comes_before_what_its_half_lacks() {
        let mut revoked = named("1", "a");
        revoked.state = Some(crate::kmip::State::DEACTIVATED);
        let located = Located {
            private: vec![revoked],
            ..Located::default()
        };
        assert_eq!(paired(located).1[0].reason, "it is deactivated");
    }

    #[test]
    fn a_half_that_cannot_be_read_tells_why() {
        let error = PublicKeyError::Curve("secp256k1".into());
        let located = Located {
            private: vec![named("1", "a")],
            public: vec![(named("2", "a.pub"), Err(error))],
            ..Located::default()
        };
        let (keys, hidden) = paired(located);
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

    #[test]
    fn a_key_is_lonely_until_something_claims_it() {
        let mut located = Located {
            private: vec![
                linked(named("1", "a"), LinkType::PUBLIC_KEY_LINK, "4"),
                named("2", "b"),
            ],
            public: vec![(named("4", "x"), Ok(ed25519(4)))],
            ..Located::default()
        };
        assert!(located.has_lonely());
        let half = (named("5", "b.pub"), Ok(ed25519(5)));
        located.public.push(half);
        assert!(!located.has_lonely());
    }
}
