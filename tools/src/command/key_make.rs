//! `key generate`, `key import`: a key that was not there before.

use std::fmt;
use std::path::PathBuf;

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{KeyType, PublicKey};
use kmip_p11::token::NewKey;
use serde::Serialize;

use super::key_wish;
use crate::arguments::{GenerateArguments, ImportArguments, NewKeyArguments};
use crate::failure::Failure;
use crate::installation::Module;
use crate::key_file;
use crate::key_name::KeyName;
use crate::key_record::KeyRecord;
use crate::key_type::WantedType;
use crate::output::Output;
use crate::person::Person;
use crate::place::Place;
use crate::selection;

/// A new key, and what to do with it.
#[derive(Serialize)]
struct Made {
    key: KeyRecord,
    #[serde(skip)]
    how: String,
    #[serde(skip)]
    module: PathBuf,
    #[serde(skip)]
    ed25519: bool,
}

/// `key generate`
pub fn generate(
    place: &Place,
    arguments: &GenerateArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let wanted = wanted(&arguments.name, arguments.key_type, &arguments.new);
    group_is_shown(place, &wanted.groups)?;
    name_is_free(place, &wanted.name)?;
    key_wish::can_be_met(place, &arguments.new)?;
    if arguments.here {
        return generate_here(place, &wanted, &arguments.new, output);
    }
    let made = place.token().generate(&wanted).map_err(Failure::from);
    let fix = format!(
        "add --here to make it in this process, register it at the {} and wipe it here",
        place.noun
    );
    let key = made.map_err(|it| it.with_fix(TokenErrorKind::Impossible, &fix))?;
    key_wish::meet(place, &key, &arguments.new)?;
    tell(place, &key, format!("made {}", place.inside()), output)
}

fn generate_here(
    place: &Place,
    wanted: &NewKey,
    new: &NewKeyArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let made = PrivateKey::generate(wanted.key_type);
    let private = made.map_err(|error| Failure::Refused(error.to_string()))?;
    let key = place.token().import(&private, wanted)?;
    drop(private); // wiped by its owner, before anything else happens
    key_wish::meet(place, &key, new)?;
    let how = format!("made here, registered at the {}, wiped here", place.noun);
    tell(place, &key, how, output)
}

/// `key import`
pub fn import(
    place: &Place,
    arguments: &ImportArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<(), Failure> {
    group_is_shown(place, &arguments.new.groups)?;
    name_is_free(place, &arguments.name.0)?;
    key_wish::can_be_met(place, &arguments.new)?;
    let private = key_file::read(&arguments.file, person)?;
    let key_type = WantedType(private.public().key_type());
    let wanted = wanted(&arguments.name, key_type, &arguments.new);
    key_is_new(place, private.public())?;
    let key = place.token().import(&private, &wanted)?;
    drop(private);
    key_wish::meet(place, &key, &arguments.new)?;
    let file = arguments.file.display();
    person.tell(&format!(
        "{file} is still there: remove it once a login with the key {} works",
        place.inside()
    ));
    let how = format!("brought to the {}", place.noun);
    tell(place, &key, how, output)
}

fn wanted(name: &KeyName, key_type: WantedType, new: &NewKeyArguments) -> NewKey {
    NewKey {
        groups: new.groups.clone(),
        activate: !new.no_activate,
        extractable: new.extractable,
        ..NewKey::new(&name.0, key_type.0)
    }
}

/// Two keys of one name could be told apart only by their identifiers, and not at all by ssh.
pub fn name_is_free(place: &Place, name: &str) -> Result<(), Failure> {
    let found = place.find()?;
    let taken = selection::all(&found)
        .into_iter()
        .find(|it| it.key.name == name);
    match taken {
        None => Ok(()),
        Some(it) => Err(Failure::Refused(format!(
            "slot {:?}: key {} is already called {name:?}: choose another name",
            place.label, it.key.id
        ))),
    }
}

/// What no listing of the slot has, nobody can use, activate or destroy through it.
pub fn group_is_shown(place: &Place, groups: &[String]) -> Result<(), Failure> {
    let shown = |group: &String| place.filter.groups.contains(group);
    match place.filter.groups.first() {
        Some(first) if !groups.iter().any(shown) => Err(Failure::Refused(format!(
            "slot {:?} has keys of the object groups {:?} only: add --group {first:?}",
            place.label, place.filter.groups
        ))),
        _ => Ok(()),
    }
}

/// Twins have one CKA_ID: programs can see one of them only.
fn key_is_new(place: &Place, public: &PublicKey) -> Result<(), Failure> {
    let found = place.find()?;
    let twin = selection::all(&found)
        .into_iter()
        .find(|it| it.key.public == *public);
    match twin {
        None => Ok(()),
        Some(it) => Err(Failure::Refused(format!(
            "slot {:?}: this key is there already, as {:?} (id {}): use that one, or destroy it first",
            place.label,
            it.key.label(),
            it.key.id
        ))),
    }
}

/// Tells of the key as the next listing shows it: the slot's filter may keep it from programs.
fn tell(place: &Place, key: &Key, how: String, output: &mut Output) -> Result<(), Failure> {
    let ed25519 = key.public.key_type() == KeyType::Ed25519;
    let key = match place.find() {
        Ok(found) => KeyRecord::after(&place.label, &found, key),
        Err(Failure::Library(Error::Token(_))) => {
            KeyRecord::new(&place.label, key, key.unusable().as_deref())
        }
        Err(other) => return Err(other),
    };
    let module = Module::find(None).map_or_else(|_| Module::usual(), |found| found.path);
    Ok(output.show(&Made {
        key,
        how,
        module,
        ed25519,
    })?)
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, how, .. } = self;
        let (key_type, name, slot) = (&key.key_type, &key.name, &key.slot);
        writeln!(
            f,
            "{key_type} key {name:?} in slot {slot:?}: {how}, id {}",
            key.id
        )?;
        writeln!(f, "{}\n\n{}\n", key.fingerprint, key.openssh_or_hint())?;
        match &key.hidden_because {
            Some(reason) => writeln!(f, "Programs do not see it yet: {reason}"),
            None if key.pem.is_some() => Ok(()),
            None => self.next(f),
        }
    }
}

