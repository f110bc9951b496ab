//! The listing: what a server holds of a slot, in two round trips for up to 64 keys.

use std::collections::HashSet;
use std::time::Instant;

use super::failure::Failures;
use super::pairing::{Located, PUBLIC_SUFFIX};
use super::reading::{ITEMS, Reading};
use super::search::{Habits, Hits, Question, Search};
use crate::error::Result;
use crate::kmip::{Attribute, Client, CryptographicAlgorithm, ObjectType, Refusal};

/// Objects of which any client can make as many as it likes, and which are read for the few that may
/// be of use here: certificates, and public keys that nothing links to ours.
const MOST_OF_OTHERS: usize = 4096;

const PUBLIC: &str = "public keys";

/// Private keys whose halves are looked for by name; for more, all public keys are read.
const LOOKED_FOR_BY_NAME: usize = 128;

/// Asks a server for its keys.
pub struct Inventory<'a> {
    /// Whom to ask.
    pub client: &'a Client,
    /// Until when.
    pub deadline: Instant,
    /// Of what.
    pub scope: Scope<'a>,
    /// For the errors.
    pub failures: &'a Failures,
    /// What is known of the server.
    pub habits: &'a Habits,
}

/// What is asked for; the answer is checked again, since servers ignore what they do not know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// Only keys of these object groups; all if there are none.
    pub groups: &'a [String],
    /// Only keys of these names; all if there are none.
    pub names: &'a [String],
    /// Only private keys of these algorithms; all if there are none.
    pub algorithms: &'a [CryptographicAlgorithm],
}

/// The unique identifiers that Locate gave.
#[derive(Default)]
struct Identifiers {
    private: Vec<String>,
    public: Vec<String>,
    certificates: Vec<String>,
    /// Public keys outside the scope: perhaps the half of one that is in it, mostly another's.
    /// Not all of them, where there are many.
    others: Vec<String>,
}

impl Scope<'_> {
    fn is_narrow(self) -> bool {
        !(self.groups.is_empty() && self.names.is_empty())
    }

    /// One question for each group and name. Public halves go by the private one's name, too.
    fn questions(self, kind: ObjectType) -> Vec<Question> {
        let mut names: Vec<String> = self.names.to_vec();
        if kind == ObjectType::PUBLIC_KEY {
            names.extend(
                self.names
                    .iter()
                    .map(|name| format!("{name}{PUBLIC_SUFFIX}")),
            );
        }
        let about = Question::about(kind);
        let of_group = |group: &String| about.with([Attribute::ObjectGroup(group.clone())]);
        let grouped = match self.groups {
            [] => vec![about.clone()],
            groups => groups.iter().map(of_group).collect(),
        };
        if names.is_empty() {
            let algorithms = match kind {
                ObjectType::PRIVATE_KEY => self.algorithms,
                _ => &[],
            };
            let algorithms = algorithms.iter().copied();
            return each_with(grouped, algorithms.map(Attribute::CryptographicAlgorithm));
        }
        // A half is not always in its key's group: its name says enough.
        let narrowed = match kind {
            ObjectType::PUBLIC_KEY => vec![about],
            _ => grouped,
        };
        each_with(narrowed, names.into_iter().map(Attribute::Name))
    }
}

/// Each question with each of the attributes; as it is, if there are none.
fn each_with(
    questions: Vec<Question>,
    attributes: impl Iterator<Item = Attribute>,
) -> Vec<Question> {
    let attributes: Vec<_> = attributes.collect();
    if attributes.is_empty() {
        return questions;
    }
    let all = |question: &Question| {
        let with = |attribute: &Attribute| question.with([attribute.clone()]);
        attributes.iter().map(with).collect::<Vec<_>>()
    };
    questions.iter().flat_map(all).collect()
}

impl Identifiers {
    /// How many requests it takes to read all of them.
    fn items(&self) -> usize {
        self.private.len() + 2 * self.public.len() + self.certificates.len()
    }

    /// Takes so many of the others to the public keys as the last message has room for: then they
    /// cost no flight, should one of them be a half that is sought.
    fn fill_message(&mut self) {
        let room = ITEMS.saturating_sub(self.items()) / 2;
        let fitting = room.min(self.others.len());
        self.public.extend(self.others.drain(..fitting));
    }
}

