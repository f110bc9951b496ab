//! `key activate`, `key revoke`, `key destroy`, `key rename`: a key from its first day to its last.

use std::fmt;

use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::{Key, ObjectId, State};
use kmip_p11::token::{Half, Remnant, Revocation};
use serde::Serialize;

use super::key_make::name_is_free;
use crate::arguments::{DestroyArguments, Reason, RenameArguments, RevokeArguments};
use crate::failure::Failure;
use crate::key_record::KeyRecord;
use crate::output::Output;
use crate::person::Person;
use crate::place::Place;
use crate::selection::{self, Precision};

/// A key after a change.
#[derive(Serialize)]
struct Changed {
    key: KeyRecord,
    #[serde(skip)]
    what: String,
}

/// A key as it was.
#[derive(Serialize)]
struct Destroyed {
    destroyed: KeyRecord,
}

/// Half of a key, as it was.
#[derive(Serialize)]
struct DestroyedHalf {
    destroyed: HalfRecord,
    #[serde(skip)]
    what: String,
}

#[derive(Serialize)]
struct HalfRecord {
    slot: String,
    name: String,
    id: String,
}

/// `key activate`
pub fn activate(place: &Place, name: &str, output: &mut Output) -> Result<(), Failure> {
    let key = selected(place, name, Precision::Beginning)?;
    match key.state {
        State::PreActive => place.token().activate(&key)?,
        State::Active => {}
        state => {
            return Err(refused(
                place,
                &name_of(&key),
                &format!("it is {state}, and nothing brings it back: make a new key"),
            ));
        }
    }
    tell(place, &key, "is active".into(), output)
}

/// `key revoke`
pub fn revoke(
    place: &Place,
    arguments: &RevokeArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let key = selected(place, &arguments.key, Precision::Whole)?;
    let revocation = Revocation {
        compromised: arguments.reason == Reason::Compromised,
        message: arguments.message.clone(),
    };
    place.token().revoke(&key, &revocation)?;
    tell(
        place,
        &key,
        "is revoked: remove its line from authorized_keys files".into(),
        output,
    )
}

/// `key rename`
pub fn rename(
    place: &Place,
    arguments: &RenameArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let key = selected(place, &arguments.key, Precision::Beginning)?;
    name_is_free(place, &arguments.name.0)?;
    place.token().rename(&key, &arguments.name.0)?;
    let what = format!("is now called {:?}", arguments.name.0);
    tell(place, &key, what, output)
}

/// `key rekey`
pub fn rekey(place: &Place, name: &str, output: &mut Output) -> Result<(), Failure> {
    let old = selected(place, name, Precision::Beginning)?;
    let new = place.token().rekey(&old)?;
    let (id, name, found) = (&old.id, &new.name, place.find()?);
    let left = selection::all(&found)
        .into_iter()
        .find(|it| it.key.id == *id);
    let old = match left.map(|it| it.key.state) {
        Some(State::Active) => format!(", and then end the old one: kmip-ssh key revoke {id}"),
        _ => "; the old one cannot be used any more".into(),
    };
    let what = format!(
        "takes the place of {id}: add its public key (kmip-ssh key public {name:?}) to \
         authorized_keys files{old}"
    );
    tell(place, &new, what, output)
}

