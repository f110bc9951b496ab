//! The life of a key: its states, and its end.

use kmip_p11::kmip::*;

use crate::outcome::{Outcome, demand, deviates, needed, never};
use crate::scene::{Scene, get, get_attributes};

fn state(scene: &Scene, id: &str) -> Outcome<Option<State>> {
    match scene.ask(get_attributes(id, &[Tag::STATE]))? {
        Response::GetAttributes { attributes, .. } => {
            Ok(attributes.iter().find_map(|attribute| match attribute {
                Attribute::State(state) => Some(*state),
                _ => None,
            }))
        }
        other => never(&other),
    }
}

pub fn activate(scene: &Scene) -> Outcome {
    let id = needed(scene.inactive_aes("to be activated"))?;
    let before = state(scene, &id)?;
    demand(before == Some(State::PRE_ACTIVE), "active from the start")?;
    scene.ask(Request::Activate { id: id.clone() })?;
    demand(state(scene, &id)? == Some(State::ACTIVE), "not active")
}

fn revoked(scene: &Scene, reason: RevocationReasonCode) -> Outcome<String> {
    let id = scene.own_aes("to be revoked")?;
    let compromised = reason == RevocationReasonCode::KEY_COMPROMISE;
    scene.ask(Request::Revoke {
        id: id.clone(),
        reason,
        message: Some("end of test".to_owned()),
        compromised_at: compromised.then_some(1_700_000_000),
    })?;
    Ok(id)
}

pub fn revoke(scene: &Scene) -> Outcome {
    let id = revoked(scene, RevocationReasonCode::CESSATION_OF_OPERATION)?;
    let found = state(scene, &id)?;
    demand(found == Some(State::DEACTIVATED), "not Deactivated")?;
    let id = revoked(scene, RevocationReasonCode::KEY_COMPROMISE)?;
    let found = state(scene, &id)?;
    demand(found == Some(State::COMPROMISED), "not Compromised")
}

/// The key is not given out any more.
pub fn destroy(scene: &Scene) -> Outcome {
    let id = revoked(scene, RevocationReasonCode::CESSATION_OF_OPERATION)?;
    scene.ask(Request::Destroy { id: id.clone() })?;
    match scene.batch(&[get(&id, None)])?.remove(0) {
        Err(_) => Ok(()),
        Ok(_) => deviates("it is still given out"),
    }
}
