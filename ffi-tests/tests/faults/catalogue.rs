//! Every fault of the table: its name, what the log says of it, and where it happens.

use std::time::Duration;

use ffi_tests::fake_server::{BadCertificate, Ending, Fault, Forgery, Refused};
use kmip_p11::kmip::{Operation, ResultReason};

use crate::alterations as alter;
use crate::web;

const LATE: Duration = Duration::from_millis(1500);
const MOMENT: Duration = Duration::from_millis(200);

const NO_ANSWER: &str = "did not answer in time (before any reply)";
const CUT_SHORT: &str = "did not answer in time (in the middle";
const CLOSED: &str = "closed the connection";
const MALFORMED: &str = "sent a malformed answer";
const NOT_ASKED: &str = "sent the reply to another request";
const TOO_LARGE: &str = "sent an answer of more than";
const NOT_KMIP: &str = "it is not a KMIP message";
const NOT_VERIFIED: &str = "does not verify";
const NO_TLS: &str = "TLS";

/// A line of the table.
#[derive(Clone)]
pub struct Row {
    /// Also the label of its slot: 32 bytes at most.
    pub name: &'static str,
    /// What goes wrong.
    pub fault: Fault,
    /// What the log says, with slot and server, if a call fails.
    pub reason: &'static str,
    /// Whether the server is spoken to over HTTPS.
    pub is_https: bool,
    /// Whether the server ends while it is waited for, until the call is over.
    pub ends: bool,
}

fn row(name: &'static str, reason: &'static str, fault: Fault) -> Row {
    Row {
        name,
        fault,
        reason,
        is_https: false,
        ends: false,
    }
}

/// All of them.
pub fn faults() -> Vec<Row> {
    [
        before_any_answer(),
        in_mid_answer(),
        not_the_answer(),
        refusals(),
        within_the_answer(),
        signatures(),
        over_https(),
        of_http(),
    ]
    .concat()
}

/// The one with that name.
pub fn named(name: &str) -> Row {
    let found = faults().into_iter().find(|row| row.name == name);
    found.unwrap_or_else(|| panic!("no fault is called {name:?}"))
}