impl Inventory<'_> {
    /// Everything of use, read; what cannot be read is among the hidden with the reason.
    pub fn read(&self) -> Result<Located> {
        let mut located = Located::default();
        let mut ids = self.locate(&mut located)?;
        if ids.private.is_empty() {
            return Ok(located);
        }
        let mut reading = Reading::new(self, &mut located, ids.items());
        match ids.items() <= ITEMS {
            true => {
                ids.fill_message();
                reading.at_once(&ids.private, &ids.public, &ids.certificates)?;
            }
            false => self.read_in_parts(&ids, &mut reading)?,
        }
        // The reason for the refusal of each object is then known; nothing more is asked.
        if let (true, Some(refusal)) = (located.private.is_empty(), &located.refused) {
            return Err(self.failures.refusal(refusal));
        }
        self.read_lonely(ids, &mut located)?;
        // Public keys that no private one needs are not missed.
        match located.public_cut.take() {
            Some(cut) if located.has_lonely() => located.warn(cut),
            _ => {}
        }
        Ok(located)
    }

    /// Private keys first: they say which public ones are worth reading, and that their links are
    /// all that there is to know of these.
    fn read_in_parts(&self, ids: &Identifiers, reading: &mut Reading<'_>) -> Result {
        reading.private(&ids.private)?;
        reading.linked()?;
        if reading.located.has_lonely() {
            reading.public(&ids.public)?;
        }
        reading.certificates(&ids.certificates)
    }

    /// Looks for the halves of private keys that are still without: by their links, by their names,
    /// and then among all others.
    fn read_lonely(&self, ids: Identifiers, located: &mut Located) -> Result {
        Reading::new(self, located, 0).linked()?;
        let names = match !ids.others.is_empty() || located.public_cut.is_some() {
            true => located.lonely_names(),
            false => vec![],
        };
        if (1..=LOOKED_FOR_BY_NAME).contains(&names.len()) {
            let scope = Scope {
                names: &names,
                ..Scope::default()
            };
            let named = self.located(&scope.questions(ObjectType::PUBLIC_KEY), located)?;
            Reading::new(self, located, 0).public(&named)?;
        }
        if !located.has_lonely() {
            return Ok(());
        }
        if !self.scope.is_narrow() {
            return Ok(());
        }
        let others = self.located(&[Question::about(ObjectType::PUBLIC_KEY)], located)?;
        let others = self.worth_reading("other public keys", others, located);
        Reading::new(self, located, 0).public(&others)
    }

    /// One question a kind, and two a group. With names alone, strangers' public keys are not asked
    /// for before they are needed.
    fn locate(&self, located: &mut Located) -> Result<Identifiers> {
        let private = self.scope.questions(ObjectType::PRIVATE_KEY);
        let public = self.scope.questions(ObjectType::PUBLIC_KEY);
        let others = !self.scope.groups.is_empty() && self.scope.names.is_empty();
        let mut questions = vec![Question::about(ObjectType::CERTIFICATE)];
        questions.extend(private.iter().chain(&public).cloned());
        questions.extend(others.then(|| Question::about(ObjectType::PUBLIC_KEY)));
        let mut found = self
            .search()
            .all(&questions, usize::from(others))?
            .into_iter();
        // A server without certificates may refuse to look for some; keys do not need them.
        let certificates = found.next().and_then(std::result::Result::ok);
        let refused = found.as_slice().iter().any(std::result::Result::is_err);
        if refused && !self.scope.algorithms.is_empty() {
            // It may not know how to look for algorithms; which key has which is read in any case.
            return self.of_all_algorithms().locate(located);
        }
        let mut taken = |number: usize, what: &str| {
            let hits: Vec<_> = found.by_ref().take(number).collect();
            self.merged(what, hits, located)
        };
        let mut ids = Identifiers {
            private: taken(private.len(), "private keys")?,
            public: taken(public.len(), PUBLIC)?,
            ..Identifiers::default()
        };
        let certificates = certificates.map_or_else(Vec::new, |hits| hits.ids);
        ids.certificates = self.worth_reading("certificates", certificates, located);
        if let Some(others) = found.next() {
            let mut others = others.map_err(|refusal| self.failures.refusal(&refusal))?;
            let near: HashSet<_> = ids.public.iter().collect();
            others.ids.retain(|id| !near.contains(id));
            ids.others = others.ids;
        }
        Ok(ids)
    }

    fn of_all_algorithms(&self) -> Inventory<'_> {
        let scope = Scope {
            algorithms: &[],
            ..self.scope
        };
        Inventory { scope, ..*self }
    }

    fn search(&self) -> Search<'_> {
        Search {
            client: self.client,
            deadline: self.deadline,
            failures: self.failures,
            habits: self.habits,
        }
    }

    fn located(&self, questions: &[Question], located: &mut Located) -> Result<Vec<String>> {
        let found = self.search().all(questions, 0)?;
        self.merged(PUBLIC, found, located)
    }

    /// Each identifier once. That some may be missing is told, and loudly: a key that is not listed
    /// cannot be used, and nobody would know why.
    fn merged(
        &self,
        what: &str,
        found: Vec<std::result::Result<Hits, Refusal>>,
        located: &mut Located,
    ) -> Result<Vec<String>> {
        let mut ids = vec![];
        for hits in found {
            let hits = hits.map_err(|refusal| self.failures.refusal(&refusal))?;
            if let Some(cut) = hits.cut {
                let warning = format!(
                    "not all {what} may be listed: {cut}; narrow keys.groups or name the keys in \
                     keys.names"
                );
                match what {
                    PUBLIC => located.public_cut = Some(warning),
                    _ => located.warn(warning),
                }
            }
            ids.extend(hits.ids);
        }
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        Ok(ids)
    }

    fn worth_reading(
        &self,
        what: &str,
        mut ids: Vec<String>,
        located: &mut Located,
    ) -> Vec<String> {
        if ids.len() > MOST_OF_OTHERS {
            let all = ids.len();
            located.warn(format!(
                "of {all} {what} that the server shows, {MOST_OF_OTHERS} are read"
            ));
            ids.truncate(MOST_OF_OTHERS);
        }
        ids
    }
}
