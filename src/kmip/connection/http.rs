//! HTTPS: each message is the body of a POST request, its reply the body of the answer (KMIP Additional Message Encodings 1.0
//! section 2). A server that closes after an answer is connected to again with the next request.

mod answer;
mod post;
mod refused;

use super::Target;
use super::channel::Channel;
use super::traffic::Counter;
use crate::kmip::client::{Encoding, Transport};
use crate::kmip::deadline::Deadline;
use crate::kmip::error::ErrorKind;
use crate::kmip::json;
use crate::kmip::ttlv::Limits;
use crate::kmip::wiped::Wiped;
use answer::Incoming;
use post::Post;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long before the server's end of an idle connection it is no longer used.
const MARGIN: Duration = Duration::from_secs(1);

/// What is kept between two exchanges.
pub(in crate::kmip) struct Https {
    post: Post,
    encoding: Encoding,
    /// None if the server said that it would close.
    channel: Option<Channel>,
    /// Until when the server keeps the connection without a request, if it said so.
    kept_until: Option<Instant>,
    again: Again,
}

/// All that a new channel needs.
struct Again {
    host: String,
    port: u16,
    name: String,
    tls: Arc<ClientConfig>,
    counter: Arc<Counter>,
}

impl Https {
    /// Connects and shakes hands, unless the path or the token cannot be sent.
    pub fn open(
        target: &Target<'_>,
        path: &str,
        encoding: Encoding,
        deadline: Deadline,
    ) -> Result<Https, ErrorKind> {
        Ok(Https {
            post: Post::new(target, path, encoding)?,
            encoding,
            channel: Some(Channel::open(target, deadline)?),
            kept_until: None,
            again: Again {
                host: target.host.to_owned(),
                port: target.port,
                name: target.name.to_owned(),
                tls: Arc::clone(target.tls),
                counter: Arc::clone(target.counter),
            },
        })
    }

    /// The certificate that the server has shown, in DER.
    pub fn server_certificate(&self) -> Option<&[u8]> {
        self.channel.as_ref()?.server_certificate()
    }

    pub fn exchange(
        &mut self,
        request: &[u8],
        limit: usize,
        deadline: Deadline,
    ) -> Result<Wiped, ErrorKind> {
        let mut channel = match self.channel.take() {
            Some(channel) => channel,
            None => self.again.open(deadline)?,
        };
        let (flight, call) = match self.encoding {
            Encoding::Ttlv => self.post.flight(request)?,
            Encoding::Json => self.post.flight(&json::write(request))?,
        };
        channel.send(&flight, deadline)?;
        let incoming = Incoming::new(&mut channel, limit, deadline);
        let answer = incoming.receive(call, self.post.path())?;
        if answer.stays_open {
            self.channel = Some(channel);
        }
        // What leaves in the last moment may cross the server's end of it.
        let safe = answer.kept_for.map(|time| time.saturating_sub(MARGIN));
        self.kept_until = safe.and_then(|time| Instant::now().checked_add(time));
        match self.encoding {
            Encoding::Ttlv => Ok(answer.body),
            Encoding::Json => in_ttlv(&answer.body, limit),
        }
    }

    pub fn is_alive(&mut self) -> bool {
        let is_kept = self.kept_until.is_none_or(|end| Instant::now() < end);
        is_kept && self.channel.as_mut().is_some_and(Channel::is_alive)
    }
}

fn in_ttlv(body: &[u8], limit: usize) -> Result<Wiped, ErrorKind> {
    let limits = Limits {
        bytes: limit,
        ..Limits::default()
    };
    json::read(body, &limits).map_err(|unreadable| ErrorKind::Malformed {
        what: unreadable.to_string(),
    })
}

impl Again {
    fn open(&self, deadline: Deadline) -> Result<Channel, ErrorKind> {
        let target = Target {
            host: &self.host,
            port: self.port,
            name: &self.name,
            transport: &Transport::Tls,
            bearer_token: None,
            tls: &self.tls,
            counter: &self.counter,
        };
        Channel::open(&target, deadline)
    }
}
