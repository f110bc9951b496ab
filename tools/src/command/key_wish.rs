//! `key set-id`, `key set-label`: how programs see a key.

use std::fmt;

use kmip_p11::model::key::{Found, Key};
use kmip_p11::token::Wish;
use serde::Serialize;

use crate::arguments::{NewKeyArguments, SetIdArguments, SetLabelArguments};
use crate::failure::Failure;
use crate::key_record::{KeyRecord, hex};
use crate::output::Output;
use crate::place::Place;
use crate::selection::{self, Precision};

/// A key as it is seen from now on.
#[derive(Serialize)]
struct Seen {
    key: KeyRecord,
    #[serde(skip)]
    what: String,
}

/// `key set-id`
pub fn set_id(
    place: &Place,
    arguments: &SetIdArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let found = place.find()?;
    let selected = selection::one(&place.label, &found, &arguments.key, Precision::Beginning)?;
    let key = selected.key;
    let wanted = arguments.id.as_ref().map(|id| id.0.clone());
    let new = wanted.clone().unwrap_or_else(|| key.public.key_id());
    id_is_free(place, &found, &new, Some(key))?;
    place.token().present(key, &Wish::Id(wanted))?;
    tell(place, key, format!("has the CKA_ID {}", hex(&new)), output)
}

/// `key set-label`
pub fn set_label(
    place: &Place,
    arguments: &SetLabelArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let found = place.find()?;
    let selected = selection::one(&place.label, &found, &arguments.key, Precision::Beginning)?;
    let wanted = arguments.label.as_ref().map(|label| label.0.clone());
    let what = match &wanted {
        Some(label) => format!("has the CKA_LABEL {label:?}"),
        None => "has its name as CKA_LABEL".into(),
    };
    place.token().present(selected.key, &Wish::Label(wanted))?;
    tell(place, selected.key, what, output)
}

fn id_is_free(
    place: &Place,
    found: &Found,
    id: &[u8],
    but_for: Option<&Key>,
) -> Result<(), Failure> {
    let other = selection::all(found).into_iter().find(|it| {
        let ids = [it.key.key_id.clone(), it.key.public.key_id()];
        but_for.is_none_or(|key| it.key.id != key.id) && ids.iter().any(|its| its == id)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(Failure::Refused(format!(
            "slot {:?}: key {:?} (id {}) has this CKA_ID: programs could not tell the two apart",
            place.label,
            other.key.label(),
            other.key.id
        ))),
    }
}

/// Whether a key that is not there yet can have what is wanted.
pub fn can_be_met(place: &Place, wanted: &NewKeyArguments) -> Result<(), Failure> {
    match &wanted.id {
        Some(id) => id_is_free(place, &place.find()?, &id.0, None),
        None => Ok(()),
    }
}

/// Gives a new key what is wanted.
pub fn meet(place: &Place, key: &Key, wanted: &NewKeyArguments) -> Result<(), Failure> {
    let id = wanted.id.as_ref().map(|id| Wish::Id(Some(id.0.clone())));
    let label = wanted.label.as_ref();
    let label = label.map(|label| Wish::Label(Some(label.0.clone())));
    let note = format!(
        "the key is there all the same, as {:?} (id {})",
        key.name, key.id
    );
    let mut wishes = id.into_iter().chain(label);
    wishes.try_for_each(|wish| {
        let met = place.token().present(key, &wish).map_err(Failure::from);
        met.map_err(|failure| failure.noting(&note))
    })
}

fn tell(place: &Place, key: &Key, what: String, output: &mut Output) -> Result<(), Failure> {
    let key = KeyRecord::after(&place.label, &place.find()?, key);
    Ok(output.show(&Seen { key, what })?)
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyRecord {
            name,
            id,
            slot,
            uri,
            ..
        } = &self.key;
        writeln!(f, "Key {name:?} (id {id}) in slot {slot:?} {}.", self.what)?;
        for remark in &self.key.remarks {
            writeln!(f, "Note: {remark}")?;
        }
        writeln!(f, "{uri}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::KeyId;
    use crate::output::tests::printed;
    use crate::place::tests::{add, empty};
    use kmip_p11::model::public_key::KeyType;

    fn id(key: &str, id: Option<Vec<u8>>) -> SetIdArguments {
        SetIdArguments {
            key: key.into(),
            default: id.is_none(),
            id: id.map(KeyId),
        }
    }

    #[test]
    fn an_id_is_set_and_taken_back() {
        let place = empty("prod");
        let key = add(&place, "web", KeyType::Ed25519);
        let text = printed(false, |output| {
            set_id(&place, &id("web", Some(vec![1, 2])), output).unwrap();
        });
        assert!(
            text.contains("CKA_ID 0102") && text.contains("id=%01%02"),
            "{text}"
        );
        printed(false, |output| {
            set_id(&place, &id("web", None), output).unwrap()
        });
        assert_eq!(place.find().unwrap().keys[0].key_id, key.public.key_id());
    }

    #[test]
    fn an_id_belongs_to_one_key() {
        let place = empty("prod");
        let web = add(&place, "web", KeyType::Ed25519);
        add(&place, "db", KeyType::Ed25519);
        printed(false, |output| {
            let taken = set_id(&place, &id("db", Some(web.key_id.clone())), output);
            assert!(taken.unwrap_err().to_string().contains("could not tell"));
        });
    }

    #[test]
    fn a_label_is_not_the_name() {
        let place = empty("prod");
        add(&place, "web", KeyType::Ed25519);
        let wanted = |label: Option<&str>| SetLabelArguments {
            key: "web".into(),
            label: label.map(|label| label.parse().unwrap()),
            default: label.is_none(),
        };
        printed(false, |output| {
            set_label(&place, &wanted(Some("front")), output).unwrap()
        });
        let key = place.find().unwrap().keys.remove(0);
        assert_eq!((key.name.as_str(), key.label()), ("web", "front".into()));
        printed(false, |output| {
            set_label(&place, &wanted(None), output).unwrap()
        });
        assert_eq!(place.find().unwrap().keys[0].label(), "web");
    }
}