/// `key destroy`
pub fn destroy(
    place: &Place,
    arguments: &DestroyArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<(), Failure> {
    let key = match selected(place, &arguments.key, Precision::Whole) {
        Err(Failure::NoSuchKey(reason)) => {
            let id = ObjectId(arguments.key.clone());
            return match place.token().remnant(&id)? {
                Some(half) => destroy_half(place, &half, arguments, output, person),
                None => Err(Failure::NoSuchKey(reason)),
            };
        }
        selected => selected?,
    };
    if key.state == State::Active && !arguments.revoke {
        return Err(refused(place, &name_of(&key), ADD_REVOKE));
    }
    if !arguments.yes {
        let what = format!("{} {}", key.public.key_type(), name_of(&key));
        confirmed(place, &name_of(&key), &what, person)?;
    }
    retire(place, &key)?;
    let destroyed = KeyRecord::new(&place.label, &key, Some("it is destroyed"));
    Ok(output.show(&Destroyed { destroyed })?)
}

const ADD_REVOKE: &str = "it is active: add --revoke to revoke it first";

/// What a destruction that failed has left, or a making.
fn destroy_half(
    place: &Place,
    half: &Remnant,
    arguments: &DestroyArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<(), Failure> {
    let (name, id) = (&half.name, &half.id);
    let what = match half.half {
        Half::Private => format!("private key {name:?} (id {id}) without a public half"),
        Half::Public => format!("public key {name:?} (id {id}) without a private half"),
    };
    if half.state == State::Active && half.half == Half::Private && !arguments.revoke {
        return Err(refused(place, &what, ADD_REVOKE));
    }
    if !arguments.yes {
        confirmed(place, &what, &what, person)?;
    }
    place.token().remove(half)?;
    Ok(output.show(&DestroyedHalf {
        destroyed: HalfRecord {
            slot: place.label.clone(),
            name: name.clone(),
            id: id.to_string(),
        },
        what,
    })?)
}

/// Revokes the key if it is active, and destroys it. A token that knows no states has nothing to revoke.
pub fn retire(place: &Place, key: &Key) -> Result<(), Failure> {
    if key.state == State::Active {
        match place.token().revoke(key, &NO_LONGER_NEEDED) {
            Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => {}
            revoked => revoked?,
        }
    }
    Ok(place.token().destroy(key)?)
}

/// The key serves no more, and nothing is wrong with it.
const NO_LONGER_NEEDED: Revocation = Revocation {
    compromised: false,
    message: None,
};

fn confirmed(place: &Place, named: &str, what: &str, person: &dyn Person) -> Result<(), Failure> {
    let slot = &place.label;
    let question = format!("Destroy {what} in slot {slot:?}? It cannot be brought back.");
    match person.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(refused(place, named, "not destroyed")),
        None => Err(refused(
            place,
            named,
            "there is no terminal to ask on: add --yes to destroy it",
        )),
    }
}

fn name_of(key: &Key) -> String {
    format!("key {:?} (id {})", key.label(), key.id)
}

fn refused(place: &Place, named: &str, why: &str) -> Failure {
    Failure::Refused(format!("slot {:?}: {named}: {why}", place.label))
}

/// The key that is meant.
pub fn selected(place: &Place, name: &str, precision: Precision) -> Result<Key, Failure> {
    let found = place.find()?;
    let selected = selection::one(&place.label, &found, name, precision)?;
    Ok(selected.key.clone())
}

fn tell(place: &Place, key: &Key, what: String, output: &mut Output) -> Result<(), Failure> {
    let key = KeyRecord::after(&place.label, &place.find()?, key);
    Ok(output.show(&Changed { key, what })?)
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyRecord {
            key_type,
            id,
            fingerprint,
            ..
        } = &self.key;
        writeln!(f, "{key_type} key {id} ({fingerprint}) {}", self.what)
    }
}

impl fmt::Display for DestroyedHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is destroyed", self.what)
    }
}

impl fmt::Display for Destroyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyRecord {
            key_type,
            name,
            id,
            fingerprint,
            ..
        } = &self.destroyed;
        writeln!(
            f,
            "{key_type} key {name:?} (id {id}, {fingerprint}) is destroyed"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::person::Scripted;
    use crate::place::tests::{add, empty};
    use kmip_p11::model::public_key::KeyType;

    fn with_key() -> Place {
        let place = empty("prod");
        add(&place, "web", KeyType::Ed25519);
        place
    }

    fn revocation(reason: Reason) -> RevokeArguments {
        RevokeArguments {
            key: "web".into(),
            reason,
            message: None,
        }
    }

    fn destruction(yes: bool, revoke: bool) -> DestroyArguments {
        DestroyArguments {
            key: "web".into(),
            yes,
            revoke,
        }
    }

    fn try_destroy(
        place: &Place,
        yes: bool,
        revoke: bool,
        answer: Option<bool>,
    ) -> Result<(), String> {
        let person = Scripted {
            answer,
            ..Scripted::default()
        };
        let mut result = Ok(());
        printed(false, |output| {
            result = destroy(place, &destruction(yes, revoke), output, &person);
        });
        result.map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_revoked_key_is_told_with_its_new_state() {
        let place = with_key();
        let text = printed(true, |output| {
            revoke(&place, &revocation(Reason::Compromised), output).unwrap();
        });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["key"]["state"], "compromised");
        assert_eq!(value["key"]["shown"], false);
    }

    #[test]
    fn an_active_key_is_not_destroyed_by_accident() {
        let place = with_key();
        let message = try_destroy(&place, true, false, None).unwrap_err();
        assert!(message.contains("add --revoke"), "{message}");
        let message = try_destroy(&place, false, true, None).unwrap_err();
        assert!(message.contains("add --yes"), "{message}");
        try_destroy(&place, false, true, Some(false)).unwrap_err();
        assert_eq!(
            place.find().unwrap().keys.len(),
            1,
            "still there, still active"
        );
        try_destroy(&place, false, true, Some(true)).unwrap();
        assert!(place.find().unwrap().keys.is_empty());
    }

    #[test]
    fn what_is_over_is_not_activated() {
        let place = with_key();
        printed(false, |output| {
            revoke(&place, &revocation(Reason::Cessation), output).unwrap();
            let failure = activate(&place, "web", output).unwrap_err();
            assert!(failure.to_string().contains("make a new key"), "{failure}");
        });
    }

    #[test]
    fn a_new_name_must_be_free() {
        let place = with_key();
        add(&place, "db", KeyType::Ed25519);
        let to = |name: &str| RenameArguments {
            key: "web".into(),
            name: name.parse().unwrap(),
        };
        let text = printed(false, |output| {
            assert!(rename(&place, &to("db"), output).is_err());
            rename(&place, &to("www"), output).unwrap();
        });
        assert!(text.contains("is now called \"www\""), "{text}");
    }
}
