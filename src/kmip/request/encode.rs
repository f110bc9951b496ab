//! Encoding of request payloads as a version demands: which request has which payload.

use super::lookup::Selection;
use super::{Request, change, lookup, making, usage};
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

impl Request {
    /// Writes the payload. What the version cannot express must have been refused before.
    pub(in crate::kmip) fn write_payload(&self, writer: &mut Writer, version: Version) {
        writer.structure(Tag::REQUEST_PAYLOAD, |writer| {
            if let Some(id) = self.id() {
                writer.text(self.id_tag(), id);
            }
            self.write_lookup(writer, version);
            self.write_usage(writer);
            self.write_making(writer, version);
            self.write_change(writer, version);
        });
    }

    /// The payloads of requests that look things up.
    fn write_lookup(&self, writer: &mut Writer, version: Version) {
        match self {
            Self::Query { functions } => lookup::query(writer, functions),
            Self::Locate { filters, .. } => {
                if let Some(selection) = self.selection() {
                    selection.write(writer, version, filters);
                }
            }
            Self::GetAttributes { names, .. } => lookup::get_attributes(writer, version, names),
            Self::Get {
                format, wrapping, ..
            } => lookup::get(writer, *format, wrapping.as_ref()),
            _ => {}
        }
    }

    /// What Locate asks besides attributes.
    pub(super) fn selection(&self) -> Option<Selection> {
        match self {
            Self::Locate {
                maximum_items,
                offset_items,
                storage_status,
                group_member,
                ..
            } => Some(Selection {
                maximum_items: *maximum_items,
                offset_items: *offset_items,
                storage_status: *storage_status,
                group_member: *group_member,
            }),
            _ => None,
        }
    }

    /// The payloads of requests that use keys.
    fn write_usage(&self, writer: &mut Writer) {
        match self {
            Self::Sign {
                parameters, input, ..
            } => usage::sign(writer, parameters, input, None),
            Self::SignatureVerify {
                parameters,
                input,
                signature,
                ..
            } => usage::sign(writer, parameters, input, Some(signature)),
            Self::Encrypt {
                parameters, input, ..
            } => usage::cipher(writer, parameters, input, None),
            Self::Decrypt {
                parameters, input, ..
            } => usage::cipher(writer, parameters, input, input.tag.as_deref()),
            Self::Mac {
                parameters, data, ..
            }
            | Self::Hash { parameters, data } => usage::mac(writer, parameters, data, None),
            Self::MacVerify {
                parameters,
                data,
                mac,
                ..
            } => usage::mac(writer, parameters, data, Some(mac)),
            Self::RngRetrieve { length } => {
                crate::kmip::cryptography::number(writer, Tag::DATA_LENGTH, Some(*length));
            }
            _ => {}
        }
    }

    /// The payloads of requests that make objects.
    fn write_making(&self, writer: &mut Writer, version: Version) {
        match self {
            Self::Create {
                object_type,
                attributes,
            } => making::create(writer, version, *object_type, attributes),
            Self::CreateKeyPair {
                common,
                private,
                public,
            } => making::key_pair(writer, version, [common, private, public]),
            Self::Register { object, attributes } => {
                making::register(writer, version, object, attributes);
            }
            Self::Import {
                object,
                attributes,
                replace_existing,
                key_wrap_type,
                ..
            } => making::import(
                writer,
                version,
                object,
                attributes,
                *replace_existing,
                *key_wrap_type,
            ),
            Self::RekeyKeyPair {
                offset,
                common,
                private,
                public,
                ..
            } => {
                if let Some(seconds) = offset {
                    writer.interval(Tag::OFFSET, *seconds);
                }
                making::key_pair(writer, version, [common, private, public]);
            }
            _ => {}
        }
    }

    /// The payloads of requests that change objects.
    fn write_change(&self, writer: &mut Writer, version: Version) {
        match self {
            Self::Revoke {
                reason,
                message,
                compromised_at,
                ..
            } => change::revoke(writer, *reason, message.as_deref(), *compromised_at),
            Self::AddAttribute { attribute, .. } | Self::SetAttribute { attribute, .. } => {
                change::change(writer, version, attribute, None, None);
            }
            Self::ModifyAttribute {
                attribute,
                current,
                index,
                ..
            } => change::change(writer, version, attribute, current.as_ref(), *index),
            Self::DeleteAttribute {
                attribute, index, ..
            } => change::delete(writer, version, attribute, *index),
            Self::DeleteAttributeNamed { reference, .. } => reference.write(writer, version),
            _ => {}
        }
    }

    /// The unique identifier of the object the request is about, if it is about one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::DiscoverVersions
            | Self::Query { .. }
            | Self::Locate { .. }
            | Self::Hash { .. }
            | Self::RngRetrieve { .. }
            | Self::Create { .. }
            | Self::CreateKeyPair { .. }
            | Self::Register { .. } => None,
            Self::GetAttributes { id, .. }
            | Self::GetAttributeList { id }
            | Self::Get { id, .. }
            | Self::Sign { id, .. }
            | Self::SignatureVerify { id, .. }
            | Self::Encrypt { id, .. }
            | Self::Decrypt { id, .. }
            | Self::Mac { id, .. }
            | Self::MacVerify { id, .. }
            | Self::Import { id, .. }
            | Self::RekeyKeyPair { id, .. }
            | Self::Activate { id }
            | Self::Revoke { id, .. }
            | Self::Destroy { id }
            | Self::AddAttribute { id, .. }
            | Self::ModifyAttribute { id, .. }
            | Self::SetAttribute { id, .. }
            | Self::DeleteAttribute { id, .. }
            | Self::DeleteAttributeNamed { id, .. } => Some(id),
        }
    }

    fn id_tag(&self) -> Tag {
        match self {
            Self::RekeyKeyPair { .. } => Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
            _ => Tag::UNIQUE_IDENTIFIER,
        }
    }
}
