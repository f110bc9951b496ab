//! Which key is meant: by name, unique identifier, CKA_ID or fingerprint.

use kmip_p11::model::key::{Found, Key};
use kmip_p11::ssh;

use crate::failure::Failure;
use crate::key_record::hex;

/// Fewer characters are a typing error rather than a beginning.
const SHORTEST_BEGINNING: usize = 4;

/// How much of a key's name has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// All of it: for what cannot be undone.
    Whole,
    /// A beginning is enough, if only one key has it.
    Beginning,
}

/// A key that was meant, and why programs do not see it.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a> {
    /// The key.
    pub key: &'a Key,
    /// Why programs do not see it.
    pub hidden: Option<&'a str>,
}

/// All keys, the hidden ones last.
pub fn all(found: &Found) -> Vec<Selected<'_>> {
    let shown = found.keys.iter().map(|key| Selected { key, hidden: None });
    let hidden = found.hidden.iter().filter_map(|hidden| {
        let key = hidden.key.as_ref()?;
        Some(Selected {
            key,
            hidden: Some(&hidden.reason),
        })
    });
    shown.chain(hidden).collect()
}

/// The one key that `wanted` names.
pub fn one<'a>(
    slot: &str,
    found: &'a Found,
    wanted: &str,
    precision: Precision,
) -> Result<Selected<'a>, Failure> {
    let by = |matches: fn(&str, &str) -> bool| -> Vec<Selected<'a>> {
        let mut keys = all(found);
        keys.retain(|selected| goes_by(selected.key, wanted, matches));
        keys
    };
    let whole = by(|name, wanted| name == wanted);
    let beginning = by(|name, wanted| name.starts_with(wanted));
    let long_enough = wanted.chars().count() >= SHORTEST_BEGINNING;
    match (whole.as_slice(), beginning.as_slice(), precision) {
        ([key], ..) => Ok(*key),
        ([], [key], Precision::Beginning) if long_enough => Ok(*key),
        ([], [_, ..], Precision::Beginning) if long_enough => {
            Err(ambiguous(slot, wanted, &beginning))
        }
        ([], ..) => Err(no_such_key(slot, found, wanted, &beginning)),
        (several, ..) => Err(ambiguous(slot, wanted, several)),
    }
}

fn goes_by(key: &Key, wanted: &str, matches: fn(&str, &str) -> bool) -> bool {
    let digits = wanted.replace(':', "").to_lowercase();
    let fingerprint = ssh::fingerprint(&key.public).unwrap_or_default();
    matches(&key.name, wanted)
        || matches(&key.id.0, wanted)
        || key
            .public_id
            .as_ref()
            .is_some_and(|id| matches(&id.0, wanted))
        || matches(&hex(&key.key_id), &digits)
        || (wanted.starts_with("SHA256:") && matches(&fingerprint, wanted))
}

fn ambiguous(slot: &str, wanted: &str, keys: &[Selected<'_>]) -> Failure {
    Failure::Ambiguous(format!(
        "slot {slot:?}: {wanted:?} may be any of {}: give a whole identifier",
        candidates(keys)
    ))
}

fn no_such_key(slot: &str, found: &Found, wanted: &str, similar: &[Selected<'_>]) -> Failure {
    let hidden = found.hidden.iter().find(|hidden| hidden.id.0 == wanted);
    if let Some(hidden) = hidden {
        let reason = &hidden.reason;
        return Failure::NoSuchKey(format!(
            "slot {slot:?}: object {wanted:?} is no key that can be used: {reason}"
        ));
    }
    let advice = match similar {
        [] => "\"kmip-ssh key list --all\" shows what there is".into(),
        similar => format!("write the whole of it if you mean {}", candidates(similar)),
    };
    Failure::NoSuchKey(format!(
        "slot {slot:?}: there is no key {wanted:?}; {advice}"
    ))
}

/// No error is longer than a screen.
fn candidates(keys: &[Selected<'_>]) -> String {
    const SHOWN: usize = 8;
    let named = |it: &Selected| format!("{:?} (id {})", it.key.label(), it.key.id);
    let mut names: Vec<_> = keys.iter().take(SHOWN).map(named).collect();
    if let Some(more @ 1..) = keys.len().checked_sub(SHOWN) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::{add, empty};
    use kmip_p11::model::key::{Hidden, ObjectId};
    use kmip_p11::model::public_key::{Curve, KeyType};

    /// In the order of their names: db, web-1, web-10.
    fn three() -> Found {
        let place = empty("t");
        for name in ["web-1", "web-10", "db"] {
            add(&place, name, KeyType::Ec(Curve::P256));
        }
        place.find().unwrap()
    }

    fn select(found: &Found, wanted: &str) -> Result<String, String> {
        let selected = one("t", found, wanted, Precision::Beginning);
        selected
            .map(|it| it.key.name.clone())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_name_of_a_key_finds_it() {
        let found = three();
        let key = &found.keys[0];
        let fingerprint = ssh::fingerprint(&key.public).unwrap();
        let id = hex(&key.key_id);
        for wanted in [
            "db",
            "3",
            &fingerprint,
            &fingerprint[..16],
            &id,
            &id.to_uppercase(),
            &id[..10],
        ] {
            assert_eq!(select(&found, wanted), Ok("db".into()), "{wanted}");
        }
    }

    #[test]
    fn a_whole_name_wins_over_a_beginning() {
        assert_eq!(select(&three(), "web-1"), Ok("web-1".into()));
    }

    #[test]
    fn what_is_ambiguous_lists_its_candidates() {
        let message = select(&three(), "web-").unwrap_err();
        assert!(
            message.contains("\"web-1\" (id 1), \"web-10\" (id 2)"),
            "{message}"
        );
        let mut found = three();
        found.keys[2].name = "web-1".into();
        assert!(
            select(&found, "web-1")
                .unwrap_err()
                .contains("may be any of")
        );
    }

    #[test]
    fn short_beginnings_and_unknown_names_are_refused() {
        for wanted in ["web", "SHA256:", "nobody", ""] {
            assert!(select(&three(), wanted).is_err(), "{wanted:?}");
        }
    }

    #[test]
    fn what_cannot_be_undone_wants_the_whole_name() {
        let found = three();
        let failure = one("t", &found, "web-10"[..5].into(), Precision::Whole);
        assert_eq!(failure.unwrap().key.name, "web-1");
        let id = hex(&found.keys[0].key_id);
        let failure = one("t", &found, &id[..20], Precision::Whole).unwrap_err();
        assert!(failure.to_string().contains("write the whole"), "{failure}");
    }

    #[test]
    fn an_object_without_a_usable_key_says_why() {
        let mut found = three();
        found.hidden.push(Hidden {
            id: ObjectId("77".into()),
            key: None,
            reason: "its curve is secp256k1".into(),
        });
        assert!(select(&found, "77").unwrap_err().ends_with("secp256k1"));
    }
}
