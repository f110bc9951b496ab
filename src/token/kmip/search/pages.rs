//! The pages of an answer, by Offset Items (KMIP 1.3 and later).

use super::{Answered, Hits, Question, Search};
use crate::error::Result;

/// Pages asked for in one message, once it is known that there are some.
const PAGES: usize = 8;

/// More pages than these are not asked for: a million objects of a server that gives 100 at once.
const MOST_PAGES: usize = 10_000;

/// What a message of pages brought.
#[derive(Default)]
struct Progress {
    /// Identifiers that were not known.
    new: usize,
    /// Identifiers that were known: the pages shift, or there are none.
    known: usize,
    /// A page was not full, or empty.
    ended: bool,
}

impl Search<'_> {
    /// Follows the pages, the first of which had `length` objects and is known; false if the server
    /// has none. A page that brings only what is known is the last one. What is made meanwhile
    /// comes at the front on some servers and shifts the rest: then the first page is read again.
    pub(super) fn by_pages(
        &self,
        question: &Question,
        length: usize,
        hits: &mut Hits,
    ) -> Result<bool> {
        if length == 0 || self.habits.known().pages == Some(false) {
            return Ok(false);
        }
        let (mut shifted, mut at_once) = (false, 1);
        for _ in 0..MOST_PAGES {
            let answers = self.next_pages(question, length, hits.ids.len(), at_once)?;
            let Some(progress) = self.taken(answers, length, hits) else {
                return Ok(false);
            };
            shifted |= progress.known > 0;
            at_once = PAGES;
            if progress.ended || progress.new == 0 {
                break;
            }
        }
        if shifted {
            self.first_again(question, hits)?;
        }
        Ok(true)
    }

    fn next_pages(
        &self,
        question: &Question,
        length: usize,
        offset: usize,
        at_once: usize,
    ) -> Result<Vec<Answered>> {
        let offsets = (0..at_once).map(|place| offset + place * length);
        let places: Vec<_> = offsets.map(|offset| (question, offset)).collect();
        self.ask(&places)
    }

    /// None if this server has no pages: it refuses, or gives the same again.
    fn taken(&self, answers: Vec<Answered>, length: usize, hits: &mut Hits) -> Option<Progress> {
        let mut progress = Progress::default();
        for answer in answers {
            let Ok(page) = answer else {
                return self.without_pages();
            };
            let (received, before) = (page.ids.len(), hits.ids.len());
            let known = hits.take(page.ids);
            if self.habits.known().pages.is_none() {
                if received >= length && 2 * known > received {
                    return self.without_pages();
                }
                self.habits.saw_pages(true);
            }
            progress.known += known;
            progress.new += hits.ids.len() - before;
            progress.ended |= received < length;
        }
        Some(progress)
    }

    fn without_pages<T>(&self) -> Option<T> {
        if self.habits.known().pages.is_none() {
            log::debug!("the server has no pages for Locate");
            self.habits.saw_pages(false);
        }
        None
    }

    fn first_again(&self, question: &Question, hits: &mut Hits) -> Result {
        for page in self
            .pages_of(std::slice::from_ref(question), 0)?
            .into_iter()
            .flatten()
        {
            hits.take(page.ids);
        }
        Ok(())
    }
}
