//! The POST request: its head, once checked, and its flight: head and body together.

use crate::kmip::client::Encoding;
use crate::kmip::connection::Target;
use crate::kmip::error::ErrorKind;
use crate::kmip::wiped::Wiped;
use bytes::Bytes;
use ureq_proto::client::state::RecvResponse;
use ureq_proto::client::{Call, SendRequestResult};
use ureq_proto::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, USER_AGENT,
};
use ureq_proto::http::{Request, Uri};
use zeroize::Zeroizing;

/// Bytes of a head without its path, host and token.
const HEAD: usize = 512;

/// What all requests of a connection have in common.
pub(super) struct Post {
    uri: Uri,
    form: HeaderValue,
    authorization: Option<HeaderValue>,
}

impl Post {
    pub fn new(target: &Target<'_>, path: &str, encoding: Encoding) -> Result<Post, ErrorKind> {
        let form = match encoding {
            Encoding::Ttlv => "application/octet-stream",
            Encoding::Json => "application/json",
        };
        Ok(Post {
            uri: uri(target.host, target.port, path)?,
            form: HeaderValue::from_static(form),
            authorization: target.bearer_token.map(authorization).transpose()?,
        })
    }

    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The whole request in one piece, and what reads its answer.
    pub fn flight(&self, body: &[u8]) -> Result<(Wiped, Call<RecvResponse>), ErrorKind> {
        let mut call = Call::new(self.request(body.len())?)
            .map_err(not_for_http)?
            .proceed();
        let mut flight = Zeroizing::new(Vec::with_capacity(self.head() + body.len()));
        flight.resize(self.head(), 0);
        let mut length = 0;
        while !call.can_proceed() {
            let room = flight.get_mut(length..).unwrap_or_default();
            length += call.write(room).map_err(not_for_http)?;
        }
        flight.truncate(length);
        flight.extend_from_slice(body);
        let Ok(Some(SendRequestResult::SendBody(mut call))) = call.proceed() else {
            return Err(not_for_http("a request without body"));
        };
        call.consume_direct_write(body.len())
            .map_err(not_for_http)?;
        let answer = call.proceed().ok_or_else(|| not_for_http("an empty body"));
        Ok((flight, answer?))
    }

    fn request(&self, length: usize) -> Result<Request<()>, ErrorKind> {
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, &self.form)
            .header(ACCEPT, &self.form)
            .header(CONTENT_LENGTH, length)
            .header(USER_AGENT, agent);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(()).map_err(not_for_http)
    }

    /// Room for the head.
    fn head(&self) -> usize {
        let token = self.authorization.as_ref().map_or(0, HeaderValue::len);
        let host = self.uri.authority().map_or(0, |place| place.as_str().len());
        let path = self
            .uri
            .path_and_query()
            .map_or(0, |path| path.as_str().len());
        HEAD + token + host + path
    }
}

fn not_for_http(reason: impl ToString) -> ErrorKind {
    ErrorKind::NotForHttp {
        reason: reason.to_string(),
    }
}

fn uri(host: &str, port: u16, path: &str) -> Result<Uri, ErrorKind> {
    if !path.starts_with('/') {
        return Err(not_for_http(format!(
            "the path {path:?} begins with no slash"
        )));
    }
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    format!("https://{host}:{port}{path}")
        .parse()
        .map_err(|error| not_for_http(format!("the URL with path {path:?} is not valid: {error}")))
}

/// The header's value lies in memory that is wiped with the last copy of it.
fn authorization(token: &Zeroizing<String>) -> Result<HeaderValue, ErrorKind> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = "the bearer token is empty, or has a space, a line break or another character that is not printable ASCII";
        return Err(not_for_http(reason));
    }
    let mut value = Zeroizing::new(Vec::with_capacity(token.len() + 7));
    value.extend_from_slice(b"Bearer ");
    value.extend_from_slice(token.as_bytes());
    let mut value =
        HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(not_for_http)?;
    value.set_sensitive(true);
    Ok(value)
}
