//! Capabilities: what a server says of itself in its answer to Query.

use crate::kmip::attribute::Value;
use crate::kmip::enums::{ObjectType, Operation};
use crate::kmip::refusal::Refusal;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Item;

/// What a server says it can do. Servers leave out what they can; take it as a hint.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Capabilities {
    /// The operations.
    pub operations: Vec<Operation>,
    /// The kinds of object.
    pub object_types: Vec<ObjectType>,
    /// Who made the server; sanitised like a refusal's message.
    pub vendor_identification: Option<String>,
    /// The namespaces of Application Specific Information; sanitised too.
    pub application_namespaces: Vec<String>,
    /// All else as it came, in the server's order: Server Information, Extension Information, Attestation Type,
    /// RNG Parameters, Profile Information, Validation Information, Capability Information, Client Registration Method,
    /// Defaults Information, Protection Storage Masks, and what we have no name for. Its texts are the server's own: they
    /// are not sanitised.
    pub other: Vec<(Tag, Value)>,
}

impl Capabilities {
    /// All values that came under a tag of [`Capabilities::other`].
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = &Value> {
        let wanted = self.other.iter().filter(move |(found, _)| *found == tag);
        wanted.map(|(_, value)| value)
    }

    /// Reads the payload of the answer. A value of an unexpected type is kept with all else.
    pub(super) fn read(payload: Item<'_>) -> Capabilities {
        let mut read = Capabilities::default();
        for item in payload.children() {
            if !read.take(item) {
                read.other.push((item.tag, Value::read(item)));
            }
        }
        read
    }

    /// Whether the item has a place of its own.
    fn take(&mut self, item: Item<'_>) -> bool {
        match (item.tag, item.enumeration(), item.text()) {
            (Tag::OPERATION, Some(number), _) => self.operations.push(Operation(number)),
            (Tag::OBJECT_TYPE, Some(number), _) => self.object_types.push(ObjectType(number)),
            (Tag::VENDOR_IDENTIFICATION, _, Some(text)) if self.vendor_identification.is_none() => {
                self.vendor_identification = Some(Refusal::sanitised(text));
            }
            (Tag::APPLICATION_NAMESPACE, _, Some(text)) => {
                self.application_namespaces.push(Refusal::sanitised(text));
            }
            _ => return false,
        }
        true
    }
}
