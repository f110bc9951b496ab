//! Payloads of requests that make objects: templates in KMIP 1.x, Attributes in 2.x.

use crate::kmip::attribute::{Attribute, attributes_1x, attributes_2x};
use crate::kmip::cryptography::enumeration;
use crate::kmip::enums::{KeyWrapType, ObjectType};
use crate::kmip::object::ManagedObject;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

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

pub(super) fn create(
    writer: &mut Writer,
    version: Version,
    object_type: ObjectType,
    attributes: &[Attribute],
) {
    writer.enumeration(Tag::OBJECT_TYPE, object_type);
    template(
        writer,
        version,
        Tag::TEMPLATE_ATTRIBUTE,
        Tag::ATTRIBUTES,
        attributes,
    );
}

pub(super) fn register(
    writer: &mut Writer,
    version: Version,
    object: &ManagedObject,
    attributes: &[Attribute],
) {
    create(writer, version, object.object_type(), attributes);
    object.write(writer);
}

/// Unlike the others it has no template in 1.4 either: its attributes stand alone.
pub(super) fn import(
    writer: &mut Writer,
    version: Version,
    object: &ManagedObject,
    attributes: &[Attribute],
    replace_existing: bool,
    key_wrap_type: Option<KeyWrapType>,
) {
    writer.enumeration(Tag::OBJECT_TYPE, object.object_type());
    if replace_existing {
        writer.boolean(Tag::REPLACE_EXISTING, true);
    }
    enumeration(writer, Tag::KEY_WRAP_TYPE, key_wrap_type);
    if version.has_attributes_structure() {
        attributes_2x(writer, Tag::ATTRIBUTES, attributes);
    } else {
        attributes_1x(writer, attributes);
    }
    object.write(writer);
}

/// The attributes of a pair: of both keys, of the private one, of the public one. What is empty is left out.
pub(super) fn key_pair(writer: &mut Writer, version: Version, parts: [&[Attribute]; 3]) {
    let tags = [
        (Tag::COMMON_TEMPLATE_ATTRIBUTE, Tag::COMMON_ATTRIBUTES),
        (
            Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
            Tag::PRIVATE_KEY_ATTRIBUTES,
        ),
        (
            Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
            Tag::PUBLIC_KEY_ATTRIBUTES,
        ),
    ];
    for ((tag_1x, tag_2x), attributes) in tags.into_iter().zip(parts) {
        if !attributes.is_empty() {
            template(writer, version, tag_1x, tag_2x, attributes);
        }
    }
}
