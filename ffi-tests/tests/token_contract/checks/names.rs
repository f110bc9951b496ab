//! Names of keys: what may be one, and that no two keys have the same.

use ffi_tests::place::{Place, ended, made};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::NewKey;

use super::{Check, named, shown};
use crate::outcome::{Outcome, refused, same};

pub const CHECKS: &[Check] = &[
    ("a name of 1 byte", |it| {
        // Two kinds are on one server: each has a letter.
        let letter = char::from(b'a' + it.kind as u8);
        taken(it, letter.into())
    }),
    ("a name of 255 bytes", |it| {
        let end = it.name("");
        taken(it, format!("{}{end}", "n".repeat(255 - end.len())))
    }),
    ("a name with blanks and signs", |it| {
        taken(it, it.name("a b/c'\"\\;%_*?[]{}"))
    }),
    ("a name in other letters than ASCII", |it| {
        taken(it, it.name("Schlüssel 鍵 🔑"))
    }),
    ("no name", |it| no_name(it, "")),
    ("a name of blanks", |it| no_name(it, "  ")),
    ("a name of 256 bytes", |it| no_name(it, &"n".repeat(256))),
    ("a name with a line feed", |it| no_name(it, "a\nb")),
    ("a name with a NUL", |it| no_name(it, "a\0b")),
    ("a name with an escape character", |it| {
        no_name(it, "a\u{1b}[2J")
    }),
    ("a name that is taken", in_use),
    ("rename", rename),
];

const P256: KeyType = KeyType::Ec(Curve::P256);

fn taken(place: &Place, name: String) -> Outcome {
    let token = place.token();
    let wanted = NewKey {
        name: name.clone(),
        ..place.wanted("", P256)
    };
    let key = made(&*token, &wanted)?;
    same("its name", &key.name, &name)?;
    let found = token.find()?;
    same("its label", named(&found, &name)?.label(), name)
}

/// Refused, by whatever way it comes, and nothing is left.
fn no_name(place: &Place, name: &str) -> Outcome {
    let token = place.token();
    let wanted = NewKey {
        name: name.to_owned(),
        ..place.wanted("", KeyType::Rsa(2048))
    };
    let private = PrivateKey::generate(P256).expect("a usual type");
    let key = made(&*token, &place.wanted("plain", P256))?;
    for (how, answer) in [
        ("generate", token.generate(&wanted).map(|_| ())),
        ("import", token.import(&private, &wanted).map(|_| ())),
        ("rename", token.rename(&key, name)),
    ] {
        let error = refused(how, answer)?;
        same(how, error.kind, TokenErrorKind::BadInput)?;
    }
    same("keys", shown(&*token)?, vec![key.name])
}

fn in_use(place: &Place) -> Outcome {
    let token = place.token();
    let first = made(&*token, &place.wanted("first", KeyType::Rsa(2048)))?;
    let other = made(&*token, &place.wanted("other", P256))?;
    let wanted = place.wanted("first", KeyType::Rsa(2048));
    let private = PrivateKey::generate(P256).expect("a usual type");
    for (how, answer) in [
        ("generate", token.generate(&wanted).map(|_| ())),
        ("import", token.import(&private, &wanted).map(|_| ())),
        ("rename", token.rename(&other, &first.name)),
    ] {
        let error = refused(how, answer)?;
        same(how, error.kind, TokenErrorKind::BadInput)?;
    }
    same("keys", shown(&*token)?, vec![first.name, other.name])
}

/// The new name is found, and the old one is free again.
fn rename(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("old", P256))?;
    let new = place.name("new");
    token.rename(&key, &new)?;
    let found = token.find()?;
    let renamed = named(&found, &new)?;
    same("its identifier", &renamed.id, &key.id)?;
    same("its label", renamed.label(), new.clone())?;
    same("its CKA_ID", &renamed.key_id, &key.key_id)?;
    let second = made(&*token, &place.wanted("old", P256))?;
    same("keys", shown(&*token)?, vec![new, second.name])?;
    ended(&*token, &key)?;
    let late = refused(
        "the name of a key that is gone",
        token.rename(&key, &place.name("late")),
    )?;
    same("the kind", late.kind, TokenErrorKind::Gone)
}
