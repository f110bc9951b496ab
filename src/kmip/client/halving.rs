//! Halving: one object that a server chokes on must not hide the others.

use super::effort::Effort;
use super::{Answer, Client};
use crate::kmip::enums::ResultReason;
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::refusal::Refusal;
use crate::kmip::request::Request;

impl Client {
    /// The whole batch, in halves if it has to be.
    pub(super) fn whole(
        &self,
        effort: Effort<'_>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        match (self.attempt(effort, requests), requests) {
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
                self.halves(effort, requests, &error)
            }
            (result, _) => result,
        }
    }

    /// If neither half is answered, the server is at fault and none of the requests: that is the error.
    fn halves(
        &self,
        effort: Effort<'_>,
        requests: &[Request],
        reason: &Error,
    ) -> Result<Vec<Answer>, Error> {
        log::debug!("{reason}; sending {} requests in halves", requests.len());
        let (first, second) = requests.split_at(requests.len() / 2);
        let first_half = match self.whole(effort, first) {
            Err(error) if !is_partial(&error, first) => return Err(error),
            result => result,
        };
        match (first_half, self.whole(effort, second)) {
            (Err(error), Err(_)) => Err(error),
            (_, Err(error)) if !is_partial(&error, second) => Err(error),
            (first_half, second_half) => {
                let mut answers = answers_to(first, first_half);
                answers.extend(answers_to(second, second_half));
                Ok(answers)
            }
        }
    }
}

/// What is wrong with a part of a batch is the refusal of each request in it.
fn answers_to(requests: &[Request], result: Result<Vec<Answer>, Error>) -> Vec<Answer> {
    result.unwrap_or_else(|error| {
        let refusals = requests.iter().map(|one| Err(as_refusal(&error.kind, one)));
        refusals.collect()
    })
}

/// Whether the failure may come from one request, and all may be sent again.
fn may_help(error: &Error, requests: &[Request]) -> bool {
    let may_be_one = match &error.kind {
        ErrorKind::Refused(refusal) => may_be_one_request(refusal),
        ErrorKind::Malformed { .. } | ErrorKind::TooLarge { .. } => true,
        // A header is the same for every part.
        ErrorKind::Unencodable(reason) => reason.operation.is_some(),
        // Content too large, or a server that fails over what is in it.
        ErrorKind::HttpStatus { status, .. } => [413, 500].contains(status),
        _ => false,
    };
    may_be_one && requests.iter().all(Request::may_be_repeated)
}

/// Whether the other parts of the batch can have answers all the same.
fn is_partial(error: &Error, requests: &[Request]) -> bool {
    may_help(error, requests) || matches!(error.kind, ErrorKind::GaveUp { .. })
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
