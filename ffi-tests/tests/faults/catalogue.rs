//! Every fault of the table, with its name.

use std::time::Duration;

use ffi_tests::fake_server::{BadCertificate, Fault, Forgery, Refused};
use kmip_p11::kmip::{Operation, ResultReason};

use crate::alterations as alter;

const LATE: Duration = Duration::from_millis(1500);

/// Names are labels of slots: 32 bytes at most.
pub fn faults() -> Vec<(&'static str, Fault)> {
    [
        before_any_answer(),
        in_mid_answer(),
        not_the_answer(),
        within_the_answer(),
        signatures(),
    ]
    .concat()
}

fn before_any_answer() -> Vec<(&'static str, Fault)> {
    let clear = |bytes: &[u8]| Fault::InTheClear(bytes.to_vec());
    vec![
        ("no TLS ever", Fault::SilentFromTheStart),
        ("TLS after the deadline", Fault::LateHandshake(LATE)),
        (
            "TLS after 200 ms",
            Fault::LateHandshake(Duration::from_millis(200)),
        ),
        (
            "a web server in the clear",
            clear(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ),
        ("an SSH server", clear(b"SSH-2.0-OpenSSH_9.2\r\n")),
        ("TLS 1.1 only", clear(&[0x15, 3, 2, 0, 2, 2, 70])),
        (
            "a certificate that has expired",
            Fault::Certificate(BadCertificate::Expired),
        ),
        (
            "a certificate of a stranger",
            Fault::Certificate(BadCertificate::OfAStranger),
        ),
        (
            "a certificate of another host",
            Fault::Certificate(BadCertificate::OfAnotherHost),
        ),
        ("our certificate is refused", Fault::RefusedCertificate),
        ("silence", Fault::Silence),
        ("an answer after the deadline", Fault::Delay(LATE)),
        (
            "an answer after 200 ms",
            Fault::Delay(Duration::from_millis(200)),
        ),
    ]
}

fn in_mid_answer() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "a drip of 100 ms a byte",
            Fault::Drip(Duration::from_millis(100)),
        ),
        (
            "a second write after 48 ms",
            Fault::Split(8, Duration::from_millis(48)),
        ),
        ("a pause in mid answer", Fault::Split(100, LATE)),
        ("closed before the answer", Fault::CloseAfter(0)),
        ("closed after a byte", Fault::CloseAfter(1)),
        ("closed after the header", Fault::CloseAfter(8)),
        ("closed in mid answer", Fault::CloseAfter(100)),
        ("reset before the answer", Fault::ResetAfter(0)),
        ("reset after a byte", Fault::ResetAfter(1)),
        ("reset in mid answer", Fault::ResetAfter(100)),
        ("a length short by 8", Fault::LengthOffBy(-8)),
        ("a length short by 1", Fault::LengthOffBy(-1)),
        ("a length beyond by 8", Fault::LengthOffBy(8)),
        (
            "a length of 2 GiB",
            Fault::Instead(b"\x42\x00\x7b\x01\x7f\xff\xff\xff".to_vec()),
        ),
    ]
}

fn not_the_answer() -> Vec<(&'static str, Fault)> {
    let refused = |reason| Fault::RefusedMessage(Refused::new(reason, "not this one"));
    vec![
        (
            "a web server inside TLS",
            Fault::Instead(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ),
        ("a message of noise", Fault::Altered(alter::noise)),
        ("10000 structures nested", Fault::Altered(alter::nested)),
        ("an empty message", Fault::Altered(alter::empty)),
        ("the answer twice", Fault::Altered(alter::twice)),
        ("the answer before", Fault::Previous),
        ("a wrong batch item ID", Fault::WrongBatchId),
        (
            "another operation",
            Fault::WrongOperation(Operation::DESTROY),
        ),
        ("General Failure", refused(ResultReason::GENERAL_FAILURE)),
        (
            "Permission Denied",
            refused(ResultReason::PERMISSION_DENIED),
        ),
        (
            "Server Limit Exceeded",
            refused(ResultReason::SERVER_LIMIT_EXCEEDED),
        ),
        (
            "Response Too Large",
            refused(ResultReason::RESPONSE_TOO_LARGE),
        ),
        (
            "Authentication Not Successful",
            refused(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL),
        ),
    ]
}

fn within_the_answer() -> Vec<(&'static str, Fault)> {
    vec![
        ("17 MiB more than asked", Fault::Altered(alter::huge)),
        ("items in the wrong order", Fault::Altered(alter::swapped)),
        ("an item twice", Fault::Altered(alter::item_twice)),
        ("no items", Fault::Altered(alter::without_items)),
        (
            "a batch count too high",
            Fault::Altered(alter::count_too_high),
        ),
        (
            "a negative batch count",
            Fault::Altered(alter::negative_count),
        ),
        (
            "version 9.0 in the header",
            Fault::Altered(alter::version_9),
        ),
        (
            "version 1.0 in the header",
            Fault::Altered(alter::version_1),
        ),
        (
            "only 1.0, which it refuses",
            Fault::Altered(alter::only_version_1),
        ),
        (
            "success without a payload",
            Fault::Altered(alter::without_payload),
        ),
        (
            "an unknown result status",
            Fault::Altered(alter::unknown_status),
        ),
        ("unknown tags", Fault::Altered(alter::unknown_tags)),
        ("an unknown type", Fault::Altered(alter::unknown_type)),
        ("text that is not UTF-8", Fault::Altered(alter::not_utf8)),
    ]
}

fn signatures() -> Vec<(&'static str, Fault)> {
    let forged = Fault::Forged;
    vec![
        (
            "a signature with a flipped bit",
            forged(Forgery::FlippedBit),
        ),
        ("a signature by another key", forged(Forgery::AnotherKey)),
        ("a signature of another hash", forged(Forgery::HashedAgain)),
        (
            "a signature with a long number",
            forged(Forgery::LongNumber),
        ),
        ("an empty signature", forged(Forgery::Empty)),
        ("a signature of a megabyte", forged(Forgery::Endless)),
    ]
}
