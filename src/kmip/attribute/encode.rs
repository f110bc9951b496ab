//! Encoding of attributes: named values in KMIP 1.x, tagged members in KMIP 2.x.

use super::{Attribute, Value};
use crate::kmip::enums::NameType;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

/// What of the attribute a version cannot carry, if there is something.
pub(in crate::kmip) fn inexpressible(attribute: &Attribute, version: Version) -> Option<String> {
    let unknown_value = match attribute {
        Attribute::Vendor { value, .. } | Attribute::Other { value, .. } => {
            matches!(value, Value::Unknown { .. })
        }
        Attribute::CryptographicLength(bits) => i32::try_from(*bits).is_err(),
        _ => false,
    };
    let vendors = matches!(attribute, Attribute::Vendor { .. });
    let unknown_name = version.has_attributes_structure() && !vendors && attribute.tag().is_none();
    (unknown_value || unknown_name).then(|| format!("attribute {}", attribute.name()))
}

/// The same of several.
pub(in crate::kmip) fn any_inexpressible(
    attributes: &[Attribute],
    version: Version,
) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| inexpressible(attribute, version))
}

/// 1.x: `Attribute { Attribute Name, [Attribute Index], Attribute Value }` (KMIP 1.4 section 2.1.1).
pub(in crate::kmip) fn attribute_1x(
    writer: &mut Writer,
    attribute: &Attribute,
    index: Option<u32>,
) {
    writer.structure(Tag::ATTRIBUTE, |writer| {
        writer.text(Tag::ATTRIBUTE_NAME, &attribute.name());
        if let Some(index) = index.and_then(|index| i32::try_from(index).ok()) {
            writer.integer(Tag::ATTRIBUTE_INDEX, index);
        }
        write_value(writer, Tag::ATTRIBUTE_VALUE, attribute);
    });
}

/// 1.x: several attributes. Values of the same attribute are numbered, as servers demand when there are several.
pub(in crate::kmip) fn attributes_1x(writer: &mut Writer, attributes: &[Attribute]) {
    let names: Vec<String> = attributes.iter().map(Attribute::name).collect();
    for (place, (attribute, name)) in attributes.iter().zip(&names).enumerate() {
        let several = names.iter().filter(|other| *other == name).count() > 1;
        let before = names
            .iter()
            .take(place)
            .filter(|other| *other == name)
            .count();
        attribute_1x(
            writer,
            attribute,
            if several {
                u32::try_from(before).ok()
            } else {
                None
            },
        );
    }
}

/// 2.x: a structure, usually Attributes, of members (KMIP 2.1 section 7.1).
pub(in crate::kmip) fn attributes_2x(writer: &mut Writer, tag: Tag, attributes: &[Attribute]) {
    writer.structure(tag, |writer| {
        for attribute in attributes {
            member_2x(writer, attribute);
        }
    });
}

/// 2.x: one attribute under its own tag; a vendor's as `Attribute { Vendor Identification, Attribute Name, Attribute Value }`.
pub(in crate::kmip) fn member_2x(writer: &mut Writer, attribute: &Attribute) {
    match (attribute, attribute.tag()) {
        (
            Attribute::Vendor {
                vendor,
                name,
                value,
            },
            _,
        ) => writer.structure(Tag::ATTRIBUTE, |writer| {
            writer.text(Tag::VENDOR_IDENTIFICATION, vendor);
            writer.text(Tag::ATTRIBUTE_NAME, name);
            value.write(writer, Tag::ATTRIBUTE_VALUE);
        }),
        (_, Some(tag)) => write_value(writer, tag, attribute),
        (_, None) => {}
    }
}

fn write_value(writer: &mut Writer, tag: Tag, attribute: &Attribute) {
    use Attribute as A;
    match attribute {
        A::UniqueIdentifier(text)
        | A::ObjectGroup(text)
        | A::Comment(text)
        | A::Description(text)
        | A::ContactInformation(text)
        | A::OperationPolicyName(text) => writer.text(tag, text),
        A::Name(name) => writer.structure(tag, |writer| {
            writer.text(Tag::NAME_VALUE, name);
            writer.enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING);
        }),
        A::ObjectType(value) => writer.enumeration(tag, *value),
        A::CryptographicAlgorithm(value) => writer.enumeration(tag, *value),
        A::KeyFormatType(value) => writer.enumeration(tag, *value),
        A::State(value) => writer.enumeration(tag, *value),
        A::CertificateType(value) => writer.enumeration(tag, *value),
        A::CryptographicLength(bits) => {
            writer.integer(tag, i32::try_from(*bits).unwrap_or(i32::MAX))
        }
        A::CryptographicUsageMask(mask) => writer.integer(tag, mask.0.cast_signed()),
        A::CryptographicDomainParameters { curve } => {
            writer.structure(tag, |writer| {
                writer.enumeration(Tag::RECOMMENDED_CURVE, *curve)
            });
        }
        A::InitialDate(seconds)
        | A::ActivationDate(seconds)
        | A::DeactivationDate(seconds)
        | A::DestroyDate(seconds)
        | A::CompromiseDate(seconds)
        | A::LastChangeDate(seconds) => writer.date_time(tag, *seconds),
        A::ApplicationSpecificInformation { namespace, data } => writer.structure(tag, |writer| {
            writer.text(Tag::APPLICATION_NAMESPACE, namespace);
            writer.text(Tag::APPLICATION_DATA, data);
        }),
        A::Link { kind, id } => writer.structure(tag, |writer| {
            writer.enumeration(Tag::LINK_TYPE, *kind);
            writer.text(Tag::LINKED_OBJECT_IDENTIFIER, id);
        }),
        A::Sensitive(value)
        | A::AlwaysSensitive(value)
        | A::Extractable(value)
        | A::NeverExtractable(value) => {
            writer.boolean(tag, *value);
        }
        A::Vendor { value, .. } | A::Other { value, .. } => value.write(writer, tag),
    }
}
