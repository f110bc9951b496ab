//! The listing: what a server holds, in two round trips for up to 64 keys.

use std::collections::HashSet;
use std::time::Instant;

use super::failure::Failures;
use super::managed::Managed;
use super::material;
use super::pairing::Located;
use crate::error::Result;
use crate::kmip::{Answer, Attribute, Client, ManagedObject, ObjectType, Request, Response};
use crate::model::certificate::Certificate;
use crate::model::key::{Hidden, ObjectId};
use crate::model::public_key::PublicKeyError;

/// Items in one message; more than one message is sent for more. There is room for 64 keys of three
/// requests each beside 160 public keys that the slot does not show.
const ITEMS: usize = 512;

/// Objects of one kind that are read. Where strangers' public keys are shown, they decide how many
/// there are; a public key that one of ours is linked to is read in any case.
const MOST: usize = 4096;

/// Asks a server for its keys.
pub struct Inventory<'a> {
    /// Whom to ask.
    pub client: &'a Client,
    /// Until when.
    pub deadline: Instant,
    /// Only private keys of these object groups; all if there are none.
    pub groups: &'a [String],
    /// For the errors.
    pub failures: &'a Failures,
}

/// The unique identifiers that Locate gave.
struct Identifiers {
    private: Vec<String>,
    public: Vec<String>,
    certificates: Vec<String>,
    /// Public keys in none of the slot's groups: perhaps the half of one that is, mostly another's.
    others: Vec<String>,
}

impl Identifiers {
    /// Takes so many of the others to the public keys as the last message has room for: then they
    /// cost no flight, should one of them be a half that is sought.
    fn fill_message(&mut self) {
        let items = self.private.len() + 2 * self.public.len() + self.certificates.len();
        let room = (items.next_multiple_of(ITEMS) - items) / 2;
        let fitting = room.min(self.others.len());
        self.public.extend(self.others.drain(..fitting));
    }
}

impl Inventory<'_> {
    /// Everything of use, read; what cannot be read is among the hidden with the reason.
    pub fn read(&self) -> Result<Located> {
        let mut ids = self.locate()?;
        ids.fill_message();
        let mut located = self.describe(&ids)?;
        let linked = located.missing_public();
        let linked = worth_reading(&self.failures.slot, "linked public keys", linked);
        self.read_public(&linked, &mut located)?;
        if located.has_lonely() {
            ids.others.retain(|id| !linked.contains(id));
            let others = worth_reading(&self.failures.slot, "other public keys", ids.others);
            self.read_public(&others, &mut located)?;
        }
        Ok(located)
    }

    /// One Locate a kind, and two a group; the kind always first: PyKMIP fails without.
    fn locate(&self) -> Result<Identifiers> {
        let of_group = |kind, group: &String| {
            let group = Attribute::ObjectGroup(group.clone());
            locate(kind, Some(group))
        };
        let mut requests = vec![
            locate(ObjectType::CERTIFICATE, None),
            locate(ObjectType::PUBLIC_KEY, None),
        ];
        match self.groups {
            [] => requests.push(locate(ObjectType::PRIVATE_KEY, None)),
            groups => {
                for kind in [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY] {
                    requests.extend(groups.iter().map(|group| of_group(kind, group)));
                }
            }
        }
        let mut found = self.call(&requests)?.into_iter().map(|a| self.located(a));
        // A server without certificates may refuse to look for some; keys do not need them.
        let certificates = found.next().and_then(Result::ok).unwrap_or_default();
        let all_public = found.next().unwrap_or(Ok(vec![]))?;
        let (mut private, mut public) = (vec![], vec![]);
        for (number, ids) in found.enumerate() {
            match number < self.groups.len().max(1) {
                true => private.extend(ids?),
                false => public.extend(ids?),
            }
        }
        let mut others = all_public;
        if self.groups.is_empty() {
            public.append(&mut others);
        }
        let slot = &self.failures.slot;
        let public = worth_reading(slot, "public keys", public);
        let near: HashSet<_> = public.iter().collect();
        others.retain(|id| is_plain(id) && !near.contains(id));
        Ok(Identifiers {
            private: worth_reading(slot, "private keys", private),
            certificates: worth_reading(slot, "certificates", certificates),
            public,
            others,
        })
    }

    fn located(&self, answer: Answer) -> Result<Vec<String>> {
        match answer {
            Ok(Response::Locate { ids, .. }) => Ok(ids),
            Ok(_) => Err(self.failures.unexpected("Locate")),
            Err(refusal) => Err(self.failures.refusal(&refusal)),
        }
    }

    /// Attributes of the keys, values of what is public: all in as few messages as the limit lets.
    fn describe(&self, ids: &Identifiers) -> Result<Located> {
        let mut requests = vec![];
        if !ids.private.is_empty() {
            requests.extend(ids.private.iter().map(|id| attributes(id)));
            requests.extend(ids.public.iter().flat_map(|id| [attributes(id), get(id)]));
            requests.extend(ids.certificates.iter().map(|id| get(id)));
        }
        let mut answers = vec![];
        for chunk in requests.chunks(ITEMS) {
            answers.extend(self.call(chunk)?);
        }
        let mut answers = answers.into_iter();
        let mut located = Located::default();
        for id in &ids.private {
            match described(id, answers.next()) {
                // Servers may ignore what they were asked for.
                Ok(managed) if managed.is_other_than(ObjectType::PRIVATE_KEY) => {}
                Ok(managed) => located.private.push(managed),
                Err(reason) => located.hidden.push(Hidden {
                    id: ObjectId(id.clone()),
                    key: None,
                    reason,
                }),
            }
        }
        for id in &ids.public {
            let (attributes, value) = (answers.next(), answers.next());
            take_public(&mut located, id, attributes, value);
        }
        let certificates = ids.certificates.iter().zip(answers);
        located.certificates = certificates.filter_map(certificate).collect();
        Ok(located)
    }

    fn read_public(&self, ids: &[String], located: &mut Located) -> Result {
        let requests: Vec<_> = ids
            .iter()
            .flat_map(|id| [attributes(id), get(id)])
            .collect();
        for (ids, chunk) in ids.chunks(ITEMS / 2).zip(requests.chunks(ITEMS)) {
            let mut answers = self.call(chunk)?.into_iter();
            for id in ids {
                let (attributes, value) = (answers.next(), answers.next());
                take_public(located, id, attributes, value);
            }
        }
        Ok(())
    }

    fn call(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        let answers = self.client.call_within(self.deadline, requests);
        answers.map_err(|error| self.failures.call(&error))
    }
}

