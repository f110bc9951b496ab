//! Decoding of attributes, both forms, tolerant: a value of an unexpected type is kept as [`Attribute::Other`].

use super::{Attribute, UsageMask, Value};
use crate::kmip::enums::{
    CertificateType, CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, RecommendedCurve,
    State,
};
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Item;

/// The attribute that an item is: the 1.x form, a vendor's 2.x form, or a 2.x member under its own tag.
pub(in crate::kmip) fn read_attribute(item: Item<'_>) -> Option<Attribute> {
    if item.tag != Tag::ATTRIBUTE {
        return Some(member(item.tag, item));
    }
    let name = item.find(Tag::ATTRIBUTE_NAME)?.text()?;
    let value = item.find(Tag::ATTRIBUTE_VALUE)?;
    Some(
        match item.find(Tag::VENDOR_IDENTIFICATION).and_then(Item::text) {
            Some(vendor) => vendors(vendor, name, value),
            None => named(name, value),
        },
    )
}

fn named(name: &str, value: Item<'_>) -> Attribute {
    if let Some(tag) = Tag::from_name(name) {
        return member(tag, value);
    }
    match name.split_once('-') {
        Some((vendor @ ("x" | "y"), rest)) => vendors(vendor, rest, value),
        _ => Attribute::Other {
            name: name.to_owned(),
            value: Value::read(value),
        },
    }
}

fn vendors(vendor: &str, name: &str, value: Item<'_>) -> Attribute {
    Attribute::Vendor {
        vendor: vendor.to_owned(),
        name: name.to_owned(),
        value: Value::read(value),
    }
}

fn member(tag: Tag, value: Item<'_>) -> Attribute {
    typed(tag, value).unwrap_or_else(|| Attribute::Other {
        name: tag.to_string(),
        value: Value::read(value),
    })
}

fn typed(tag: Tag, item: Item<'_>) -> Option<Attribute> {
    use Attribute as A;
    Some(match tag {
        Tag::UNIQUE_IDENTIFIER => A::UniqueIdentifier(text(item)?),
        Tag::NAME => A::Name(text(item.find(Tag::NAME_VALUE)?)?),
        Tag::OBJECT_TYPE => A::ObjectType(ObjectType(item.enumeration()?)),
        Tag::CRYPTOGRAPHIC_ALGORITHM => {
            A::CryptographicAlgorithm(CryptographicAlgorithm(item.enumeration()?))
        }
        Tag::CRYPTOGRAPHIC_LENGTH => A::CryptographicLength(u32::try_from(item.integer()?).ok()?),
        Tag::CRYPTOGRAPHIC_USAGE_MASK => {
            A::CryptographicUsageMask(UsageMask(item.integer()?.cast_unsigned()))
        }
        Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS => A::CryptographicDomainParameters {
            curve: RecommendedCurve(item.find(Tag::RECOMMENDED_CURVE)?.enumeration()?),
        },
        Tag::KEY_FORMAT_TYPE => A::KeyFormatType(KeyFormatType(item.enumeration()?)),
        Tag::STATE => A::State(State(item.enumeration()?)),
        Tag::INITIAL_DATE => A::InitialDate(item.date_time()?),
        Tag::ACTIVATION_DATE => A::ActivationDate(item.date_time()?),
        Tag::DEACTIVATION_DATE => A::DeactivationDate(item.date_time()?),
        Tag::DESTROY_DATE => A::DestroyDate(item.date_time()?),
        Tag::COMPROMISE_DATE => A::CompromiseDate(item.date_time()?),
        Tag::LAST_CHANGE_DATE => A::LastChangeDate(item.date_time()?),
        Tag::OBJECT_GROUP => A::ObjectGroup(text(item)?),
        Tag::APPLICATION_SPECIFIC_INFORMATION => A::ApplicationSpecificInformation {
            namespace: text(item.find(Tag::APPLICATION_NAMESPACE)?)?,
            data: item
                .find(Tag::APPLICATION_DATA)
                .and_then(text)
                .unwrap_or_default(),
        },
        Tag::LINK => A::Link {
            kind: LinkType(item.find(Tag::LINK_TYPE)?.enumeration()?),
            id: text(item.find(Tag::LINKED_OBJECT_IDENTIFIER)?)?,
        },
        Tag::SENSITIVE => A::Sensitive(item.boolean()?),
        Tag::ALWAYS_SENSITIVE => A::AlwaysSensitive(item.boolean()?),
        Tag::EXTRACTABLE => A::Extractable(item.boolean()?),
        Tag::NEVER_EXTRACTABLE => A::NeverExtractable(item.boolean()?),
        Tag::COMMENT => A::Comment(text(item)?),
        Tag::DESCRIPTION => A::Description(text(item)?),
        Tag::CONTACT_INFORMATION => A::ContactInformation(text(item)?),
        Tag::OPERATION_POLICY_NAME => A::OperationPolicyName(text(item)?),
        Tag::CERTIFICATE_TYPE => A::CertificateType(CertificateType(item.enumeration()?)),
        _ => return None,
    })
}

fn text(item: Item<'_>) -> Option<String> {
    item.text().map(str::to_owned)
}
