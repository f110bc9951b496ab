//! Negotiation: the version both sides speak, and what the server can do, found without a flight of their own.
//!
//! While nothing is known, Discover Versions and Query travel ahead of the caller's requests in one message of KMIP 1.4, which
//! most servers understand. Only a server that refuses that message is asked again, in other versions.

use super::attempt::Line;
use super::effort::Effort;
use super::{Answer, Client};
use crate::kmip::enums::{QueryFunction, ResultReason};
use crate::kmip::error::{Error, ErrorKind};
use crate::kmip::message::{Content, Reply, check_credentials};
use crate::kmip::refusal::Refusal;
use crate::kmip::request::{Request, Unencodable};
use crate::kmip::response::{Capabilities, Response};
use crate::kmip::version::Version;
use std::sync::Arc;

/// What a server told about itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ServerInfo {
    /// The versions it speaks, if it said so.
    pub versions: Vec<Version>,
    /// What it can do, if it said so.
    pub capabilities: Capabilities,
}

/// What is known of a server.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    pub version: Version,
    pub info: ServerInfo,
    /// Whether the server has been asked what it can do.
    queried: bool,
}

impl Agreement {
    fn new(version: Version, versions: Vec<Version>) -> Agreement {
        Agreement {
            version,
            info: ServerInfo {
                versions,
                ..ServerInfo::default()
            },
            queried: false,
        }
    }

    fn with(&self, query: Option<&Option<Answer>>) -> Agreement {
        let mut known = Agreement {
            queried: true,
            ..self.clone()
        };
        if let Some(Some(Ok(Response::Query(capabilities)))) = query {
            known.info.capabilities = capabilities.clone();
        }
        known
    }
}

/// The version of the first message, and those in which Discover Versions is tried after it.
const FIRST: Version = Version::V1_4;
const NEXT: [Version; 3] = [Version::V1_1, Version::V2_1, Version::V2_0];

fn query() -> Request {
    Request::Query {
        functions: vec![
            QueryFunction::QUERY_OPERATIONS,
            QueryFunction::QUERY_SERVER_INFORMATION,
        ],
    }
}

impl Client {
    /// The batch over one connection, with whatever has to be asked before.
    pub(super) fn converse(
        &self,
        line: Line,
        effort: Effort<'_>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let fixed = self
            .settings
            .version
            .map(|version| Arc::new(Agreement::new(version, Vec::new())));
        match self.agreement(line.seat.server).or(fixed) {
            Some(agreement) => self.speak(line, effort, &agreement, requests),
            None => self.negotiate(line, effort, requests),
        }
    }

    /// The batch in the agreed version; Query goes with it if the server has not been asked.
    fn speak(
        &self,
        line: Line,
        effort: Effort<'_>,
        agreement: &Agreement,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let server = line.seat.server;
        let expressible = |request: &Request| request.check_expressible(agreement.version);
        let header = check_credentials(&self.settings.credentials, agreement.version);
        if let Err(reason) = header.and_then(|()| requests.iter().try_for_each(expressible)) {
            return Err(self.unencodable(line, agreement, reason));
        }
        let query = query();
        let asks = !agreement.queried && requests.iter().all(Request::may_be_repeated);
        let items: Vec<&Request> = asks.then_some(&query).into_iter().chain(requests).collect();
        let (Reply { content, .. }, line) =
            self.exchange(line, effort, agreement.version, &items)?;
        match content {
            Content::Answers(answers) => {
                let (ahead, answers) = split(answers, usize::from(asks));
                if asks {
                    self.remember(server, agreement.with(ahead.first()));
                } else if agreement.queried
                    && self.agreement(server).is_none_or(|known| !known.queried)
                {
                    self.remember(server, agreement.clone());
                }
                if asks && is_empty(&answers) {
                    return self.speak(line, effort, &agreement.with(None), requests);
                }
                self.pool.put(line);
                self.complete(server, answers)
            }
            Content::Refused(refusal) if asks && !is_final(&refusal) => {
                let known = agreement.with(None);
                self.speak(line, effort, &known, requests)
            }
            Content::Refused(refusal) => self.refused(line, refusal, requests),
        }
    }

    /// The first message to a server.
    fn negotiate(
        &self,
        line: Line,
        effort: Effort<'_>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let server = line.seat.server;
        let together = requests
            .iter()
            .all(|request| request.may_be_repeated() && request.check_expressible(FIRST).is_ok());
        let ahead = [Request::DiscoverVersions, query()];
        let items: Vec<&Request> = ahead
            .iter()
            .chain(if together { requests } else { &[] })
            .collect();
        match self.exchange(line, effort, FIRST, &items) {
            Ok((
                Reply {
                    content: Content::Answers(answers),
                    version,
                },
                line,
            )) => {
                let (ahead, answers) = split(answers, ahead.len());
                let agreement = agree(ahead.first(), version)
                    .map_err(|kind| kind.at(&self.server_name(server)))?;
                let agreement = self.remember(server, agreement.with(ahead.get(1)));
                if !together || is_empty(&answers) {
                    return self.speak(line, effort, &agreement, requests);
                }
                self.pool.put(line);
                self.complete(server, answers)
            }
            Ok((
                Reply {
                    content: Content::Refused(refusal),
                    ..
                },
                line,
            )) if is_final(&refusal) => self.refused(line, refusal, requests),
            Ok((_, line)) => self.negotiate_alone(server, Some(line), effort, requests),
            // Some servers close the connection on a version they do not know.
            Err(error)
                if matches!(error.kind, ErrorKind::Closed { .. })
                    && !effort.deadline.has_passed() =>
            {
                self.negotiate_alone(server, None, effort, requests)
                    .map_err(|later| earlier(error, later))
            }
            Err(error) => Err(error),
        }
    }

