//! One question to Locate, followed until its answer is whole: through pages, and where a server has
//! none, through narrower questions.
//!
//! Servers differ silently. One gives 1000 objects at most and ignores Offset Items, another has
//! pages, newest first, that shift while objects are made. So what a server does is found out and
//! kept for the process; and what may be missing in the end is said.

mod pages;
mod parts;

use std::collections::HashSet;
use std::time::Instant;

use parking_lot::Mutex;

use super::failure::{Failures, unencodable};
use crate::error::Result;
use crate::kmip::{
    Answer, Attribute, Client, Error, ErrorKind, ObjectType, Refusal, Request, Response,
    ResultReason, ResultStatus,
};

/// A shorter answer is taken for the whole one, unless the server itself says that there is more: no
/// server is known to give less than this at once.
const SHORTEST_CUT: usize = 100;

/// Objects that are asked for at once where all are too many for one message.
const FITTING: u32 = 10_000;

/// What is looked for: objects of one kind to which all filters apply.
#[derive(Debug, Clone)]
pub struct Question {
    kind: Option<ObjectType>,
    narrower: Vec<Attribute>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Hits {
    /// Unique identifiers, each once, in the server's order.
    pub ids: Vec<String>,
    /// Why there may be more, if there may.
    pub cut: Option<String>,
    seen: HashSet<String>,
}

/// How a server answers Locate, as far as it was seen in this process.
#[derive(Debug, Default)]
pub struct Habits(Mutex<Seen>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// Whether Offset Items leads to the next page.
    pages: Option<bool>,
    /// The most objects that one answer had: it gives that many at least.
    most: usize,
    /// How many to ask for at once, where the answer is too large otherwise.
    limit: Option<u32>,
    /// It refuses Get Attributes of named ones.
    only_all_attributes: bool,
}

/// Asks a server.
pub struct Search<'a> {
    /// Whom to ask.
    pub client: &'a Client,
    /// Until when.
    pub deadline: Instant,
    /// For the errors.
    pub failures: &'a Failures,
    /// What is known of the server.
    pub habits: &'a Habits,
}

/// One answer to Locate.
struct Page {
    ids: Vec<String>,
    /// How many there are in all, if the server says so.
    total: Option<usize>,
}

/// What came of one question.
type Answered = std::result::Result<Page, Refusal>;

impl Question {
    /// The objects of a kind. PyKMIP fails on some filters unless the kind is told, and first.
    pub fn about(kind: ObjectType) -> Self {
        Self {
            kind: Some(kind),
            narrower: vec![],
        }
    }

    /// All objects of any kind.
    fn anything() -> Self {
        Self {
            kind: None,
            narrower: vec![],
        }
    }

    /// Those of them that have these attributes as well.
    pub fn with(&self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        let mut narrower = self.clone();
        narrower.narrower.extend(attributes);
        narrower
    }

    /// As it is sent, for `limit` objects at most, without the first `offset`.
    pub fn request(&self, limit: Option<u32>, offset: usize) -> Request {
        let kind = self.kind.map(Attribute::ObjectType);
        Request::Locate {
            filters: kind.into_iter().chain(self.narrower.clone()).collect(),
            maximum_items: limit,
            offset_items: u32::try_from(offset).ok().filter(|offset| *offset > 0),
            storage_status: None,
            group_member: None,
        }
    }
}

impl Hits {
    fn of(ids: Vec<String>) -> Self {
        let mut hits = Self::default();
        hits.take(ids);
        hits
    }

    /// Takes what is new, without what no server in its right mind gives: it will be in requests,
    /// messages and on terminals, and an empty one would mean whatever was made last. How many were
    /// known before.
    fn take(&mut self, ids: Vec<String>) -> usize {
        let mut known = 0;
        for id in ids {
            if !is_plain(&id) {
                continue;
            }
            match self.seen.insert(id.clone()) {
                true => self.ids.push(id),
                false => known += 1,
            }
        }
        known
    }
}

fn is_plain(id: &str) -> bool {
    (1..=1024).contains(&id.len()) && !id.chars().any(char::is_control)
}

impl Habits {
    fn saw(&self, page: &Page) {
        let mut seen = self.0.lock();
        seen.most = seen.most.max(page.ids.len());
    }

    fn saw_pages(&self, there_are: bool) {
        self.0.lock().pages = Some(there_are);
    }

    /// Whether Get Attributes may name what is wanted.
    pub fn take_names(&self) -> bool {
        !self.known().only_all_attributes
    }

