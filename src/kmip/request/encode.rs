//! Encoding of request payloads as a version demands: templates in 1.x, Attributes in 2.x.

use super::{CryptographicParameters, Request, SignInput};
use crate::kmip::attribute::{Attribute, attribute_1x, attributes_1x, attributes_2x, member_2x};
use crate::kmip::enums::RevocationReasonCode;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

impl Request {
    /// Writes the payload. What the version cannot express must have been refused before.
    pub(in crate::kmip) fn write_payload(&self, writer: &mut Writer, version: Version) {
        writer.structure(Tag::REQUEST_PAYLOAD, |writer| {
            self.write_fields(writer, version)
        });
    }

    fn write_fields(&self, writer: &mut Writer, version: Version) {
        if let Some(id) = self.id() {
            writer.text(Tag::UNIQUE_IDENTIFIER, id);
        }
        match self {
            Self::DiscoverVersions
            | Self::GetAttributes { .. }
            | Self::Activate { .. }
            | Self::Destroy { .. } => {}
            Self::Query { functions } => {
                functions
                    .iter()
                    .for_each(|function| writer.enumeration(Tag::QUERY_FUNCTION, *function));
            }
            Self::Locate {
                filters,
                maximum_items,
                offset_items,
            } => {
                number(writer, Tag::MAXIMUM_ITEMS, *maximum_items);
                number(writer, Tag::OFFSET_ITEMS, *offset_items);
                locate_filters(writer, version, filters);
            }
            Self::Get { format, .. } => {
                if let Some(format) = format {
                    writer.enumeration(Tag::KEY_FORMAT_TYPE, *format);
                }
            }
            Self::Sign {
                parameters, input, ..
            } => sign(writer, parameters, input),
            Self::Revoke {
                reason,
                message,
                compromised_at,
                ..
            } => {
                revoke(writer, *reason, message.as_deref(), *compromised_at);
            }
            making_or_changing => making_or_changing.write_attributes(writer, version),
        }
    }

    /// The payloads that carry attributes of an object to make or to change.
    fn write_attributes(&self, writer: &mut Writer, version: Version) {
        match self {
            Self::CreateKeyPair {
                common,
                private,
                public,
            } => create_key_pair(writer, version, common, private, public),
            Self::Register { object, attributes } => {
                writer.enumeration(Tag::OBJECT_TYPE, object.object_type());
                template(
                    writer,
                    version,
                    Tag::TEMPLATE_ATTRIBUTE,
                    Tag::ATTRIBUTES,
                    attributes,
                );
                object.write(writer);
            }
            Self::AddAttribute { attribute, .. } | Self::SetAttribute { attribute, .. } => {
                change(writer, version, attribute, None, None);
            }
            Self::ModifyAttribute {
                attribute,
                current,
                index,
                ..
            } => {
                change(writer, version, attribute, current.as_ref(), *index);
            }
            Self::DeleteAttribute {
                attribute, index, ..
            } => delete(writer, version, attribute, *index),
            _ => {}
        }
    }

    /// The unique identifier of the object the request is about, if it is about one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::DiscoverVersions
            | Self::Query { .. }
            | Self::Locate { .. }
            | Self::CreateKeyPair { .. }
            | Self::Register { .. } => None,
            Self::GetAttributes { id }
            | Self::Get { id, .. }
            | Self::Sign { id, .. }
            | Self::Activate { id }
            | Self::Revoke { id, .. }
            | Self::Destroy { id }
            | Self::AddAttribute { id, .. }
            | Self::ModifyAttribute { id, .. }
            | Self::SetAttribute { id, .. }
            | Self::DeleteAttribute { id, .. } => Some(id),
        }
    }
}

/// Counts are Integers; what does not fit asks for as many as there can be.
fn number(writer: &mut Writer, tag: Tag, value: Option<u32>) {
    if let Some(value) = value {
        writer.integer(tag, i32::try_from(value).unwrap_or(i32::MAX));
    }
}

fn locate_filters(writer: &mut Writer, version: Version, filters: &[Attribute]) {
    if version.has_attributes_structure() {
        attributes_2x(writer, Tag::ATTRIBUTES, filters);
    } else {
        filters
            .iter()
            .for_each(|filter| attribute_1x(writer, filter, None));
    }
}

