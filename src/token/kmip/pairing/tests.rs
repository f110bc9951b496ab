//! Pairs, doubts, and strangers.

use super::halves::CLAIMS;
use super::*;
use crate::kmip::{Attribute, CryptographicAlgorithm};
use crate::model::public_key::PublicKeyError;

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
    taken_apart(pairs.unwrap())
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
    taken_apart(pairs.unwrap())
}

fn taken_apart(found: Found) -> (Vec<Key>, Vec<Hidden>) {
    (found.keys, found.hidden)
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
    assert!(pairs.unwrap().keys.is_empty());
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

#[test]
fn a_strangers_private_key_that_links_to_our_public_one_does_not_win() {
    let located = || Located {
        private: vec![
            linked(named("1", "a"), LinkType::PUBLIC_KEY_LINK, "4"),
            linked(named("2", "b"), LinkType::PUBLIC_KEY_LINK, "4"),
        ],
        public: vec![(named("4", "b.pub"), Ok(ed25519(4)))],
        ..Located::default()
    };
    let paired = |proofs: [Proof; 2]| {
        let judge = |pair: &Key| proofs[usize::from(pair.id.0 == "2")].clone();
        taken_apart(located().pair(&mut |pair| Ok(judge(pair))).unwrap())
    };
    let lacking = || Proof::Lacking("no".into());
    for first in [Proof::Refuted, lacking()] {
        let (keys, hidden) = paired([first, Proof::Proven]);
        assert_eq!((keys.len(), &*keys[0].id.0), (1, "2"));
        assert_eq!(&*hidden[0].id.0, "1");
    }
    assert_eq!(paired([lacking(), lacking()]).0.len(), 2);
}
