//! Decoding of response payloads, of any version.

use super::{Capabilities, Response};
use crate::kmip::attribute::{Attribute, AttributeReference, read_attribute};
use crate::kmip::enums::{ObjectType, ValidityIndicator};
use crate::kmip::object::ManagedObject;
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
            Request::Query { .. } => Self::Query(Capabilities::read(payload)),
            Request::Locate { .. } => located(payload),
            Request::GetAttributes { .. } => Self::GetAttributes {
                id,
                attributes: attributes(payload),
            },
            Request::Get { .. } => Self::Get {
                id,
                object: ManagedObject::read(payload),
            },
            Request::GetAttributeList { .. } => Self::GetAttributeList {
                id,
                names: payload
                    .children()
                    .filter_map(AttributeReference::read)
                    .collect(),
            },
            Request::Create { .. } => Self::Create {
                object_type: payload
                    .find(Tag::OBJECT_TYPE)
                    .and_then(Item::enumeration)
                    .map(ObjectType),
                id: required(payload, Tag::UNIQUE_IDENTIFIER)?,
            },
            Request::CreateKeyPair { .. } => Self::CreateKeyPair {
                private_id: required(payload, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?,
                public_id: required(payload, Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER)?,
            },
            Request::RekeyKeyPair { .. } => Self::RekeyKeyPair {
                private_id: required(payload, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?,
                public_id: required(payload, Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER)?,
            },
            Request::Import { .. } => Self::Import {
                id: required(payload, Tag::UNIQUE_IDENTIFIER)?,
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
            Request::DeleteAttribute { .. } | Request::DeleteAttributeNamed { .. } => {
                Self::DeleteAttribute { id }
            }
            usage => Self::read_usage(usage, id, payload)?,
        })
    }

    /// The answers to requests that use keys. Data may be empty, signatures and codes may not.
    fn read_usage(request: &Request, id: String, payload: Item<'_>) -> Result<Response, Missing> {
        let bytes = |tag| payload.find(tag).and_then(Item::bytes);
        let some = |tag| bytes(tag).filter(|bytes| !bytes.is_empty()).ok_or(tag);
        let validity = || {
            let verdict = payload.find(Tag::VALIDITY_INDICATOR);
            let number = verdict.and_then(Item::enumeration);
            number.map(ValidityIndicator).ok_or(Tag::VALIDITY_INDICATOR)
        };
        Ok(match request {
            Request::Sign { .. } => Self::Sign {
                id,
                signature: some(Tag::SIGNATURE_DATA)?.to_vec(),
            },
            Request::SignatureVerify { .. } => Self::SignatureVerify {
                id,
                validity: validity()?,
            },
            Request::Encrypt { .. } => Self::Encrypt {
                id,
                data: bytes(Tag::DATA).unwrap_or_default().to_vec(),
                iv_counter_nonce: bytes(Tag::IV_COUNTER_NONCE).map(<[u8]>::to_vec),
                tag: bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG).map(<[u8]>::to_vec),
            },
            Request::Decrypt { .. } => Self::Decrypt {
                id,
                data: bytes(Tag::DATA).unwrap_or_default().into(),
            },
            Request::Mac { .. } => Self::Mac {
                id,
                mac: some(Tag::MAC_DATA)?.to_vec(),
            },
            Request::MacVerify { .. } => Self::MacVerify {
                id,
                validity: validity()?,
            },
            Request::Hash { .. } => Self::Hash {
                digest: some(Tag::DATA)?.to_vec(),
            },
            Request::RngRetrieve { .. } => Self::RngRetrieve {
                data: some(Tag::DATA)?.into(),
            },
            _ => return Err(Tag::RESPONSE_PAYLOAD),
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
