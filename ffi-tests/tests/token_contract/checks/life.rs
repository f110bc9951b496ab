//! The life of a key: what is shown and what signs before its activation, after its revocation and after its end.

use ffi_tests::place::{Place, ended};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::key::{Key, State};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::{NewKey, Revocation, Token};

use super::signing::signs;
use super::{Check, RETIRED, named};
use crate::outcome::{Fault, Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("a key before its activation", inactive),
    ("activate", activate),
    ("revoke", |it| revoke(it, RETIRED, State::Deactivated)),
    ("revoke, compromised", |it| {
        let why = Revocation {
            compromised: true,
            message: Some("seen in a mail".into()),
        };
        revoke(it, why, State::Compromised)
    }),
    ("destroy", destroy),
    ("destroy, an active key", destroy_active),
];

const P256: KeyType = KeyType::Ec(Curve::P256);
const SCHEME: SignScheme = SignScheme::Ecdsa(Hash::Sha256);
const INPUT: SignInput<'_> = SignInput::Message(b"m");

fn imported(place: &Place, token: &dyn Token, activate: bool) -> Outcome<Key> {
    let wanted = NewKey {
        activate,
        ..place.wanted("key", P256)
    };
    let private = PrivateKey::generate(P256).expect("a usual type");
    Ok(token.import(&private, &wanted)?)
}

/// Hidden with its state as the reason, and without a signature.
fn is_out_of_use(token: &dyn Token, key: &Key, state: State) -> Outcome {
    let found = token.find()?;
    same("keys shown", found.keys.len(), 0)?;
    let hidden = found.hidden.iter().find(|hidden| hidden.id == key.id);
    let Some(hidden) = hidden else {
        return Err(Fault::Deviates("it is hidden without a word".into()));
    };
    let told = hidden.reason.contains(&state.to_string());
    demand(told, format!("it is hidden since {:?}", hidden.reason))?;
    let known = hidden.key.as_ref().map(|key| key.state);
    same("its state", known, Some(state))?;
    let error = refused("a signature", token.sign(key, SCHEME, INPUT))?;
    same("the kind", error.kind, TokenErrorKind::Denied)
}

fn inactive(place: &Place) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, false)?;
    same("its state", key.state, State::PreActive)?;
    is_out_of_use(&*token, &key, State::PreActive)
}

fn activate(place: &Place) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, false)?;
    token.activate(&key)?;
    let found = token.find()?;
    let now = named(&found, &key.name)?;
    same("its state", now.state, State::Active)?;
    signs(&*token, now, SCHEME, INPUT)
}

fn revoke(place: &Place, revocation: Revocation, state: State) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, true)?;
    signs(&*token, &key, SCHEME, INPUT)?;
    token.revoke(&key, &revocation)?;
    is_out_of_use(&*token, &key, state)?;
    demand(
        token.activate(&key).is_err(),
        "what was revoked is active again",
    )?;
    is_out_of_use(&*token, &key, state)
}

/// It is gone, and so says whatever is asked of it.
fn destroy(place: &Place) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, true)?;
    ended(&*token, &key)?;
    same("keys shown", token.find()?.keys.len(), 0)?;
    for (what, answer) in [
        ("a signature", token.sign(&key, SCHEME, INPUT).map(|_| ())),
        ("rename", token.rename(&key, &place.name("late"))),
    ] {
        let error = refused(what, answer)?;
        same(what, error.kind, TokenErrorKind::Gone)?;
    }
    // Nothing is lost by it, and some servers take it.
    match token.destroy(&key) {
        Ok(()) => Ok(()),
        again => {
            let error = refused("destroy once more", again)?;
            same("destroy once more", error.kind, TokenErrorKind::Gone)
        }
    }
}

/// Nobody loses a key in use by one word.
fn destroy_active(place: &Place) -> Outcome {
    let token = place.token();
    let key = imported(place, &*token, true)?;
    let error = refused("it", token.destroy(&key))?;
    same("the kind", error.kind, TokenErrorKind::Denied)?;
    let told = error.reason.contains("revoke");
    demand(told, format!("{:?} does not say how", error.reason))?;
    signs(&*token, &key, SCHEME, INPUT)
}
