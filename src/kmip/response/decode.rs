//! Decoding of response payloads, of any version.

use super::{Capabilities, Response};
use crate::kmip::attribute::{Attribute, read_attribute};
use crate::kmip::enums::{ObjectType, Operation};
use crate::kmip::object::ManagedObject;
use crate::kmip::refusal::Refusal;
use crate::kmip::request::Request;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Item;
use crate::kmip::version::Version;

/// The field that an answer lacks.
pub(in crate::kmip) type Missing = Tag;

impl Response {
    /// The answer to `request`.
    pub(in crate::kmip) fn read(request: &Request, payload: Item<'_>) -> Result<Response, Missing> {
        let id = text(payload, Tag::UNIQUE_IDENTIFIER).unwrap_or_default();
        Ok(match request {
            Request::DiscoverVersions => Self::DiscoverVersions {
                versions: payload
                    .find_all(Tag::PROTOCOL_VERSION)
                    .filter_map(read_version)
                    .collect(),
            },
            Request::Query { .. } => Self::Query(capabilities(payload)),
            Request::Locate { .. } => located(payload),
            Request::GetAttributes { .. } => Self::GetAttributes {
                id,
                attributes: attributes(payload),
            },
            Request::Get { .. } => Self::Get {
                id,
                object: ManagedObject::read(payload),
            },
            Request::Sign { .. } => Self::Sign {
                id,
                signature: signature(payload).ok_or(Tag::SIGNATURE_DATA)?,
            },
            Request::CreateKeyPair { .. } => Self::CreateKeyPair {
                private_id: required(payload, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?,
                public_id: required(payload, Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER)?,
            },
            Request::Register { .. } => Self::Register {
                id: required(payload, Tag::UNIQUE_IDENTIFIER)?,
            },
            Request::Activate { .. } => Self::Activate { id },
            Request::Revoke { .. } => Self::Revoke { id },
            Request::Destroy { .. } => Self::Destroy { id },
            Request::AddAttribute { .. } => Self::AddAttribute { id },
            Request::ModifyAttribute { .. } => Self::ModifyAttribute { id },
            Request::SetAttribute { .. } => Self::SetAttribute { id },
            Request::DeleteAttribute { .. } => Self::DeleteAttribute { id },
        })
    }
}

fn text(payload: Item<'_>, tag: Tag) -> Option<String> {
    payload.find(tag).and_then(Item::text).map(str::to_owned)
}

fn required(payload: Item<'_>, tag: Tag) -> Result<String, Missing> {
    text(payload, tag)
        .filter(|text| !text.is_empty())
        .ok_or(tag)
}

/// A Protocol Version structure.
pub(in crate::kmip) fn read_version(item: Item<'_>) -> Option<Version> {
    let number = |tag| item.find(tag)?.integer()?.try_into().ok();
    Some(Version {
        major: number(Tag::PROTOCOL_VERSION_MAJOR)?,
        minor: number(Tag::PROTOCOL_VERSION_MINOR)?,
    })
}

fn capabilities(payload: Item<'_>) -> Capabilities {
    let vendor = payload
        .find(Tag::VENDOR_IDENTIFICATION)
        .and_then(Item::text);
    Capabilities {
        operations: payload
            .find_all(Tag::OPERATION)
            .filter_map(Item::enumeration)
            .map(Operation)
            .collect(),
        object_types: payload
            .find_all(Tag::OBJECT_TYPE)
            .filter_map(Item::enumeration)
            .map(ObjectType)
            .collect(),
        vendor_identification: vendor.map(Refusal::sanitised),
    }
}

fn located(payload: Item<'_>) -> Response {
    let number = payload.find(Tag::LOCATED_ITEMS).and_then(Item::integer);
    Response::Locate {
        ids: payload
            .find_all(Tag::UNIQUE_IDENTIFIER)
            .filter_map(Item::text)
            .map(str::to_owned)
            .collect(),
        located_items: number.and_then(|number| u32::try_from(number).ok()),
    }
}

/// 1.x has Attribute items in the payload, 2.x an Attributes structure.
fn attributes(payload: Item<'_>) -> Vec<Attribute> {
    match payload.find(Tag::ATTRIBUTES) {
        Some(holder) => holder.children().filter_map(read_attribute).collect(),
        None => payload
            .find_all(Tag::ATTRIBUTE)
            .filter_map(read_attribute)
            .collect(),
    }
}

fn signature(payload: Item<'_>) -> Option<Vec<u8>> {
    let bytes = payload.find(Tag::SIGNATURE_DATA)?.bytes()?;
    (!bytes.is_empty()).then(|| bytes.to_vec())
}
