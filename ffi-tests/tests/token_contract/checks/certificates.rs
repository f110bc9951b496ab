//! X.509 certificates of keys: kept with the key that they speak of, and gone with it.

use ffi_tests::certificate::issued;
use ffi_tests::place::{Place, ended};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::Token;

use super::{Check, named};
use crate::outcome::{Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("certify", certify),
    ("certify, of every type", every_type),
    (
        "certify, what is no certificate of the key",
        certify_wrongly,
    ),
    ("uncertify", uncertify),
    ("destroy, with certificates", destroy),
];

const P256: KeyType = KeyType::Ec(Curve::P256);

fn imported(place: &Place, token: &dyn Token, name: &str) -> Outcome<Key> {
    let private = PrivateKey::generate(P256).expect("a usual type");
    Ok(token.import(&private, &place.wanted(name, P256))?)
}

/// The DER of the certificates that programs see with the key.
fn seen(token: &dyn Token, key: &Key) -> Outcome<Vec<Vec<u8>>> {
    let found = token.find()?;
    let certificates = named(&found, &key.name)?.certificates.iter();
    let mut seen: Vec<_> = certificates.map(|it| it.der().to_vec()).collect();
    seen.sort();
    Ok(seen)
}

fn sorted<const N: usize>(all: [&Vec<u8>; N]) -> Vec<Vec<u8>> {
    let mut all = all.map(Clone::clone).to_vec();
    all.sort();
    all
}

/// Two of one key, seen by another token, too; a third that is the first one once more is not kept.
fn certify(place: &Place) -> Outcome {
    let token = place.token();
    let (key, other) = (
        imported(place, &*token, "key")?,
        imported(place, &*token, "other")?,
    );
    let [first, second] = ["first", "second"].map(|subject| issued(&key.public, subject));
    let kept = token.certify(&key, &first)?;
    same("what is kept", kept.der(), &first[..])?;
    same("certificates", seen(&*token, &key)?, sorted([&first]))?;
    token.certify(&key, &second)?;
    let both = sorted([&first, &second]);
    same(
        "the same once more",
        &token.certify(&key, &first)?.id,
        &kept.id,
    )?;
    for token in [token, place.token()] {
        same("certificates", seen(&*token, &key)?, both.clone())?;
        same("of another key", seen(&*token, &other)?, vec![])?;
    }
    Ok(())
}

fn every_type(place: &Place) -> Outcome {
    let token = place.token();
    for key_type in [
        KeyType::Rsa(2048),
        KeyType::Ec(Curve::P521),
        KeyType::Ed25519,
    ] {
        let name = key_type.to_string();
        let private = PrivateKey::generate(key_type).expect("a usual type");
        let key = token.import(&private, &place.wanted(&name, key_type))?;
        let der = issued(&key.public, &name);
        token.certify(&key, &der)?;
        same(&name, seen(&*token, &key)?, vec![der])?;
    }
    Ok(())
}

fn certify_wrongly(place: &Place) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, "key")?;
    let stranger = PrivateKey::generate(P256).expect("a usual type");
    let foreign = issued(stranger.public(), "somebody");
    let own = issued(&key.public, "key");
    for (what, der) in [
        ("another key's", &foreign[..]),
        ("nothing", b""),
        ("the beginning of one", &own[..own.len() - 1]),
        ("one with something behind it", &[&own[..], b"\0"].concat()),
    ] {
        let error = refused(what, token.certify(&key, der))?;
        same(what, error.kind, TokenErrorKind::BadInput)?;
    }
    same("certificates", seen(&*token, &key)?, vec![])
}

fn uncertify(place: &Place) -> Outcome {
    let token = place.token();
    let (key, other) = (
        imported(place, &*token, "key")?,
        imported(place, &*token, "other")?,
    );
    let [first, second] = ["first", "second"].map(|subject| issued(&key.public, subject));
    let [of_first, of_second] = [token.certify(&key, &first)?, token.certify(&key, &second)?];
    let missing = |key: &Key, certificate: &Certificate| {
        let error = refused("the removal", token.uncertify(key, &certificate.id))?;
        same("the kind", error.kind, TokenErrorKind::Gone)
    };
    missing(&other, &of_first)?;
    token.uncertify(&key, &of_first.id)?;
    missing(&key, &of_first)?;
    same("certificates", seen(&*token, &key)?, vec![second])?;
    token.uncertify(&key, &of_second.id)?;
    same("in the end", seen(&*token, &key)?, vec![])?;
    // What was removed may come back.
    token.certify(&key, &first)?;
    same("after all", seen(&*token, &key)?, vec![first])
}

/// The same key has none when it comes back, though it is found by what it is.
fn destroy(place: &Place) -> Outcome {
    let token = place.token();
    let private = PrivateKey::generate(P256).expect("a usual type");
    let key = token.import(&private, &place.wanted("key", P256))?;
    let der = issued(&key.public, "key");
    let certificate = token.certify(&key, &der)?;
    let found = token.find()?;
    ended(&*token, named(&found, &key.name)?)?;
    let late = refused("certify", token.certify(&key, &der))?;
    same("certify", late.kind, TokenErrorKind::Gone)?;
    let late = refused("uncertify", token.uncertify(&key, &certificate.id))?;
    same("uncertify", late.kind, TokenErrorKind::Gone)?;
    let found = token.find()?;
    demand(found.keys.is_empty(), "it is there still")?;
    let again = token.import(&private, &place.wanted("again", P256))?;
    same("certificates", seen(&*token, &again)?, vec![])
}
