//! Verdicts: what a try has shown of its server, and whether there has to be another one.

use super::attempt::are_repeatable;
use super::effort::Effort;
use super::{Answer, Client};
use crate::kmip::enums::ResultReason;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::refusal::Refusal;
use crate::kmip::request::Request;
use std::time::Instant;

/// The tries of one attempt.
#[derive(Default)]
pub(super) struct Course {
    /// Servers that this attempt has met and is done with.
    pub failed: Vec<usize>,
    /// The batch went out so many times, and last to this server.
    pub sent: usize,
    pub last: usize,
    /// The last server may be tried a second time, once.
    pub second: bool,
    /// An idle connection failed: from now on only new ones are used.
    pub fresh: bool,
}

impl Course {
    /// Servers that are not to be asked count as if they had failed.
    pub fn avoiding(servers: &[usize]) -> Self {
        Self {
            failed: servers.to_vec(),
            ..Self::default()
        }
    }
}

/// Where a try went, and what came of it.
pub(super) struct Try {
    pub server: usize,
    /// Over a connection that had been idle.
    pub was_idle: bool,
    /// There was a connection, and the batch may have left.
    pub sent: bool,
    /// There was so little time that to be late is no fault of the server.
    pub hasty: bool,
    pub result: Whole,
}

/// The answers to a whole batch, or why there are none.
pub(super) type Whole = Result<Vec<Answer>, Error>;

impl Client {
    /// Whether there has to be another try; remembers what this one showed of the server.
    pub(super) fn judge(
        &self,
        effort: Effort<'_>,
        course: &mut Course,
        tried: &Try,
        requests: &[Request],
    ) -> bool {
        if let Some(refusal) = self.overload(&tried.result) {
            self.blame(tried, &format!("is overloaded: {refusal}"));
            course.failed.push(tried.server);
            return is_untouched(&tried.result, requests) && self.group.left(&course.failed) > 0;
        }
        match &tried.result {
            Err(error) if self.another_may_do_better(error) => {
                self.pool.forget(tried.server);
                course.fresh = true;
                // That an idle connection was closed says nothing of the server.
                if !(tried.was_idle && matches!(error.kind, ErrorKind::Closed { .. })) {
                    self.blame(tried, &error.kind.to_string());
                    course.failed.push(tried.server);
                }
                is_harmless(effort, &error.kind, requests)
                    && !effort.deadline.has_passed()
                    && self.goes_on(course)
            }
            // It has spoken, if not well.
            _ => {
                self.praise(tried.server);
                false
            }
        }
    }

    /// Whether a server is left to be tried. The last one counts once more if the batch reached no other; but a first contact
    /// tries several connections by itself, and has then learnt that none is better.
    fn goes_on(&self, course: &mut Course) -> bool {
        if self.group.left(&course.failed) > 0 {
            return true;
        }
        let several = self.settings.servers.len() > 1;
        let acquainted = self.settings.version.is_some() || self.agreement(course.last).is_some();
        let again = course.sent == 1 && !course.second && (acquainted || several);
        if again {
            course.second = true;
            course.failed.retain(|server| *server != course.last);
        }
        again
    }

    /// The refusal that says that a server has enough to do, if there are others.
    fn overload<'a>(&self, result: &'a Whole) -> Option<&'a Refusal> {
        let refusal = match result {
            Ok(answers) => answers
                .iter()
                .find_map(|answer| answer.as_ref().err().filter(is_overload)),
            Err(Error {
                kind: ErrorKind::Refused(refusal),
                ..
            }) => Some(refusal).filter(is_overload),
            Err(_) => None,
        };
        refusal.filter(|_| self.settings.servers.len() > 1)
    }

    pub(super) fn blame(&self, tried: &Try, reason: &str) {
        let late = matches!(
            &tried.result,
            Err(Error {
                kind: ErrorKind::Timeout { .. },
                ..
            })
        );
        if late && tried.hasty {
            return;
        }
        let pause = self.group.fails(tried.server, reason, Instant::now());
        if let (Some(pause), [_, _, ..]) = (pause, self.settings.servers.as_slice()) {
            let name = self.server_name(tried.server);
            log::warn!("server {name} {reason}; it is skipped for {pause:.1?}");
        }
    }

    pub(super) fn praise(&self, server: usize) {
        if let (Some(trouble), [_, _, ..]) =
            (self.group.works(server), self.settings.servers.as_slice())
        {
            let name = self.server_name(server);
            log::info!(
                "server {name} serves again after {} failures",
                trouble.failures
            );
        }
    }
}

/// Whether the requests may be sent again after this failure: they do no harm twice, or were certainly not acted upon.
fn is_harmless(effort: Effort<'_>, kind: &ErrorKind, requests: &[Request]) -> bool {
    // With a TLS error it depends on when it came, which it does not say.
    let certain = !kind.may_have_happened() && !matches!(kind, ErrorKind::Tls { .. });
    are_repeatable(requests) || !effort.is_committed() || certain
}

/// The same for a server that refused some of them.
fn is_untouched(result: &Whole, requests: &[Request]) -> bool {
    let refused = |answer: &Answer| matches!(answer, Err(refusal) if is_overload(&refusal));
    let none_done = |answers: &Vec<Answer>| answers.iter().all(refused);
    are_repeatable(requests) || result.as_ref().map_or(true, none_done)
}

fn is_overload(refusal: &&Refusal) -> bool {
    refusal.reason == ResultReason::SERVER_LIMIT_EXCEEDED
}