/// Each identifier once, without those that no server in its right mind gives: they will be in
/// requests, messages and on terminals. An empty one would mean whatever was made last.
fn worth_reading(slot: &str, what: &str, mut ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.retain(|id| is_plain(id) && seen.insert(id.clone()));
    if ids.len() > MOST {
        let located = ids.len();
        log::warn!("slot {slot:?}: of {located} {what} that the server shows, {MOST} are read");
        ids.truncate(MOST);
    }
    ids
}

fn is_plain(id: &str) -> bool {
    (1..=1024).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// The objects of a kind, or those with one more attribute; the kind stands first.
pub fn locate(object_type: ObjectType, narrower: Option<Attribute>) -> Request {
    let mut filters = vec![Attribute::ObjectType(object_type)];
    filters.extend(narrower);
    Request::Locate {
        filters,
        maximum_items: None,
        offset_items: None,
        storage_status: None,
        group_member: None,
    }
}

fn attributes(id: &str) -> Request {
    Request::GetAttributes {
        id: id.into(),
        names: Vec::new(),
    }
}

fn get(id: &str) -> Request {
    Request::Get {
        id: id.into(),
        format: None,
        wrapping: None,
    }
}

fn described(id: &str, answer: Option<Answer>) -> Result<Managed, String> {
    match answer {
        Some(Ok(Response::GetAttributes { attributes, .. })) => Ok(Managed::new(id, attributes)),
        Some(Err(refusal)) => Err(refusal.to_string()),
        _ => Err("the server did not tell its attributes".into()),
    }
}

/// A public key without attributes can still be the end of a link.
fn take_public(located: &mut Located, id: &str, attributes: Option<Answer>, value: Option<Answer>) {
    let managed = described(id, attributes).unwrap_or_else(|_| Managed::new(id, vec![]));
    let public = match value {
        Some(Ok(Response::Get {
            object: ManagedObject::PublicKey(block),
            ..
        })) => material::public_key(&block),
        Some(Err(refusal)) => Err(PublicKeyError::Form(format!(
            "its public half {id:?} cannot be read: {refusal}"
        ))),
        _ => Err(PublicKeyError::Form(format!("{id:?} is no public key"))),
    };
    located.public.push((managed, public));
}

/// What cannot be parsed, or speaks of a key that is not for SSH, is of no use to a login.
fn certificate((id, answer): (&String, Answer)) -> Option<Certificate> {
    match answer {
        Ok(Response::Get {
            object: ManagedObject::Certificate { value, .. },
            ..
        }) => Certificate::from_der(ObjectId(id.clone()), &value).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_nobody_needs_are_left_out() {
        let long = "x".repeat(1025);
        let ids = ["2", "", "1", "2", "a\u{1b}[2J", "b\n", &long, "1"].map(str::to_owned);
        assert_eq!(worth_reading("s", "keys", ids.into()), ["2", "1"]);
        let many = (0..2 * MOST).map(|n| n.to_string());
        assert_eq!(worth_reading("s", "keys", many.collect()).len(), MOST);
    }
}
