//! Mutations: a hundred thousand damaged replies, and never a panic.

use super::samples::{get, item_id, private_key, response, sign, success};
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

fn requests() -> Vec<Request> {
    vec![
        Request::DiscoverVersions,
        Request::Query { functions: vec![] },
        Request::Locate {
            filters: vec![],
            maximum_items: None,
            offset_items: None,
            storage_status: None,
            group_member: None,
        },
        Request::GetAttributes {
            id: "1".into(),
            names: Vec::new(),
        },
        get("1"),
        sign(SignInput::Data(vec![1])),
    ]
}

fn payload(writer: &mut Writer, request: &Request) {
    writer.text(Tag::UNIQUE_IDENTIFIER, "1");
    match request {
        Request::DiscoverVersions => writer.structure(Tag::PROTOCOL_VERSION, |writer| {
            writer.integer(Tag::PROTOCOL_VERSION_MAJOR, 1);
            writer.integer(Tag::PROTOCOL_VERSION_MINOR, 4);
        }),
        Request::GetAttributes { .. } => writer.structure(Tag::ATTRIBUTES, |writer| {
            writer.enumeration(Tag::STATE, State::ACTIVE);
            writer.structure(Tag::NAME, |writer| writer.text(Tag::NAME_VALUE, "name"));
            writer.structure(Tag::LINK, |writer| {
                writer.structure(Tag::LINK, |writer| writer.integer(Tag::LINK, 1))
            });
        }),
        Request::Get { .. } => private_key().write(writer),
        _ => writer.bytes(Tag::SIGNATURE_DATA, &[7; 70]),
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
