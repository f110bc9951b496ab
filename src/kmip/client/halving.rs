//! Halving: one object that a server chokes on must not hide the others.

use super::{Answer, Client};
use crate::kmip::deadline::Deadline;
use crate::kmip::enums::ResultReason;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::refusal::Refusal;
use crate::kmip::request::Request;

impl Client {
    /// The whole batch, in halves if it has to be.
    pub(super) fn whole(
        &self,
        deadline: Deadline,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        match (self.attempt(deadline, requests), requests) {
            // A message of one request is refused as that request.
            (
                Err(Error {
                    kind: ErrorKind::Refused(refusal),
                    ..
                }),
                [only],
            ) if may_be_one_request(&refusal) => Ok(vec![Err(Refusal {
                operation: Some(only.operation()),
                ..refusal
            })]),
            (Err(error), [_, _, ..]) if may_help(&error, requests) => {
                self.halves(deadline, requests, &error)
            }
            (result, _) => result,
        }
    }

    fn halves(
        &self,
        deadline: Deadline,
        requests: &[Request],
        reason: &Error,
    ) -> Result<Vec<Answer>, Error> {
        log::debug!("{reason}; sending {} requests in halves", requests.len());
        let (first, second) = requests.split_at(requests.len() / 2);
        let mut answers = self.part(deadline, first)?;
        answers.extend(self.part(deadline, second)?);
        Ok(answers)
    }

    /// A part of a batch: what is wrong with its last request alone is that request's refusal.
    fn part(&self, deadline: Deadline, requests: &[Request]) -> Result<Vec<Answer>, Error> {
        match (self.whole(deadline, requests), requests) {
            (Err(error), [only]) if may_help(&error, requests) => {
                Ok(vec![Err(as_refusal(&error.kind, only))])
            }
            (result, _) => result,
        }
    }
}

/// Whether the failure may come from one request, and all may be sent again.
fn may_help(error: &Error, requests: &[Request]) -> bool {
    let may_be_one = match &error.kind {
        ErrorKind::Refused(refusal) => may_be_one_request(refusal),
        ErrorKind::Malformed { .. } | ErrorKind::TooLarge { .. } | ErrorKind::Unencodable(_) => {
            true
        }
        _ => false,
    };
    may_be_one && requests.iter().all(Request::may_be_repeated)
}

/// A client that is not let in is not let in with half a batch either.
fn may_be_one_request(refusal: &Refusal) -> bool {
    !matches!(
        refusal.reason,
        ResultReason::AUTHENTICATION_NOT_SUCCESSFUL | ResultReason::UNSUPPORTED_PROTOCOL_VERSION
    )
}

fn as_refusal(kind: &ErrorKind, request: &Request) -> Refusal {
    let reason = match kind {
        ErrorKind::TooLarge { .. } => ResultReason::RESPONSE_TOO_LARGE,
        _ => ResultReason::GENERAL_FAILURE,
    };
    Refusal::new(
        Some(request.operation()),
        reason,
        &format!("the server {kind}"),
    )
}
