//! What a program asks of an object: C_GetAttributeValue.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::error::{Error, Result};
use crate::model::attribute::Attributes;
use crate::model::attribute_list::{LISTS, STRUCTURE, decoded};
use crate::model::attribute_rules::holds_secret;
use crate::model::output::{AttributeSlot, ListSlot, Output, Room};
use crate::provider::object::Object;

/// The object last looked at: programs ask for its attributes one after the other.
#[derive(Default)]
pub(super) struct Seen(Option<(Object, Attributes)>);

impl Seen {
    fn attributes(&mut self, object: &Object) -> &Attributes {
        let seen = self.0.take();
        let seen = seen.filter(|(seen, _)| seen.is_same(object));
        let (_, attributes) = self
            .0
            .insert(seen.unwrap_or_else(|| (object.clone(), object.attributes())));
        attributes
    }
}

impl Session {
    /// C_GetAttributeValue (v3.2, 5.7.5): answers what it can, and goes on after what it cannot.
    pub fn attributes(&mut self, object: CK_OBJECT_HANDLE, slots: Vec<AttributeSlot>) -> Result {
        let object = self.object(object)?;
        let attributes = self.seen.attributes(&object);
        let mut verdict = Ok(());
        for AttributeSlot {
            kind,
            mut value,
            list,
        } in slots
        {
            let answer = match attributes.get(kind) {
                Some(bytes) if LISTS.contains(&kind) => put_list(bytes, &mut value, list),
                Some(bytes) => value.put(bytes),
                None if holds_secret(kind, object.class()) => {
                    secret(&object, kind).and_then(|bytes| value.put(&bytes))
                }
                None => Err(Error::AttributeTypeInvalid(kind)),
            };
            if answer.is_err() {
                value.unavailable();
                verdict = verdict.and(answer);
            }
        }
        verdict
    }
}

/// A part of a secret, which only a session object may let be seen.
fn secret(object: &Object, kind: CK_ATTRIBUTE_TYPE) -> Result<Zeroizing<Vec<u8>>> {
    match object {
        Object::Session(object) if object.is_open() => {
            let revealed = object.revealed(kind);
            revealed.ok_or(Error::AttributeTypeInvalid(kind))
        }
        _ => Err(Error::AttributeSensitive(kind)),
    }
}

/// A list of attributes into the structures of the caller (v3.2, 5.7.5).
fn put_list(bytes: &[u8], value: &mut Output<u8>, places: Vec<ListSlot>) -> Result {
    let attributes = decoded(bytes).unwrap_or_default();
    match value.room_for(attributes.len() * STRUCTURE) {
        Room::Enough => {}
        room => return room.verdict(),
    }
    let mut verdict = Ok(());
    for ((kind, bytes), mut place) in attributes.iter().zip(places) {
        place.kind.set(*kind);
        let answer = place.value.put(bytes);
        if answer.is_err() {
            place.value.unavailable();
            verdict = verdict.and(answer);
        }
    }
    verdict
}
