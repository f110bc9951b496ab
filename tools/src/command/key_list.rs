//! `key list`, `key show`, `key public`: what keys there are.

use std::fmt;

use serde::Serialize;

use super::Verdict;
use crate::arguments::{ListArguments, PublicArguments};
use crate::certificate_record::CertificateRecord;
use crate::failure::{Failure, FailureRecord, one_line};
use crate::key_record::KeyRecord;
use crate::output::Output;
use crate::person::Person;
use crate::place::{self, Place};
use crate::selection::{self, Precision, Selected};
use crate::table::table;
use kmip_p11::token::{Half, Told};

/// An object that is no key this tool can tell more of.
#[derive(Serialize)]
struct OtherObject {
    slot: String,
    id: String,
    hidden_because: String,
}

/// Keys of all slots, and of which slots nothing is known.
#[derive(Default, Serialize)]
struct Listing {
    keys: Vec<KeyRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_objects: Vec<OtherObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FailureRecord>,
}

/// The lines of an authorized_keys file; PEM of keys that OpenSSH has no form for.
#[derive(Serialize)]
#[serde(transparent)]
struct Lines(Listing);

/// A heading, and what stands under it.
type Column = (&'static str, fn(&KeyRecord) -> String);

#[derive(Serialize)]
struct One {
    key: KeyRecord,
    /// All that the token tells, in its words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateRecord>,
    /// What people call the place that tells.
    #[serde(skip)]
    noun: &'static str,
}

/// An attribute as the token keeps it.
#[derive(Serialize)]
struct AttributeRecord {
    /// `private` or `public`.
    half: &'static str,
    name: String,
    value: String,
    /// What programs get of it.
    #[serde(skip_serializing_if = "str::is_empty")]
    programs: &'static str,
}

/// `key list`. A slot that does not answer is told of, and does not keep the others back.
pub fn list(
    places: &[Place],
    arguments: &ListArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let listing = Listing::of(places, arguments.all, person);
    output.show(&listing)?;
    Ok(Verdict::of_problems(listing.errors.len()))
}

/// `key public`
pub fn public(
    places: &[Place],
    arguments: &PublicArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let lines = match arguments.keys.as_slice() {
        [] => Listing::of(places, false, person).for_openssh(person),
        names => Listing::of_names(place::only(places)?, names)?,
    };
    let problems = lines.errors.len();
    output.show(&Lines(lines))?;
    Ok(Verdict::of_problems(problems))
}

/// `key show`
pub fn show(place: &Place, name: &str, output: &mut Output) -> Result<(), Failure> {
    let found = place.find()?;
    let selected = selection::one(&place.label, &found, name, Precision::Beginning)?;
    let told = place.token().describe(selected.key)?;
    let attributes = told.into_iter().map(AttributeRecord::from).collect();
    let certificates = CertificateRecord::all(selected.key);
    let key = record(place, selected);
    let noun = place.noun;
    Ok(output.show(&One {
        key,
        attributes,
        certificates,
        noun,
    })?)
}

impl From<Told> for AttributeRecord {
    fn from(told: Told) -> Self {
        let half = match told.half {
            Half::Private => "private",
            Half::Public => "public",
        };
        Self {
            half,
            name: told.name,
            value: told.value,
            programs: told.programs,
        }
    }
}

fn record(place: &Place, selected: Selected<'_>) -> KeyRecord {
    KeyRecord::new(&place.label, selected.key, selected.hidden)
}

impl Listing {
    fn of(places: &[Place], hidden_too: bool, person: &dyn Person) -> Self {
        let mut listing = Self::default();
        for place in places {
            if let Err(failure) = listing.add(place, hidden_too, person) {
                person.tell(&one_line(&failure.to_string()));
                listing.errors.push(failure.record());
            }
        }
        listing
    }

    fn add(&mut self, place: &Place, hidden_too: bool, person: &dyn Person) -> Result<(), Failure> {
        let found = place.find()?;
        for warning in &found.warnings {
            let warning = one_line(&format!("slot {:?}: {warning}", place.label));
            person.tell(&warning);
            self.warnings.push(warning);
        }
        let mut keys = selection::all(&found);
        keys.retain(|it| hidden_too || it.hidden.is_none());
        self.keys
            .extend(keys.into_iter().map(|it| record(place, it)));
        if hidden_too {
            let others = found.hidden.into_iter().filter(|it| it.key.is_none());
            self.other_objects.extend(others.map(|it| OtherObject {
                slot: place.label.clone(),
                id: it.id.to_string(),
                hidden_because: it.reason,
            }));
        }
        Ok(())
    }

    fn of_names(place: &Place, names: &[String]) -> Result<Self, Failure> {
        let found = place.find()?;
        let one = |name: &String| {
            let selected = selection::one(&place.label, &found, name, Precision::Beginning)?;
            Ok(record(place, selected))
        };
        let keys: Result<_, Failure> = names.iter().map(one).collect();
        Ok(Self {
            keys: keys?,
            ..Self::default()
        })
    }

    /// Without the keys that an authorized_keys file has no line for.
    fn for_openssh(mut self, person: &dyn Person) -> Self {
        self.keys.retain(|key| {
            if key.pem.is_some() {
                let (name, key_type) = (&key.name, &key.key_type);
                person.tell(&format!(
                    "key {name:?} is left out, since OpenSSH has no {key_type} keys; name it to get its PEM"
                ));
            }
            key.pem.is_none()
        });
        self
    }

    /// A column for what is not the same in every row.
    fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = vec![
            ("NAME", |key| key.name.clone()),
            ("TYPE", |key| key.key_type.clone()),
            ("STATE", |key| key.state.clone()),
            ("FINGERPRINT", |key| key.fingerprint.clone()),
        ];
        let first = self.keys.first().map(|key| &key.slot);
        if self.keys.iter().any(|key| Some(&key.slot) != first) {
            columns.insert(0, ("SLOT", |key| key.slot.clone()));
        }
        if self.keys.iter().any(|key| !key.shown) {
            columns.push(("NOT SHOWN BECAUSE", |key| {
                one_line(key.hidden_because.as_deref().unwrap_or_default())
            }));
        }
        columns
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.keys.is_empty() {
            let columns = self.columns();
            let headings: Vec<_> = columns.iter().map(|(heading, _)| *heading).collect();
            let row = |key| columns.iter().map(|(_, cell)| cell(key)).collect();
            f.write_str(&table(&headings, self.keys.iter().map(row)))?;
        }
        for object in &self.other_objects {
            let reason = one_line(&object.hidden_because);
            writeln!(
                f,
                "object {} in slot {:?}: {reason}",
                object.id, object.slot
            )?;
        }
        if self.keys.is_empty() && self.errors.is_empty() {
            f.write_str(
                "no keys; \"kmip-ssh key list --all\" also shows what programs do not see\n",
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .keys
            .iter()
            .try_for_each(|key| writeln!(f, "{}", key.public_form()))
    }
}

impl fmt::Display for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)?;
        if !self.certificates.is_empty() {
            write!(f, "\n{}", CertificateRecord::table(&self.certificates))?;
        }
        for half in ["private", "public"] {
            let of_half = self.attributes.iter().filter(|it| it.half == half);
            let rows: Vec<_> = of_half.map(AttributeRecord::row).collect();
            if !rows.is_empty() {
                write!(f, "\nThe {half} key, as the {} tells of it:\n", self.noun)?;
                let headings = ["ATTRIBUTE", "VALUE", "FOR PROGRAMS"];
                f.write_str(&table(&headings, rows))?;
            }
        }
        Ok(())
    }
}

