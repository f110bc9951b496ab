//! Mutations: a hundred thousand damaged replies, and never a panic.

use super::requests::{every_request, wrapped_key};
use super::samples::{item_id, response, success};
use crate::kmip::message::{MessageId, decode};
use crate::kmip::ttlv::{Frame, Limits, Writer};
use crate::kmip::wiped::Wiped;
use crate::kmip::*;
use zeroize::Zeroizing;

/// Numbers without a seed from outside (xorshift), so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// One of every operation, in the form that its reply here answers.
fn requests() -> Vec<Request> {
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

fn reply(requests: &[Request]) -> Wiped {
    response(Version::V1_4, |writer| {
        for (place, request) in (0..).zip(requests) {
            success(writer, request.operation(), &item_id(5, place), |writer| {
                payload(writer, request)
            });
        }
    })
}

#[test]
fn damaged_replies_are_errors_or_answers_but_never_panics() {
    let requests = requests();
    let asked: Vec<&Request> = requests.iter().collect();
    let whole = reply(&requests);
    let undamaged = Frame::parse(whole.clone(), &Limits::default());
    assert!(
        decode(
            &undamaged.unwrap_or_else(|invalid| panic!("{invalid}")),
            MessageId(5),
            &asked
        )
        .is_ok()
    );
    let limits = Limits {
        bytes: 1 << 16,
        depth: 16,
        items: 1000,
    };
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let mut bytes = whole.to_vec();
        for _ in 0..=dice.below(4) {
            let place = dice.below(bytes.len());
            bytes[place] = [0, 1, 0x7F, 0xFF, dice.below(256) as u8][dice.below(5)];
        }
        if dice.below(10) == 0 {
            bytes.truncate(dice.below(whole.len()));
        }
        match Frame::parse(Zeroizing::new(bytes), &limits) {
            Ok(frame) if decode(&frame, MessageId(5), &asked).is_ok() => read += 1,
            _ => refused += 1,
        }
    }
    assert!(
        read > 1000 && refused > 1000,
        "{read} read, {refused} refused"
    );
}
