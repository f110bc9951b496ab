//! A reply to every request there is, to be damaged.

use super::requests::{every_request, wrapped_key};
use super::samples::{item_id, response, success};
use crate::kmip::ttlv::Writer;
use crate::kmip::wiped::Wiped;
use crate::kmip::*;

/// One of every operation, in the form that its reply here answers.
pub fn requests() -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for request in every_request() {
        if !requests
            .iter()
            .any(|other| other.operation() == request.operation())
        {
            requests.push(request);
        }
    }
    requests
}

/// What all the answers need, and what single ones may have: nobody minds an item too many.
fn payload(writer: &mut Writer, request: &Request) {
    writer.text(Tag::UNIQUE_IDENTIFIER, "1");
    writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, "2");
    writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, "3");
    match request {
        Request::DiscoverVersions => writer.structure(Tag::PROTOCOL_VERSION, |writer| {
            writer.integer(Tag::PROTOCOL_VERSION_MAJOR, 1);
            writer.integer(Tag::PROTOCOL_VERSION_MINOR, 4);
        }),
        Request::Query { .. } => writer.structure(Tag::SERVER_INFORMATION, |writer| {
            writer.text(Tag::SERVER_VERSION, "1");
        }),
        Request::GetAttributes { .. } => writer.structure(Tag::ATTRIBUTES, |writer| {
            writer.enumeration(Tag::STATE, State::ACTIVE);
            writer.structure(Tag::NAME, |writer| writer.text(Tag::NAME_VALUE, "name"));
            writer.structure(Tag::LINK, |writer| {
                writer.structure(Tag::LINK, |writer| writer.integer(Tag::LINK, 1))
            });
        }),
        Request::GetAttributeList { .. } => {
            writer.enumeration(Tag::ATTRIBUTE_REFERENCE, Tag::STATE.0);
            writer.structure(Tag::ATTRIBUTE_REFERENCE, |writer| {
                writer.text(Tag::VENDOR_IDENTIFICATION, "x");
                writer.text(Tag::ATTRIBUTE_NAME, "y");
            });
        }
        Request::Get { .. } => wrapped_key(Some(EncodingOption::NO_ENCODING)).write(writer),
        Request::Sign { .. } => writer.bytes(Tag::SIGNATURE_DATA, &[7; 70]),
        Request::SignatureVerify { .. } | Request::MacVerify { .. } => {
            writer.enumeration(Tag::VALIDITY_INDICATOR, ValidityIndicator::VALID);
        }
        Request::Mac { .. } => writer.bytes(Tag::MAC_DATA, &[7; 32]),
        _ => {
            writer.bytes(Tag::DATA, &[7; 16]);
            writer.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, &[7; 16]);
        }
    }
}

/// A reply to all of them in message 5.
pub fn reply(version: Version, requests: &[Request]) -> Wiped {
    response(version, |writer| {
        for (place, request) in (0..).zip(requests) {
            success(writer, request.operation(), &item_id(5, place), |writer| {
                payload(writer, request)
            });
        }
    })
}