impl AttributeRecord {
    fn row(&self) -> Vec<String> {
        let cells = [&self.name, &self.value, self.programs];
        cells.map(one_line).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::person::Scripted;
    use crate::place::tests::place;
    use crate::place::tests::{add, down, empty};
    use kmip_p11::config::{KeyFilter, KeyKind};
    use kmip_p11::model::ml_dsa::ParameterSet;
    use kmip_p11::model::public_key::{Curve, KeyType};
    use kmip_p11::token::Revocation;
    use kmip_p11::token::memory::MemoryToken;

    fn two_places() -> [Place; 2] {
        let places = [empty("prod"), empty("lab")];
        add(&places[0], "web", KeyType::Ec(Curve::P256));
        add(&places[1], "db", KeyType::Ed25519);
        let old = add(&places[1], "old", KeyType::Ed25519);
        let revocation = Revocation {
            compromised: true,
            message: None,
        };
        places[1].token().revoke(&old, &revocation).unwrap();
        places
    }

    fn listed(places: &[Place], all: bool, json: bool) -> (String, Verdict, Vec<String>) {
        let (person, mut verdict) = (Scripted::default(), Verdict::Good);
        let text = printed(json, |output| {
            verdict = list(places, &ListArguments { all }, output, &person).unwrap();
        });
        (text, verdict, person.told())
    }

    #[test]
    fn a_list_is_what_programs_see() {
        let (text, ..) = listed(&two_places(), false, false);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[0], ["SLOT", "NAME", "TYPE", "STATE", "FINGERPRINT"]);
        assert_eq!(rows[1][..5], ["prod", "web", "ECDSA", "P-256", "active"]);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn all_of_it_has_the_reasons() {
        let (text, ..) = listed(&two_places(), true, false);
        assert!(text.contains("NOT SHOWN BECAUSE"), "{text}");
        assert!(
            text.lines().last().unwrap().ends_with("it is compromised"),
            "{text}"
        );
    }

    #[test]
    fn a_slot_that_is_down_is_an_error_and_not_an_empty_list() {
        let places = [down("lab"), empty("prod")];
        add(&places[1], "web", KeyType::Ed25519);
        let (text, verdict, told) = listed(&places, false, false);
        assert!(text.contains("web"));
        assert_eq!(verdict, Verdict::Problems);
        assert_eq!(told, ["slot \"lab\": connection refused"]);
        let (text, ..) = listed(&places, false, true);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["errors"][0]["kind"], "unreachable");
        assert_eq!(value["keys"][0]["name"], "web");
    }

