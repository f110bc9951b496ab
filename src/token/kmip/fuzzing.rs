//! A door for the fuzz targets: from what a server answers to the keys that a slot lists.

use super::managed::Managed;
use super::material;
use super::pairing::{Located, Proof};
use crate::config::KeyFilter;
use crate::kmip::{Answer, ManagedObject, ObjectType, Response};
use crate::model::certificate::Certificate;
use crate::model::key::{Found, ObjectId};
use crate::token::selection::select;

/// The keys in the answers: attributes of private keys, and of public keys before their values. Every
/// doubtful pair is taken for one.
pub fn listed(answers: Vec<Answer>) -> Found {
    let mut located = Located::default();
    let mut described: Option<Managed> = None;
    for response in answers.into_iter().flatten() {
        match response {
            Response::GetAttributes { id, attributes } => {
                let managed = Managed::new(&id, attributes);
                match managed.is_other_than(ObjectType::PRIVATE_KEY) {
                    true => described = Some(managed),
                    false => located.private.push(managed),
                }
            }
            Response::Get { id, object } => take(&mut located, described.take(), &id, object),
            _ => {}
        }
    }
    let mut prove = |_: &_| Ok(Proof::Proven);
    let paired = located.pair(&mut prove).unwrap_or_default();
    let mut found = select(paired.keys, &KeyFilter::default());
    found.hidden.extend(paired.hidden);
    found
}

fn take(located: &mut Located, described: Option<Managed>, id: &str, object: ManagedObject) {
    match object {
        ManagedObject::PublicKey(block) => {
            let managed = described.unwrap_or_else(|| Managed::new(id, vec![]));
            located.public.push((managed, material::public_key(&block)));
        }
        ManagedObject::Certificate { value, .. } => {
            let certificate = Certificate::from_der(ObjectId(id.to_owned()), &value);
            located.certificates.extend(certificate);
        }
        _ => {}
    }
}
