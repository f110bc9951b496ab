//! Attributes: read, listed, added, changed and removed.

use kmip_p11::kmip::*;

use crate::outcome::{Outcome, demand, never};
use crate::scene::{Scene, get_attributes};

fn of(scene: &Scene, id: &str, names: &[Tag]) -> Outcome<Vec<Attribute>> {
    match scene.ask(get_attributes(id, names))? {
        Response::GetAttributes { attributes, .. } => Ok(attributes),
        other => never(&other),
    }
}

pub fn all(scene: &Scene) -> Outcome {
    let found = of(scene, &scene.aes()?, &[])?;
    for wanted in [
        Attribute::ObjectType(ObjectType::SYMMETRIC_KEY),
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::State(State::ACTIVE),
        Attribute::Name(scene.name("aes")),
    ] {
        demand(found.contains(&wanted), &format!("no {}", wanted.name()))?;
    }
    Ok(())
}

pub fn named(scene: &Scene) -> Outcome {
    let found = of(scene, &scene.aes()?, &[Tag::STATE])?;
    demand(
        found == [Attribute::State(State::ACTIVE)],
        "not the one alone",
    )
}

pub fn list(scene: &Scene) -> Outcome {
    let id = scene.aes()?;
    match scene.ask(Request::GetAttributeList { id })? {
        Response::GetAttributeList { names, .. } => {
            let state = AttributeReference::Standard(Tag::STATE);
            demand(names.contains(&state), "no State")
        }
        other => never(&other),
    }
}

fn colour() -> Attribute {
    Attribute::Vendor {
        vendor: "x".to_owned(),
        name: "colour".to_owned(),
        value: Value::Text("red".to_owned()),
    }
}

/// A key with an attribute of ours.
fn coloured(scene: &Scene, name: &str) -> Outcome<String> {
    let id = scene.own_aes(name)?;
    scene.ask(Request::AddAttribute {
        id: id.clone(),
        attribute: colour(),
    })?;
    Ok(id)
}

pub fn add(scene: &Scene) -> Outcome {
    let id = coloured(scene, "coloured")?;
    demand(of(scene, &id, &[])?.contains(&colour()), "it is not there")
}

pub fn set(scene: &Scene) -> Outcome {
    let id = scene.own_aes("set")?;
    scene.ask(Request::SetAttribute {
        id: id.clone(),
        attribute: Attribute::Sensitive(true),
    })?;
    let found = of(scene, &id, &[])?;
    demand(
        found.contains(&Attribute::Sensitive(true)),
        "it is not there",
    )
}

/// The name: every server here lets an object have one at least.
pub fn modify(scene: &Scene) -> Outcome {
    let id = scene.own_aes("before")?;
    let old = Attribute::Name(scene.name("before"));
    let new = Attribute::Name(scene.name("after"));
    scene.ask(Request::ModifyAttribute {
        id: id.clone(),
        attribute: new.clone(),
        current: Some(old.clone()),
        index: None,
    })?;
    let found = of(scene, &id, &[])?;
    demand(found.contains(&new), "it is not there")?;
    demand(!found.contains(&old), "the old one is there too")
}

/// A name, which no server here has to learn by Add Attribute.
fn removed(scene: &Scene, request: impl FnOnce(String, Attribute) -> Request) -> Outcome {
    let id = scene.own_aes("removed")?;
    let name = Attribute::Name(scene.name("removed"));
    scene.ask(request(id.clone(), name.clone()))?;
    demand(!of(scene, &id, &[])?.contains(&name), "it is still there")
}

pub fn delete(scene: &Scene) -> Outcome {
    removed(scene, |id, attribute| Request::DeleteAttribute {
        id,
        attribute,
        index: None,
    })
}

pub fn delete_named(scene: &Scene) -> Outcome {
    removed(scene, |id, _| Request::DeleteAttributeNamed {
        id,
        reference: AttributeReference::Standard(Tag::NAME),
    })
}