fn before_any_answer() -> Vec<Row> {
    let clear = |bytes: &[u8]| Fault::InTheClear(bytes.to_vec());
    let certificate = Fault::Certificate;
    let ends = Row {
        ends: true,
        ..row("a server that ends in mid call", "", Fault::Silence)
    };
    vec![
        row("no TLS ever", "TLS handshake", Fault::SilentFromTheStart),
        row(
            "TLS after the deadline",
            "TLS handshake",
            Fault::LateHandshake(LATE),
        ),
        row("TLS after 200 ms", "", Fault::LateHandshake(MOMENT)),
        row(
            "a web server in the clear",
            NO_TLS,
            clear(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ),
        row("an SSH server", NO_TLS, clear(b"SSH-2.0-OpenSSH_9.2\r\n")),
        row(
            "the alert of TLS 1.1 only",
            "ProtocolVersion",
            clear(&[0x15, 3, 2, 0, 2, 2, 70]),
        ),
        row(
            "a certificate that has expired",
            "",
            certificate(BadCertificate::Expired),
        ),
        row(
            "a certificate of a stranger",
            "",
            certificate(BadCertificate::OfAStranger),
        ),
        row(
            "a certificate of another host",
            "",
            certificate(BadCertificate::OfAnotherHost),
        ),
        row(
            "our certificate is refused",
            "refused the client certificate",
            Fault::RefusedCertificate,
        ),
        row("silence", NO_ANSWER, Fault::Silence),
        ends,
        row(
            "an answer after the deadline",
            NO_ANSWER,
            Fault::Delay(LATE),
        ),
        row("an answer after 200 ms", "", Fault::Delay(MOMENT)),
    ]
}

fn in_mid_answer() -> Vec<Row> {
    let cut = |name, after, ending| row(name, CLOSED, Fault::CutRecords(after, ending));
    let within = |name, after, ending| row(name, CLOSED, Fault::CutRequest(after, ending));
    vec![
        row(
            "a drip of 100 ms a byte",
            CUT_SHORT,
            Fault::Drip(Duration::from_millis(100)),
        ),
        row(
            "a second write after 48 ms",
            "",
            Fault::Split(8, Duration::from_millis(48)),
        ),
        row("a pause in mid answer", CUT_SHORT, Fault::Split(100, LATE)),
        within("closed in mid request", 40, Ending::Closed),
        within("reset in mid request", 40, Ending::Reset),
        row("closed before the answer", CLOSED, Fault::CloseAfter(0)),
        row("closed after a byte", CLOSED, Fault::CloseAfter(1)),
        row("closed after the header", CLOSED, Fault::CloseAfter(8)),
        row("closed in mid answer", CLOSED, Fault::CloseAfter(100)),
        row("reset before the answer", CLOSED, Fault::ResetAfter(0)),
        row("reset after a byte", CLOSED, Fault::ResetAfter(1)),
        row("reset in mid answer", CLOSED, Fault::ResetAfter(100)),
        cut("closed in a record's header", 3, Ending::Closed),
        cut("closed in mid record", 40, Ending::Closed),
        cut("reset in mid record", 40, Ending::Reset),
        row("a length short by 8", MALFORMED, Fault::LengthOffBy(-8)),
        row("a length short by 1", MALFORMED, Fault::LengthOffBy(-1)),
        // Eight bytes are waited for that never come: only the deadline can end that.
        row("a length beyond by 8", CUT_SHORT, Fault::LengthOffBy(8)),
        row(
            "a length of 2 GiB",
            TOO_LARGE,
            Fault::Instead(b"\x42\x00\x7b\x01\x7f\xff\xff\xff".to_vec()),
        ),
    ]
}

fn not_the_answer() -> Vec<Row> {
    let page = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let altered = Fault::Altered;
    vec![
        row("a web server inside TLS", NOT_KMIP, Fault::Instead(page)),
        row("noise", NOT_KMIP, Fault::Instead(alter::any_bytes(4096))),
        row("a message of noise", MALFORMED, altered(alter::noise)),
        row(
            "10000 structures nested",
            "nested too deeply",
            altered(alter::nested),
        ),
        row("an empty message", MALFORMED, altered(alter::empty)),
        row("the answer twice", MALFORMED, altered(alter::twice)),
        row("the answer before", "", Fault::Previous),
        row("a wrong batch item ID", NOT_ASKED, Fault::WrongBatchId),
        row(
            "another operation",
            NOT_ASKED,
            Fault::WrongOperation(Operation::DESTROY),
        ),
    ]
}

fn refusals() -> Vec<Row> {
    let refused = |name, reason| {
        row(
            name,
            "not this one",
            Fault::RefusedMessage(Refused::new(reason, "not this one")),
        )
    };
    vec![
        refused("General Failure", ResultReason::GENERAL_FAILURE),
        refused("Permission Denied", ResultReason::PERMISSION_DENIED),
        refused("Server Limit Exceeded", ResultReason::SERVER_LIMIT_EXCEEDED),
        refused("Response Too Large", ResultReason::RESPONSE_TOO_LARGE),
        refused(
            "Authentication Not Successful",
            ResultReason::AUTHENTICATION_NOT_SUCCESSFUL,
        ),
    ]
}

fn within_the_answer() -> Vec<Row> {
    let altered = |name, reason, alter| row(name, reason, Fault::Altered(alter));
    vec![
        // It is asked for halves as long as there is time: the reason that comes last is a matter of that.
        altered("17 MiB more than asked", "", alter::huge),
        altered("items in the wrong order", "", alter::swapped),
        altered("an item twice", NOT_ASKED, alter::item_twice),
        altered("no items", MALFORMED, alter::without_items),
        altered("a batch count too high", "", alter::count_too_high),
        altered("a negative batch count", "", alter::negative_count),
        altered("version 9.0 in the header", "", alter::version_9),
        altered("version 1.0 in the header", "", alter::version_1),
        altered(
            "only 1.0, which it refuses",
            "unknown version",
            alter::only_version_1,
        ),
        altered("success without a payload", "", alter::without_payload),
        altered(
            "an unknown result status",
            "an unexpected Result Status (0x77)",
            alter::unknown_status,
        ),
        altered("unknown tags", "", alter::unknown_tags),
        altered("an unknown type", "", alter::unknown_type),
        altered("text that is not UTF-8", "", alter::not_utf8),
    ]
}

fn signatures() -> Vec<Row> {
    let forged = |name, forgery| row(name, NOT_VERIFIED, Fault::Forged(forgery));
    let empty = Row {
        reason: "no Signature Data",
        ..forged("an empty signature", Forgery::Empty)
    };
    vec![
        forged("a signature with a flipped bit", Forgery::FlippedBit),
        forged("a signature by another key", Forgery::AnotherKey),
        forged("a signature of another hash", Forgery::HashedAgain),
        forged("a signature with a long number", Forgery::LongNumber),
        forged("any bytes of the right length", Forgery::Garbage),
        forged("a signature in DER", Forgery::Der),
        forged("a signature without DER", Forgery::Raw),
        empty,
        forged("a signature of a megabyte", Forgery::Endless),
    ]
}

/// What can happen to any exchange, here to one of HTTPS.
fn over_https() -> Vec<Row> {
    let rows = vec![
        row("HTTPS: silence", NO_ANSWER, Fault::Silence),
        row(
            "HTTPS: a drip of 100 ms a byte",
            CUT_SHORT,
            Fault::Drip(Duration::from_millis(100)),
        ),
        row(
            "HTTPS: closed in mid request",
            CLOSED,
            Fault::CutRequest(40, Ending::Closed),
        ),
        row(
            "HTTPS: closed before the answer",
            CLOSED,
            Fault::CloseAfter(0),
        ),
        row("HTTPS: closed in mid head", CLOSED, Fault::CloseAfter(30)),
        row("HTTPS: closed in mid body", CLOSED, Fault::CloseAfter(200)),
        row("HTTPS: reset in mid body", CLOSED, Fault::ResetAfter(200)),
        row(
            "HTTPS: reset in mid record",
            CLOSED,
            Fault::CutRecords(40, Ending::Reset),
        ),
        row(
            "HTTPS: closed after the answer",
            "",
            Fault::CloseAfter(usize::MAX),
        ),
        row(
            "HTTPS: 17 MiB more than asked",
            "",
            Fault::Altered(alter::huge),
        ),
        row(
            "HTTPS: a message of noise",
            MALFORMED,
            Fault::Altered(alter::noise),
        ),
        row(
            "HTTPS: a wrong batch item ID",
            NOT_ASKED,
            Fault::WrongBatchId,
        ),
    ];
    rows.into_iter().map(of_https).collect()
}

fn of_https(row: Row) -> Row {
    Row {
        is_https: true,
        ..row
    }
}

/// What only HTTP can do.
fn of_http() -> Vec<Row> {
    let http = |name, reason, make| of_https(row(name, reason, Fault::Http(make, None)));
    let cut = Fault::Http(web::cut_chunks, Some(Ending::Closed));
    vec![
        http(
            "HTTPS: 401",
            "refused our credentials (HTTP 401: who are you?)",
            web::unauthorized,
        ),
        http(
            "HTTPS: 403",
            "refused our credentials (HTTP 403)",
            web::forbidden,
        ),
        http(
            "HTTPS: 404",
            "has no KMIP at the path /kmip",
            web::not_found,
        ),
        http(
            "HTTPS: 500",
            "answered with HTTP 500: out of paper",
            web::broken,
        ),
        http("HTTPS: 503", "answered with HTTP 503", web::unavailable),
        http("HTTPS: 204", "answered with HTTP 204", web::nothing),
        http("HTTPS: a redirect", "sends us elsewhere", web::elsewhere),
        http(
            "HTTPS: a web page",
            "a web page and no KMIP message",
            web::page,
        ),
        http("HTTPS: JSON", MALFORMED, web::json),
        http("HTTPS: no HTTP", "not HTTP", web::bare),
        http(
            "HTTPS: a head without end",
            "a head of more than",
            web::endless_head,
        ),
        http("HTTPS: chunks", "", web::chunks),
        http("HTTPS: chunks that stop", CUT_SHORT, web::cut_chunks),
        of_https(row("HTTPS: chunks that are cut", CLOSED, cut)),
        http("HTTPS: a chunk of 2^63 bytes", CUT_SHORT, web::vast_chunk),
        http("HTTPS: a length of 1 TiB", TOO_LARGE, web::vast),
        http("HTTPS: a length short by 8", MALFORMED, web::short),
        http("HTTPS: a length beyond by 8", CUT_SHORT, web::long),
        http(
            "HTTPS: another answer behind it",
            "bytes follow it",
            web::twice,
        ),
    ]
}
