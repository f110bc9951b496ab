//! What is asked of the server itself, what is found, and batches.

use kmip_p11::kmip::*;

use crate::outcome::{Outcome, demand, never};
use crate::scene::{Scene, get_attributes};

pub fn discover_versions(scene: &Scene) -> Outcome {
    match scene.ask(Request::DiscoverVersions)? {
        Response::DiscoverVersions { versions } => {
            demand(versions.contains(&scene.version), "not the version in use")
        }
        other => never(&other),
    }
}

pub fn query(scene: &Scene) -> Outcome {
    let functions = vec![QueryFunction::QUERY_OPERATIONS];
    match scene.ask(Request::Query { functions })? {
        Response::Query(can) => demand(can.operations.contains(&Operation::GET), "no Get"),
        other => never(&other),
    }
}

fn locate(filters: Vec<Attribute>, most: Option<u32>, offset: Option<u32>) -> Request {
    Request::Locate {
        filters,
        maximum_items: most,
        offset_items: offset,
        storage_status: None,
        group_member: None,
    }
}

fn found(scene: &Scene, request: Request) -> Outcome<Vec<String>> {
    match scene.ask(request)? {
        Response::Locate { ids, .. } => Ok(ids),
        other => never(&other),
    }
}

/// Found are exactly these, in any order.
fn finds(scene: &Scene, filters: Vec<Attribute>, wanted: &[&str]) -> Outcome {
    let mut ids = found(scene, locate(filters, None, None))?;
    ids.sort();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    demand(
        wanted.iter().all(|id| ids.iter().any(|i| i == id)),
        "misses objects",
    )?;
    demand(ids == wanted, "finds others too")
}

/// A key of that name, and another one that differs in nothing but its name.
fn two_keys(scene: &Scene, name: &str) -> Outcome<String> {
    scene.own_aes(&format!("{name} other"))?;
    scene.own_aes(name)
}

pub fn by_name(scene: &Scene) -> Outcome {
    let id = two_keys(scene, "by name")?;
    finds(scene, vec![Attribute::Name(scene.name("by name"))], &[&id])
}

/// Three objects have the name, which some servers allow: one is of the type.
pub fn by_type(scene: &Scene) -> Outcome {
    let pair = scene.p256()?;
    let name = Attribute::Name(scene.name("p256"));
    let of = |kind| vec![Attribute::ObjectType(kind), name.clone()];
    finds(scene, of(ObjectType::PRIVATE_KEY), &[&pair.private])?;
    finds(scene, of(ObjectType::SYMMETRIC_KEY), &[])
}

pub fn by_algorithm(scene: &Scene) -> Outcome {
    let id = scene.own_aes("by algorithm")?;
    let name = Attribute::Name(scene.name("by algorithm"));
    let of = |algorithm| vec![Attribute::CryptographicAlgorithm(algorithm), name.clone()];
    finds(scene, of(CryptographicAlgorithm::AES), &[&id])?;
    finds(scene, of(CryptographicAlgorithm::RSA), &[])
}

pub fn by_state(scene: &Scene) -> Outcome {
    let id = scene.own_aes("by state")?;
    let name = Attribute::Name(scene.name("by state"));
    let of = |state| vec![Attribute::State(state), name.clone()];
    finds(scene, of(State::ACTIVE), &[&id])?;
    finds(scene, of(State::DEACTIVATED), &[])
}

pub fn by_group(scene: &Scene) -> Outcome {
    let group = scene.name("a group");
    let request = Request::Create {
        object_type: ObjectType::SYMMETRIC_KEY,
        attributes: vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(UsageMask::ENCRYPT),
            Attribute::ObjectGroup(group.clone()),
        ],
    };
    match scene.ask(request)? {
        Response::Create { id, .. } => finds(scene, vec![Attribute::ObjectGroup(group)], &[&id]),
        other => never(&other),
    }
}

pub fn by_unknown_name(scene: &Scene) -> Outcome {
    finds(scene, vec![Attribute::Name(scene.name("nobody"))], &[])
}

fn keys() -> Vec<Attribute> {
    vec![Attribute::ObjectType(ObjectType::SYMMETRIC_KEY)]
}

pub fn limited(scene: &Scene) -> Outcome {
    two_keys(scene, "limited")?;
    let ids = found(scene, locate(keys(), Some(1), None))?;
    demand(ids.len() == 1, "not heeded")
}

/// Two pages have no object in common.
pub fn offset(scene: &Scene) -> Outcome {
    two_keys(scene, "offset")?;
    let first = found(scene, locate(keys(), Some(1), Some(0)))?;
    let second = found(scene, locate(keys(), Some(1), Some(1)))?;
    demand(
        first.len() == 1 && second.len() == 1,
        "Maximum Items not heeded",
    )?;
    demand(first != second, "not heeded")
}

/// The items around one that is refused are answered.
pub fn mixed_batch(scene: &Scene) -> Outcome {
    let id = scene.aes()?;
    let good = || get_attributes(&id, &[Tag::STATE]);
    let answers = scene.batch(&[good(), get_attributes("absent", &[Tag::STATE]), good()])?;
    let right: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    demand(right == [true, false, true], "not the one alone")
}

pub fn long_batch(scene: &Scene) -> Outcome {
    let ids = [scene.aes()?, scene.own_aes("long batch")?];
    let asked: Vec<&String> = ids.iter().cycle().take(16).collect();
    let requests: Vec<Request> = asked.iter().map(|id| get_attributes(id, &[])).collect();
    let answers = scene.batch(&requests)?;
    demand(answers.len() == asked.len(), "not as many answers")?;
    for (answer, asked) in answers.into_iter().zip(asked) {
        match answer? {
            Response::GetAttributes { id, .. } => demand(id == *asked, "another's answer")?,
            other => never(&other)?,
        }
    }
    Ok(())
}
