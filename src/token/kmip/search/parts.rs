//! An answer that may be cut, put together from the answers to narrower questions.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Hits, Question, Search};
use crate::error::Result;
use crate::kmip::{Attribute, CryptographicAlgorithm as Algorithm, State};

/// The ways to divide a question, those first that most servers know. Each object falls into one
/// part of each at most.
const WAYS: [fn() -> Vec<Attribute>; 3] = [algorithms, lengths, states];

/// Questions asked to divide one; a server that gives three objects at once is not listed whole.
const QUESTIONS: usize = 4096;

fn algorithms() -> Vec<Attribute> {
    let all = [
        Algorithm::RSA,
        Algorithm::EC,
        Algorithm::ECDSA,
        Algorithm::ECDH,
        Algorithm::ED25519,
        Algorithm::MLDSA_44,
        Algorithm::MLDSA_65,
        Algorithm::MLDSA_87,
    ];
    all.map(Attribute::CryptographicAlgorithm).into()
}

fn lengths() -> Vec<Attribute> {
    [256, 384, 521, 2048, 3072, 4096]
        .map(Attribute::CryptographicLength)
        .into()
}

fn states() -> Vec<Attribute> {
    let all = [
        State::ACTIVE,
        State::PRE_ACTIVE,
        State::DEACTIVATED,
        State::COMPROMISED,
    ];
    all.map(Attribute::State).into()
}

/// A question whose answer had as many objects as the server gives at most.
struct Cut {
    question: Question,
    /// The next of the ways to try.
    way: usize,
}

impl Search<'_> {
    /// Divides a question whose answer had `length` objects until no part has as many. Before that,
    /// all objects are asked for: if these are more, nothing was cut.
    pub(super) fn by_parts(&self, question: &Question, length: usize, hits: &mut Hits) -> Result {
        self.pages_of(&[Question::anything()], 0)?;
        if length < self.habits.known().most {
            return Ok(());
        }
        let mut asked = 0;
        let mut cuts = vec![Cut {
            question: question.clone(),
            way: 0,
        }];
        while let Some(cut) = cuts.pop() {
            let Some(way) = WAYS.get(cut.way) else {
                if !self.by_dates(&cut.question, length, hits)? {
                    hits.cut = Some(cut_at(length));
                }
                continue;
            };
            let parts = way().into_iter().map(|part| cut.question.with([part]));
            let parts: Vec<_> = parts.collect();
            asked += parts.len();
            if asked > QUESTIONS {
                hits.cut = Some(cut_at(length));
                break;
            }
            cuts.extend(self.still_cut(cut, &parts, length, hits)?);
        }
        Ok(())
    }

    /// The parts that are as long as the whole was; the whole itself, to be divided in another way,
    /// if the server does not look at what divides them.
    fn still_cut(
        &self,
        cut: Cut,
        parts: &[Question],
        length: usize,
        hits: &mut Hits,
    ) -> Result<Vec<Cut>> {
        let way = cut.way + 1;
        let mut first: Vec<String> = vec![];
        let (mut heeded, mut long) = (true, vec![]);
        for (part, answer) in parts.iter().zip(self.pages_of(parts, 0)?) {
            let Ok(page) = answer else {
                heeded = false;
                continue;
            };
            // Parts have nothing in common; a server that ignores the filter gives the same again.
            first.extend(page.ids.first().cloned());
            if page.ids.len() >= length {
                long.push(part.clone());
            }
            hits.take(page.ids);
        }
        let some = first.len();
        first.sort();
        first.dedup();
        heeded &= first.len() == some;
        if !heeded {
            long = vec![cut.question];
        }
        let cuts = long.into_iter().map(|question| Cut { question, way });
        Ok(cuts.collect())
    }

    /// Divides by the time at which the objects were made; false if the server does not look at it,
    /// or made too many in one second.
    fn by_dates(&self, question: &Question, length: usize, hits: &mut Hits) -> Result<bool> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs().cast_signed());
        // A minute more, since the server's clock may be ahead.
        let end = now + 60;
        let empty = self.between(question, end + 86_400, end + 2 * 86_400)?;
        if empty.is_none_or(|ids| !ids.is_empty()) {
            return Ok(false);
        }
        let (mut spans, mut halved) = (vec![(0, end)], 0);
        while let Some((from, to)) = spans.pop() {
            let ids = self.between(question, from, to)?.unwrap_or_default();
            halved += 1;
            let is_long = ids.len() >= length;
            hits.take(ids);
            if !is_long {
                continue;
            }
            if from == to || halved > QUESTIONS {
                return Ok(false);
            }
            let middle = from + (to - from) / 2;
            spans.extend([(from, middle), (middle + 1, to)]);
        }
        Ok(true)
    }

    /// Those made in these seconds, both included (KMIP 2.1, 6.1.27: two dates are a range).
    fn between(&self, question: &Question, from: i64, to: i64) -> Result<Option<Vec<String>>> {
        let dated = question.with([from, to].map(Attribute::InitialDate));
        let mut answers = self.pages_of(&[dated], 0)?.into_iter();
        Ok(answers
            .next()
            .and_then(std::result::Result::ok)
            .map(|page| page.ids))
    }
}

fn cut_at(length: usize) -> String {
    format!("the server gives {length} objects at most and no way to get the rest")
}