    #[test]
    fn public_lines_are_fit_for_authorized_keys() {
        let places = two_places();
        let arguments = |keys: &[&str]| PublicArguments {
            keys: keys.iter().map(|&key| key.into()).collect(),
        };
        let person = Scripted::default();
        let text = printed(false, |output| {
            public(&places, &arguments(&[]), output, &person).unwrap();
        });
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("ecdsa-sha2-nistp256 ") && text.contains(" web\nssh-ed25519 "));
        let text = printed(false, |output| {
            public(&places[1..], &arguments(&["old"]), output, &person).unwrap();
            assert!(public(&places, &arguments(&["old"]), output, &person).is_err());
        });
        assert!(text.ends_with(" old\n"));
    }

    #[test]
    fn what_authorized_keys_cannot_have_is_given_if_it_is_named() {
        let filter = KeyFilter {
            types: KeyKind::ALL.to_vec(),
            ..KeyFilter::default()
        };
        let place = place(MemoryToken::new("prod").showing(filter));
        add(&place, "new", KeyType::MlDsa(ParameterSet::MlDsa65));
        add(&place, "web", KeyType::Ed25519);
        let (places, person) = ([place], Scripted::default());
        let printed_of = |keys: &[&str]| {
            let keys = keys.iter().map(|&key| key.into()).collect();
            printed(false, |output| {
                public(&places, &PublicArguments { keys }, output, &person).unwrap();
            })
        };
        let all = printed_of(&[]);
        assert!(
            all.starts_with("ssh-ed25519 ") && all.lines().count() == 1,
            "{all}"
        );
        assert!(person.told()[0].contains("OpenSSH has no ML-DSA-65 keys"));
        let named = printed_of(&["new"]);
        assert!(named.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{named}");
        assert!(named.ends_with("\n-----END PUBLIC KEY-----\n"), "{named}");
    }

    #[test]
    fn show_tells_why_a_key_is_hidden() {
        let places = two_places();
        let text = printed(false, |output| show(&places[1], "old", output).unwrap());
        assert!(text.contains("do not see it: it is compromised"), "{text}");
    }

    #[test]
    fn show_tells_the_certificates_of_a_key() {
        let places = two_places();
        let key = places[0].find().unwrap().keys.remove(0);
        let der = ffi_tests::certificate::issued(&key.public, "web.example");
        places[0].token().certify(&key, &der).unwrap();
        let text = printed(false, |output| show(&places[0], "web", output).unwrap());
        assert!(text.contains("CN=web.example"), "{text}");
        let text = printed(true, |output| show(&places[0], "web", output).unwrap());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["certificates"][0]["issuer"], "CN=a test authority");
        assert_eq!(value["key"]["certificates"], 1);
    }
}
