//! Refusals in HTTP: a status that is not 200 becomes an error that says what to change.

use crate::kmip::error::ErrorKind;
use crate::kmip::refusal::Refusal;
use ureq_proto::http::Response;
use ureq_proto::http::header::LOCATION;

/// What the status means to the administrator; `body` is what there is of the answer.
pub(super) fn why(head: &Response<()>, path: &str, body: &[u8]) -> ErrorKind {
    let status = head.status().as_u16();
    match status {
        401 | 403 => ErrorKind::CredentialsRefused {
            status,
            what: words(body),
        },
        404 | 405 | 410 => ErrorKind::NoSuchPath {
            status,
            path: path.to_owned(),
        },
        300..=399 => ErrorKind::Redirected {
            status,
            location: head
                .headers()
                .get(LOCATION)
                .map(|url| words(url.as_bytes())),
        },
        _ => ErrorKind::HttpStatus {
            status,
            what: words(body),
        },
    }
}

/// On one line, short, and without what steers a terminal.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    Refusal::sanitised(&words.join(" "))
}
