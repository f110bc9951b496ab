//! The answer to a POST request: a head and a body, both bounded however they are framed.

use super::refused;
use crate::kmip::connection::channel::Channel;
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{ErrorKind, Phase};
use crate::kmip::wiped::{self, Wiped};
use std::time::{Duration, Instant};
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult};
use ureq_proto::http::header::CONTENT_TYPE;
use ureq_proto::http::{Response, StatusCode};
use zeroize::Zeroizing;

/// Bytes that a head, or the lines between chunks, may have.
const LONGEST_HEAD: usize = 16 << 10;
/// Bytes read at once.
const PIECE: usize = 4 << 10;
/// Bytes of a refusal that are read for its first words, and how long they are waited for.
const WORDS: usize = 1 << 10;
const PATIENCE: Duration = Duration::from_millis(200);

/// A body, and whether another request may follow on the same connection.
pub(super) struct Answer {
    pub body: Wiped,
    pub stays_open: bool,
    /// How long the server keeps the connection without a request, if it says so.
    pub kept_for: Option<Duration>,
}

/// An answer that is being read.
pub(super) struct Incoming<'a> {
    channel: &'a mut Channel,
    limit: usize,
    deadline: Deadline,
    /// What has come in and is not yet understood.
    input: Wiped,
    /// All that has come in.
    total: usize,
}

impl<'a> Incoming<'a> {
    pub fn new(channel: &'a mut Channel, limit: usize, deadline: Deadline) -> Incoming<'a> {
        Incoming {
            channel,
            limit,
            deadline,
            input: Wiped::default(),
            total: 0,
        }
    }

    /// The body of an answer with status 200; any other status is an error.
    pub fn receive(
        mut self,
        mut call: Call<RecvResponse>,
        path: &str,
    ) -> Result<Answer, ErrorKind> {
        let head = self.head(&mut call)?;
        let next = call.proceed();
        if head.status() != StatusCode::OK {
            return Err(refused::why(&head, path, &self.words(next)));
        }
        if is_web_page(&head) {
            return Err(malformed(format!(
                "a web page and no KMIP message; is {path} the right path?"
            )));
        }
        let mut body = Wiped::default();
        let closes = match next {
            Some(RecvResponseResult::RecvBody(mut call)) => {
                self.body(&mut call, &mut body)?;
                match call.proceed() {
                    Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
                    _ => true,
                }
            }
            _ => true, // the empty body is refused where it is decoded
        };
        Ok(Answer {
            stays_open: self.is_over()? && !closes,
            kept_for: kept_for(&head),
            body,
        })
    }

    /// The first head that is not one of "100 Continue" and its like.
    fn head(&mut self, call: &mut Call<RecvResponse>) -> Result<Response<()>, ErrorKind> {
        loop {
            let (used, response) = call.try_response(&self.input, false).map_err(not_http)?;
            self.input.drain(..used);
            if let Some(response) = response {
                return Ok(response);
            }
            if self.total > LONGEST_HEAD {
                return Err(malformed(format!(
                    "a head of more than {LONGEST_HEAD} bytes"
                )));
            }
            if used == 0 {
                self.more()?;
            }
        }
    }

    /// The body as it is without its chunks; what has come of it stays there after an error.
    fn body(&mut self, call: &mut Call<RecvBody>, body: &mut Wiped) -> Result<(), ErrorKind> {
        let mode = call.body_mode();
        if matches!(mode, BodyMode::LengthDelimited(length) if length > self.limit as u64) {
            return Err(ErrorKind::TooLarge { limit: self.limit });
        }
        let ends_with_connection = mode == BodyMode::CloseDelimited;
        let mut piece = Zeroizing::new([0; PIECE]);
        while ends_with_connection || !call.can_proceed() {
            let (used, put) = call.read(&self.input, &mut *piece).map_err(not_http)?;
            self.input.drain(..used);
            wiped::append(body, piece.get(..put).unwrap_or_default());
            if body.len() > self.limit {
                return Err(ErrorKind::TooLarge { limit: self.limit });
            }
            if used == 0 {
                match self.more() {
                    Err(ErrorKind::Closed { source: None, .. }) if ends_with_connection => break,
                    more => more?,
                }
            }
        }
        Ok(())
    }

    /// The first words of a refusal, as many as come soon.
    fn words(mut self, next: Option<RecvResponseResult>) -> Wiped {
        let mut words = Wiped::default();
        self.limit = WORDS;
        self.deadline = Deadline(self.deadline.0.min(Instant::now() + PATIENCE));
        if let Some(RecvResponseResult::RecvBody(mut call)) = next {
            let _cut = self.body(&mut call, &mut words);
        }
        words
    }

    /// Waits for more bytes; of a body that hides in tiny chunks there is an end too.
    fn more(&mut self) -> Result<(), ErrorKind> {
        let most = self.limit.saturating_mul(8).saturating_add(LONGEST_HEAD);
        if self.total > most || self.input.len() > LONGEST_HEAD {
            return Err(ErrorKind::TooLarge { limit: self.limit });
        }
        let before = self.input.len();
        let phase = match self.total {
            0 => Phase::AwaitingReply,
            _ => Phase::Receiving,
        };
        self.channel
            .read(&mut self.input, PIECE, phase, self.deadline)?;
        self.total += self.input.len() - before;
        Ok(())
    }

    /// Whether the connection has nothing more to say; what follows an answer would be taken for the next one.
    fn is_over(&mut self) -> Result<bool, ErrorKind> {
        match self.channel.has_more() {
            Ok(false) if self.input.is_empty() => Ok(true),
            Ok(_) => Err(malformed("bytes follow it".to_owned())),
            Err(_closed) => Ok(false),
        }
    }
}

fn is_web_page(head: &Response<()>) -> bool {
    let form = head.headers().get(CONTENT_TYPE);
    form.is_some_and(|form| form.as_bytes().starts_with(b"text/html"))
}

/// What `Keep-Alive: timeout=5, max=100` says.
fn kept_for(head: &Response<()>) -> Option<Duration> {
    let said = head.headers().get("keep-alive")?.to_str().ok()?;
    let mut parameters = said.split(',').map(str::trim);
    let seconds = parameters.find_map(|it| it.strip_prefix("timeout="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn malformed(what: String) -> ErrorKind {
    ErrorKind::Malformed { what }
}

fn not_http(error: ureq_proto::Error) -> ErrorKind {
    // Some of its errors quote what came in.
    let reason = crate::kmip::refusal::Refusal::sanitised(&error.to_string());
    malformed(format!("not HTTP: {reason}"))
}
