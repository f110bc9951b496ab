//! Mutations: a hundred thousand damaged replies, and never a panic.

use super::every_reply::{reply, requests};
use crate::kmip::message::{MessageId, decode};
use crate::kmip::ttlv::{Frame, Limits};
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

#[test]
fn damaged_replies_are_errors_or_answers_but_never_panics() {
    let requests = requests();
    let asked: Vec<&Request> = requests.iter().collect();
    let whole = reply(Version::V1_4, &requests);
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