fn template(
    writer: &mut Writer,
    version: Version,
    tag_1x: Tag,
    tag_2x: Tag,
    attributes: &[Attribute],
) {
    if version.has_attributes_structure() {
        attributes_2x(writer, tag_2x, attributes);
    } else {
        writer.structure(tag_1x, |writer| attributes_1x(writer, attributes));
    }
}

fn create_key_pair(
    writer: &mut Writer,
    version: Version,
    common: &[Attribute],
    private: &[Attribute],
    public: &[Attribute],
) {
    let parts = [
        (
            Tag::COMMON_TEMPLATE_ATTRIBUTE,
            Tag::COMMON_ATTRIBUTES,
            common,
        ),
        (
            Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
            Tag::PRIVATE_KEY_ATTRIBUTES,
            private,
        ),
        (
            Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
            Tag::PUBLIC_KEY_ATTRIBUTES,
            public,
        ),
    ];
    for (tag_1x, tag_2x, attributes) in parts {
        if !attributes.is_empty() {
            template(writer, version, tag_1x, tag_2x, attributes);
        }
    }
}

fn sign(writer: &mut Writer, parameters: &CryptographicParameters, input: &SignInput) {
    if *parameters != CryptographicParameters::default() {
        writer.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |writer| {
            parameters.write(writer)
        });
    }
    match input {
        SignInput::Data(bytes) => writer.bytes(Tag::DATA, bytes),
        SignInput::DigestedData(bytes) => writer.bytes(Tag::DIGESTED_DATA, bytes),
    }
}

impl CryptographicParameters {
    /// In the order of the specification, which some servers insist on.
    fn write(&self, writer: &mut Writer) {
        let mut enumeration = |tag, value: Option<u32>| {
            if let Some(value) = value {
                writer.enumeration(tag, value);
            }
        };
        enumeration(Tag::PADDING_METHOD, self.padding.map(u32::from));
        enumeration(Tag::HASHING_ALGORITHM, self.hashing.map(u32::from));
        enumeration(
            Tag::DIGITAL_SIGNATURE_ALGORITHM,
            self.signature_algorithm.map(u32::from),
        );
        enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, self.algorithm.map(u32::from));
        number(writer, Tag::SALT_LENGTH, self.salt_length);
        let mut enumeration = |tag, value: Option<u32>| {
            if let Some(value) = value {
                writer.enumeration(tag, value);
            }
        };
        enumeration(Tag::MASK_GENERATOR, self.mask_generator.map(u32::from));
        enumeration(
            Tag::MASK_GENERATOR_HASHING_ALGORITHM,
            self.mask_generator_hashing.map(u32::from),
        );
    }
}

fn revoke(
    writer: &mut Writer,
    reason: RevocationReasonCode,
    message: Option<&str>,
    compromised_at: Option<i64>,
) {
    writer.structure(Tag::REVOCATION_REASON, |writer| {
        writer.enumeration(Tag::REVOCATION_REASON_CODE, reason);
        if let Some(message) = message {
            writer.text(Tag::REVOCATION_MESSAGE, message);
        }
    });
    if let Some(seconds) = compromised_at {
        writer.date_time(Tag::COMPROMISE_OCCURRENCE_DATE, seconds);
    }
}

fn change(
    writer: &mut Writer,
    version: Version,
    new: &Attribute,
    current: Option<&Attribute>,
    index: Option<u32>,
) {
    if !version.has_attributes_structure() {
        return attribute_1x(writer, new, index);
    }
    if let Some(current) = current {
        writer.structure(Tag::CURRENT_ATTRIBUTE, |writer| member_2x(writer, current));
    }
    writer.structure(Tag::NEW_ATTRIBUTE, |writer| member_2x(writer, new));
}

fn delete(writer: &mut Writer, version: Version, attribute: &Attribute, index: Option<u32>) {
    if version.has_attributes_structure() {
        return writer.structure(Tag::CURRENT_ATTRIBUTE, |writer| {
            member_2x(writer, attribute)
        });
    }
    writer.text(Tag::ATTRIBUTE_NAME, &attribute.name());
    number(writer, Tag::ATTRIBUTE_INDEX, index);
}
