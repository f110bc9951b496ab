//! Signatures as a token makes them: by every scheme, of what does not fit, with a key that is gone, and by many at once.

use std::sync::Barrier;

use ffi_tests::place::{Place, made};
use kmip_p11::crypto::verify;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::Token;

use super::Check;
use crate::outcome::{Fault, Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("sign a digest of the wrong size", wrong_size),
    ("sign by another key's scheme", wrong_scheme),
    ("sign a message of 100,000 bytes", long_message),
    ("sign an empty message", empty_message),
    ("sign in eight threads at once", threads),
];

const P256: KeyType = KeyType::Ec(Curve::P256);
const ES256: SignScheme = SignScheme::Ecdsa(Hash::Sha256);

/// One signature by every scheme of the key, over a message and over a digest.
pub fn signs_every_way(token: &dyn Token, key: &Key) -> Outcome {
    let schemes = match key.public.key_type() {
        KeyType::Rsa(_) => Hash::ALL.map(SignScheme::RsaPkcs1).to_vec(),
        KeyType::Ec(_) => Hash::ALL.map(SignScheme::Ecdsa).to_vec(),
        KeyType::Ed25519 => vec![SignScheme::Ed25519],
        KeyType::MlDsa(_) => vec![SignScheme::MlDsa],
    };
    for scheme in schemes {
        signs(token, key, scheme, SignInput::Message(b"a message"))?;
        if let SignScheme::RsaPkcs1(hash) | SignScheme::Ecdsa(hash) = scheme {
            let digest = vec![0x5A; hash.digest_len()];
            signs(token, key, scheme, SignInput::Digest(&digest))?;
        }
    }
    Ok(())
}

/// A signature that is one, in PKCS#11's form.
pub fn signs(token: &dyn Token, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Outcome {
    let signature = token.sign(key, scheme, input)?;
    same("its length", signature.len(), length(&key.public))?;
    let good = verify(&key.public, scheme, input, &signature);
    demand(good, format!("the signature by {scheme} does not verify"))
}

fn length(key: &PublicKey) -> usize {
    match key.key_type() {
        KeyType::Rsa(bits) => bits / 8,
        KeyType::Ec(curve) => 2 * curve.field_len(),
        KeyType::Ed25519 => 64,
        KeyType::MlDsa(set) => set.signature_len(),
    }
}

fn wrong_size(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    for digest in [&[7; 31][..], &[7; 33], &[7; 48], &[]] {
        let answer = token.sign(&key, ES256, SignInput::Digest(digest));
        let error = refused("the digest", answer)?;
        same("the kind", error.kind, TokenErrorKind::BadInput)?;
    }
    signs(&*token, &key, ES256, SignInput::Digest(&[7; 32]))
}

fn wrong_scheme(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    for scheme in [SignScheme::Ed25519, SignScheme::RsaPkcs1(Hash::Sha256)] {
        let answer = token.sign(&key, scheme, SignInput::Message(b"m"));
        let error = refused("the scheme", answer)?;
        same("the kind", error.kind, TokenErrorKind::BadInput)?;
    }
    Ok(())
}

fn long_message(place: &Place) -> Outcome {
    let token = place.token();
    let message = vec![0xA5; 100_000];
    let key = made(&*token, &place.wanted("ec", P256))?;
    signs(&*token, &key, ES256, SignInput::Message(&message))?;
    let key = made(&*token, &place.wanted("ed", KeyType::Ed25519))?;
    let scheme = SignScheme::Ed25519;
    signs(&*token, &key, scheme, SignInput::Message(&message))
}

fn empty_message(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("ec", P256))?;
    signs(&*token, &key, ES256, SignInput::Message(b""))?;
    let key = made(&*token, &place.wanted("ed", KeyType::Ed25519))?;
    signs(&*token, &key, SignScheme::Ed25519, SignInput::Message(b""))
}

fn threads(place: &Place) -> Outcome {
    const THREADS: u8 = 8;
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    let start = Barrier::new(THREADS.into());
    std::thread::scope(|scope| {
        let work = |number: u8| {
            let (token, key, start) = (&*token, &key, &start);
            scope.spawn(move || {
                start.wait();
                (0..4).try_for_each(|turn| {
                    let message = [number, turn];
                    signs(token, key, ES256, SignInput::Message(&message))
                })
            })
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.unwrap_or(Err(Fault::Deviates("a thread panicked".into())))
        })
    })
}