impl Made {
    fn next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.module.display();
        writeln!(
            f,
            "Next: append that line to ~/.ssh/authorized_keys of the account to log in to, then\n  \
             ssh -I {module} user@host\n\
             or put \"PKCS11Provider {module}\" into ~/.ssh/config."
        )?;
        match self.ed25519 {
            true => writeln!(
                f,
                "OpenSSH takes Ed25519 keys from a module since version 10.1."
            ),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::person::Scripted;
    use crate::place::tests::{empty, place};
    use kmip_p11::error::Result as LibraryResult;
    use kmip_p11::model::key::Found;
    use kmip_p11::model::signature::{SignInput, SignScheme};
    use kmip_p11::token::memory::MemoryToken;
    use kmip_p11::token::{Token, TokenInfo};

    fn arguments(name: &str, key_type: &str, here: bool) -> GenerateArguments {
        GenerateArguments {
            name: name.parse().unwrap(),
            key_type: key_type.parse().unwrap(),
            here,
            new: NewKeyArguments {
                groups: vec!["ssh".into()],
                no_activate: false,
                extractable: false,
                id: None,
                label: None,
            },
        }
    }

    #[test]
    fn a_new_key_is_told_with_line_fingerprint_and_next_step() {
        let place = empty("prod");
        let text = printed(false, |output| {
            generate(&place, &arguments("web", "p256", false), output).unwrap();
        });
        assert!(text.starts_with("ECDSA P-256 key \"web\" in slot \"prod\": made on the server"));
        for part in [
            "\nSHA256:",
            "\necdsa-sha2-nistp256 ",
            " web\n",
            "authorized_keys",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_key_that_waits_for_activation_says_so() {
        let place = empty("prod");
        let mut wanted = arguments("web", "ed25519", true);
        wanted.new.no_activate = true;
        let text = printed(false, |output| generate(&place, &wanted, output).unwrap());
        assert!(text.contains("made here, registered"), "{text}");
        assert!(
            text.contains("do not see it yet: it is pre-active"),
            "{text}"
        );
    }

    #[test]
    fn json_has_the_key() {
        let place = empty("prod");
        let text = printed(true, |output| {
            generate(&place, &arguments("web", "ed25519", false), output).unwrap();
        });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["key"]["name"], "web");
        assert_eq!(value["key"]["groups"][0], "ssh");
    }

    #[test]
    fn a_name_is_given_once() {
        let place = empty("prod");
        printed(true, |output| {
            generate(&place, &arguments("web", "ed25519", false), output).unwrap();
            let again = generate(&place, &arguments("web", "p256", false), output);
            assert!(again.unwrap_err().to_string().contains("already called"));
        });
    }

    /// A server that makes no keys.
    struct Barren(MemoryToken);

    impl Token for Barren {
        fn info(&self) -> TokenInfo {
            self.0.info()
        }
        fn find(&self) -> LibraryResult<Found> {
            self.0.find()
        }
        fn sign(
            &self,
            key: &Key,
            scheme: SignScheme,
            input: SignInput<'_>,
        ) -> LibraryResult<Vec<u8>> {
            self.0.sign(key, scheme, input)
        }
        fn import(&self, private: &PrivateKey, wanted: &NewKey) -> LibraryResult<Key> {
            self.0.import(private, wanted)
        }
    }

    #[test]
    fn what_the_server_cannot_make_can_be_made_here() {
        let place = place(Barren(MemoryToken::new("prod")));
        printed(false, |output| {
            let failure = generate(&place, &arguments("a", "ed25519", false), output).unwrap_err();
            assert!(failure.to_string().contains("; add --here"), "{failure}");
            generate(&place, &arguments("a", "ed25519", true), output).unwrap();
        });
        assert_eq!(place.find().unwrap().keys.len(), 1);
    }

    #[test]
    fn an_imported_key_is_the_one_in_the_file() {
        let private = PrivateKey::generate(WantedType("p256".parse::<WantedType>().unwrap().0).0);
        let private = private.unwrap();
        let file = key_file::tests::written("PRIVATE KEY", &private.to_pkcs8().unwrap());
        let (place, person) = (empty("prod"), Scripted::default());
        let arguments = ImportArguments {
            name: "web".parse().unwrap(),
            file: file.path().to_owned(),
            new: NewKeyArguments {
                groups: vec![],
                no_activate: false,
                extractable: false,
                id: None,
                label: None,
            },
        };
        let text = printed(false, |output| {
            import(&place, &arguments, output, &person).unwrap();
        });
        assert!(text.contains("brought to the server"), "{text}");
        assert_eq!(&place.find().unwrap().keys[0].public, private.public());
        assert!(person.told()[0].contains("is still there"));
    }
}