    /// The server refused names that it should know.
    pub fn refused_names(&self) {
        log::debug!("the server tells all attributes of an object or none");
        self.0.lock().only_all_attributes = true;
    }

    fn known(&self) -> Seen {
        *self.0.lock()
    }
}

impl Search<'_> {
    /// All questions at once; one more message where an answer may be cut. What the server refuses
    /// is its refusal. Of the last `glimpses` questions the first answer is enough.
    pub fn all(
        &self,
        questions: &[Question],
        glimpses: usize,
    ) -> Result<Vec<std::result::Result<Hits, Refusal>>> {
        let first = self.pages_of(questions, 0)?;
        let followed = questions.len().saturating_sub(glimpses);
        let mut all = vec![];
        for (place, (question, page)) in questions.iter().zip(first).enumerate() {
            all.push(match page {
                Ok(page) if place < followed => Ok(self.followed(question, page)?),
                Ok(page) => Ok(Hits::of(page.ids)),
                Err(refusal) => Err(refusal),
            });
        }
        Ok(all)
    }

    /// Whatever comes after the first answer.
    fn followed(&self, question: &Question, first: Page) -> Result<Hits> {
        let (length, total) = (first.ids.len(), first.total);
        let mut hits = Hits::of(first.ids);
        let told = total.is_some_and(|total| total > length);
        // Another answer of this server was longer: it would have given more, were there more.
        let cut_elsewhere = length >= self.habits.known().most;
        if !told && (length < SHORTEST_CUT || !cut_elsewhere) {
            return Ok(hits);
        }
        if !self.by_pages(question, length, &mut hits)? {
            self.by_parts(question, length, &mut hits)?;
        }
        let missing = total.unwrap_or_default().saturating_sub(hits.ids.len());
        if missing > 0 && hits.cut.is_none() {
            hits.cut = Some(format!(
                "the server says that there are {missing} more, and gives {} of them",
                hits.ids.len()
            ));
        }
        Ok(hits)
    }

    /// The same page of several questions, in one message.
    fn pages_of(&self, questions: &[Question], offset: usize) -> Result<Vec<Answered>> {
        let places: Vec<_> = questions
            .iter()
            .map(|question| (question, offset))
            .collect();
        self.ask(&places)
    }

    /// Questions, each from an offset on. Once more for fewer objects, if all are too many.
    fn ask(&self, places: &[(&Question, usize)]) -> Result<Vec<Answered>> {
        let answers = self.ask_for(self.habits.known().limit, places)?;
        let too_large = |answer: &Answered| {
            let refusal = answer.as_ref().err();
            refusal.is_some_and(|it| it.reason == ResultReason::RESPONSE_TOO_LARGE)
        };
        match self.habits.known().limit {
            None if answers.iter().any(too_large) => {
                self.habits.0.lock().limit = Some(FITTING);
                self.ask_for(Some(FITTING), places)
            }
            _ => Ok(answers),
        }
    }

    fn ask_for(&self, limit: Option<u32>, places: &[(&Question, usize)]) -> Result<Vec<Answered>> {
        let requests = places
            .iter()
            .map(|(question, offset)| question.request(limit, *offset));
        let requests: Vec<_> = requests.collect();
        let answers = match self.client.call_within(self.deadline, &requests) {
            Ok(answers) => answers,
            Err(error) => match as_refusal(&error) {
                Some(refusal) => requests.iter().map(|_| Err(refusal.clone())).collect(),
                None => return Err(self.failures.call(&error)),
            },
        };
        answers.into_iter().map(|one| self.page(one)).collect()
    }

    fn page(&self, answer: Answer) -> Result<Answered> {
        match answer {
            Ok(Response::Locate { ids, located_items }) => {
                let total = located_items.and_then(|total| usize::try_from(total).ok());
                let page = Page { ids, total };
                self.habits.saw(&page);
                Ok(Ok(page))
            }
            Ok(_) => Err(self.failures.unexpected("Locate")),
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// A failure that is about what was asked: the version in use has no words for it, or the answer is
/// too large.
fn as_refusal(error: &Error) -> Option<Refusal> {
    match &error.kind {
        ErrorKind::Unencodable(_) => Some(unencodable(error)),
        ErrorKind::TooLarge { .. } => Some(Refusal {
            operation: None,
            status: Some(ResultStatus::OPERATION_FAILED),
            reason: ResultReason::RESPONSE_TOO_LARGE,
            message: error.to_string(),
        }),
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
        let mut hits = Hits::default();
        assert_eq!(
            (hits.take(ids.into()), hits.ids),
            (2, vec!["2".into(), "1".to_owned()])
        );
    }
}
