//! A token behind a PIN: closed before it, told apart from a wrong one, and closed again.

use ffi_tests::place::{Place, made};
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::SharedToken;

use super::signing::signs;
use super::{Check, shown};
use crate::outcome::{Fault, Outcome, refused, same};

pub const CHECKS: &[Check] = &[
    ("no PIN where none is needed", none_needed),
    ("before the PIN", before),
    ("a wrong PIN", wrong),
    ("the PIN, and its end", right),
];

const SCHEME: SignScheme = SignScheme::Ecdsa(Hash::Sha256);
const INPUT: SignInput<'_> = SignInput::Message(b"m");

fn none_needed(place: &Place) -> Outcome {
    same("login_required", place.token().info().login_required, false)
}

/// A token behind its PIN, with one key.
struct Locked {
    token: SharedToken,
    pin: &'static str,
    key: Key,
}

fn locked(place: &Place) -> Outcome<Locked> {
    let none = || Fault::Deviates("there is no PIN".into());
    let (token, pin) = place.locked().ok_or_else(none)?;
    same("login_required", token.info().login_required, true)?;
    token.login(pin)?;
    let key = made(&*token, &place.wanted("key", KeyType::Ec(Curve::P256)))?;
    token.logout();
    Ok(Locked { token, pin, key })
}

/// Its keys are shown only by a token that says so, and none signs.
fn is_closed(place: &Place, Locked { token, key, .. }: &Locked) -> Outcome {
    match token.info().public_is_open {
        true => same("keys shown", shown(&**token)?.len(), 1)?,
        false => {
            let error = refused("the listing", token.find().map(|_| ()))?;
            same("the listing", error.kind, TokenErrorKind::LoginRequired)?;
        }
    }
    let error = refused("a signature", token.sign(key, SCHEME, INPUT))?;
    same("a signature", error.kind, TokenErrorKind::LoginRequired)?;
    let wanted = place.wanted("another", KeyType::Ec(Curve::P256));
    for (what, answer) in [
        ("a new key", token.generate(&wanted).map(|_| ())),
        ("another name", token.rename(key, &place.name("other"))),
        ("its end", token.destroy(key)),
    ] {
        let error = refused(what, answer)?;
        same(what, error.kind, TokenErrorKind::LoginRequired)?;
    }
    Ok(())
}

fn before(place: &Place) -> Outcome {
    is_closed(place, &locked(place)?)
}

fn wrong(place: &Place) -> Outcome {
    let locked = locked(place)?;
    let Locked { token, pin, .. } = &locked;
    let error = refused("the wrong PIN", token.login("open barley"))?;
    same("the kind", error.kind, TokenErrorKind::WrongPin)?;
    for secret in ["barley", *pin] {
        same("the PIN in the error", error.reason.contains(secret), false)?;
    }
    is_closed(place, &locked)?;
    token.login(pin)?;
    same("keys shown", shown(&**token)?.len(), 1)
}

fn right(place: &Place) -> Outcome {
    let locked = locked(place)?;
    let Locked { token, pin, .. } = &locked;
    for _ in 0..2 {
        token.login(pin)?;
        let key = token.find()?.keys.remove(0);
        signs(&**token, &key, SCHEME, INPUT)?;
        token.logout();
        is_closed(place, &locked)?;
    }
    Ok(())
}
