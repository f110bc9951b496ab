//! `slot list`: what is configured, and who answers.

use std::fmt;

use serde::Serialize;

use super::Verdict;
use crate::failure::{Failure, FailureRecord, one_line};
use crate::output::Output;
use crate::place::Place;
use crate::table::table;

/// A slot as configured, and what its token said. `servers` and `protocol` are where its keys are and
/// what kind of place that is, whether there is a server or not: their names stay.
#[derive(Serialize)]
struct SlotRecord {
    label: String,
    servers: Vec<String>,
    protocol: String,
    shows: String,
    reachable: bool,
    keys: Option<usize>,
    hidden: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FailureRecord>,
    #[serde(skip)]
    answer: String,
}

#[derive(Serialize)]
struct Slots {
    slots: Vec<SlotRecord>,
}

/// `slot list`: a slot that does not answer is a problem, and listed like the others.
pub fn list(places: &[Place], output: &mut Output) -> Result<Verdict, Failure> {
    let slots: Vec<_> = places.iter().map(SlotRecord::of).collect();
    let problems = slots.iter().filter(|slot| !slot.reachable).count();
    output.show(&Slots { slots })?;
    Ok(Verdict::of_problems(problems))
}

impl SlotRecord {
    fn of(place: &Place) -> Self {
        let answer = place.find();
        let count = answer.as_ref().ok();
        let (keys, hidden) = (
            count.map(|it| it.keys.len()),
            count.map(|it| it.hidden.len()),
        );
        Self {
            label: place.label.clone(),
            servers: place.places.clone(),
            protocol: place.kind.clone(),
            shows: place.shows(),
            reachable: answer.is_ok(),
            keys,
            hidden,
            answer: match (&answer, keys, hidden) {
                (Err(failure), ..) => one_line(&failure.to_string()),
                (Ok(_), keys, hidden) => format!(
                    "{} keys, {} hidden",
                    keys.unwrap_or_default(),
                    hidden.unwrap_or_default()
                ),
            },
            error: answer.err().map(|failure| failure.record()),
        }
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |slot: &SlotRecord| {
            vec![
                slot.label.clone(),
                slot.servers.join(", "),
                slot.protocol.clone(),
                slot.shows.clone(),
                slot.answer.clone(),
            ]
        };
        let headings = ["SLOT", "WHERE", "KIND", "SHOWS", "ANSWER"];
        f.write_str(&table(&headings, self.slots.iter().map(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::place::tests::{add, down, empty};
    use kmip_p11::model::public_key::KeyType;

    #[test]
    fn slots_are_listed_whether_they_answer_or_not() {
        let places = [empty("prod"), down("lab")];
        add(&places[0], "web", KeyType::Ed25519);
        let mut verdict = Verdict::Good;
        let text = printed(false, |output| verdict = list(&places, output).unwrap());
        assert_eq!(verdict, Verdict::Problems);
        assert!(text.contains("1 keys, 0 hidden") && text.contains("connection refused"));
    }

    #[test]
    fn the_json_shape_stays() {
        let text = printed(true, |output| {
            list(&[empty("prod"), down("lab")], output).unwrap();
        });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let common = |label: &str| {
            serde_json::json!({
                "label": label, "servers": ["kmip1.example.org:5696"], "protocol": "KMIP auto",
                "shows": "all", "reachable": true, "keys": 0, "hidden": 0,
            })
        };
        assert_eq!(value["slots"][0], common("prod"));
        let mut lab = common("lab");
        lab["reachable"] = false.into();
        (lab["keys"], lab["hidden"]) = (serde_json::Value::Null, serde_json::Value::Null);
        lab["error"] = serde_json::json!({
            "kind": "unreachable", "slot": "lab", "message": "slot \"lab\": connection refused"
        });
        assert_eq!(value["slots"][1], lab);
    }
}