    /// Discover Versions alone, in one version after the other that can carry our credentials; a server that refuses it in all of them is taken for one of
    /// KMIP 1.0. One that only closes connections is not: it may be overloaded, and would be taken for the wrong one for long.
    fn negotiate_alone(
        &self,
        server: usize,
        mut line: Option<Line>,
        effort: Effort<'_>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let (mut refused, mut closed) = (line.is_some(), None);
        let credentials = &self.settings.credentials;
        let can_say_who = |version: &Version| check_credentials(credentials, *version).is_ok();
        for version in NEXT.into_iter().filter(can_say_who) {
            let open = line
                .take()
                .map_or_else(|| self.reconnect(server, effort.deadline), Ok)?;
            match self.exchange(open, effort, version, &[&Request::DiscoverVersions]) {
                Ok((
                    Reply {
                        content: Content::Answers(answers),
                        ..
                    },
                    open,
                )) if is_success(answers.first()) => {
                    let agreement = agree(answers.first(), None)
                        .map_err(|kind| kind.at(&self.server_name(server)))?;
                    let agreement = self.remember(server, agreement);
                    return self.speak(open, effort, &agreement, requests);
                }
                Ok((_, open)) => (refused, line) = (true, Some(open)),
                Err(error) if matches!(error.kind, ErrorKind::Closed { .. }) => {
                    log::debug!("{error}");
                    closed = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let open = match (line, closed) {
            (Some(open), _) => open,
            (None, Some(error)) if !refused => return Err(error),
            (None, _) => self.reconnect(server, effort.deadline)?,
        };
        self.speak(
            open,
            effort,
            &Agreement::new(Version::V1_0, Vec::new()),
            requests,
        )
    }

    fn remember(&self, server: usize, agreement: Agreement) -> Arc<Agreement> {
        let agreement = Arc::new(agreement);
        if let Some(place) = self.agreements.get(server) {
            log::debug!(
                "server {} speaks KMIP {}",
                self.server_name(server),
                agreement.version
            );
            *place.lock() = Some(Arc::clone(&agreement));
        }
        agreement
    }

    /// A whole message refused. It may be the version, if the server is not the one it was: next time it is asked again.
    /// Of several requests it is more likely one that is at fault, and they will be sent again in parts.
    fn refused(
        &self,
        line: Line,
        refusal: Refusal,
        requests: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let server = line.seat.server;
        self.pool.put(line);
        let may_be_version = refusal.reason == ResultReason::UNSUPPORTED_PROTOCOL_VERSION
            || (refusal.reason == ResultReason::INVALID_MESSAGE && requests.len() == 1);
        if let Some(place) = self.agreements.get(server).filter(|_| may_be_version) {
            *place.lock() = None;
        }
        Err(ErrorKind::Refused(refusal).at(&self.server_name(server)))
    }

    /// Nothing was sent, so the connection stays good. A version that the server did not name may have been found in a bad
    /// moment: the next call asks again.
    fn unencodable(&self, line: Line, agreement: &Agreement, reason: Unencodable) -> Error {
        let server = line.seat.server;
        self.pool.put(line);
        if let Some(place) = self.agreements.get(server)
            && agreement.info.versions.is_empty()
        {
            *place.lock() = None;
        }
        ErrorKind::Unencodable(reason).at(&self.server_name(server))
    }

    /// All answers, or an error if the server left one out.
    fn complete(&self, server: usize, answers: Vec<Option<Answer>>) -> Result<Vec<Answer>, Error> {
        let asked = answers.len();
        let present: Vec<Answer> = answers.into_iter().flatten().collect();
        if present.len() == asked {
            return Ok(present);
        }
        let what = format!("{} of {asked} requests are answered", present.len());
        Err(ErrorKind::Malformed { what }.at(&self.server_name(server)))
    }
}

/// The answers to what went ahead, and the caller's.
fn split(
    mut answers: Vec<Option<Answer>>,
    ahead: usize,
) -> (Vec<Option<Answer>>, Vec<Option<Answer>>) {
    let callers = answers.split_off(ahead.min(answers.len()));
    (answers, callers)
}

/// The version to use from now on: the highest common one; if the server knows no Discover Versions, the one it answered in.
fn agree(
    discovered: Option<&Option<Answer>>,
    answered_in: Option<Version>,
) -> Result<Agreement, ErrorKind> {
    let Some(Some(Ok(Response::DiscoverVersions { versions }))) = discovered else {
        let known = answered_in.filter(|version| Version::KNOWN.contains(version));
        return Ok(Agreement::new(known.unwrap_or(Version::V1_0), Vec::new()));
    };
    match Version::highest_common(versions) {
        Some(version) => Ok(Agreement::new(version, versions.clone())),
        None => Err(ErrorKind::VersionUnsupported {
            offered: versions.clone(),
        }),
    }
}

/// Whether a server that takes no batches has answered only what went ahead.
fn is_empty(answers: &[Option<Answer>]) -> bool {
    answers.iter().all(Option::is_none)
}

fn is_success(answer: Option<&Option<Answer>>) -> bool {
    matches!(answer, Some(Some(Ok(_))))
}

/// No other message would be answered otherwise.
fn is_final(refusal: &Refusal) -> bool {
    refusal.reason == ResultReason::AUTHENTICATION_NOT_SUCCESSFUL
}

/// Of two failures in a row the first says more, unless it was only that the connection ended.
fn earlier(first: Error, later: Error) -> Error {
    if matches!(later.kind, ErrorKind::Closed { .. }) {
        first
    } else {
        later
    }
}
