//! Attributes of managed objects: typed where we use them, kept as they came where we do not.
//!
//! An attribute's name in KMIP 1.x ("Cryptographic Algorithm") is the name of its tag in KMIP 2.x, so [`Tag`]'s list is the one table of both.

mod decode;
mod encode;
mod reference;
mod value;

pub use reference::AttributeReference;
pub use value::{UsageMask, Value};

pub(super) use decode::read_attribute;
pub(super) use encode::{
    any_inexpressible, attribute_1x, attributes_1x, attributes_2x, inexpressible, member_2x,
};

use super::enums::{
    CertificateType, CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, RecommendedCurve,
    State,
};
use super::tags::Tag;

/// One attribute (KMIP 1.4 section 3, KMIP 2.1 section 4). Dates are seconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are those of the specification, which explains them
pub enum Attribute {
    UniqueIdentifier(String),
    Name(String),
    ObjectType(ObjectType),
    CryptographicAlgorithm(CryptographicAlgorithm),
    /// In bits.
    CryptographicLength(u32),
    CryptographicUsageMask(UsageMask),
    CryptographicDomainParameters {
        curve: RecommendedCurve,
    },
    KeyFormatType(KeyFormatType),
    State(State),
    InitialDate(i64),
    ActivationDate(i64),
    DeactivationDate(i64),
    DestroyDate(i64),
    CompromiseDate(i64),
    LastChangeDate(i64),
    ObjectGroup(String),
    ApplicationSpecificInformation {
        namespace: String,
        data: String,
    },
    Link {
        kind: LinkType,
        id: String,
    },
    Sensitive(bool),
    AlwaysSensitive(bool),
    Extractable(bool),
    NeverExtractable(bool),
    Comment(String),
    Description(String),
    ContactInformation(String),
    OperationPolicyName(String),
    CertificateType(CertificateType),
    /// An attribute of a vendor's own: `{vendor, name}` in 2.x. In 1.x its name is `x-name` for vendor "x", `y-name` for "y"
    /// (names that 1.x keeps for clients and servers), and `x-vendor-name` for others.
    Vendor {
        vendor: String,
        name: String,
        value: Value,
    },
    /// Any other attribute, by its 1.x name, and any value of an unexpected type.
    Other {
        name: String,
        value: Value,
    },
}

impl Attribute {
    /// The tag of the attribute's value in KMIP 2.x; none for vendors' attributes and for names we do not know.
    pub fn tag(&self) -> Option<Tag> {
        Some(match self {
            Self::UniqueIdentifier(_) => Tag::UNIQUE_IDENTIFIER,
            Self::Name(_) => Tag::NAME,
            Self::ObjectType(_) => Tag::OBJECT_TYPE,
            Self::CryptographicAlgorithm(_) => Tag::CRYPTOGRAPHIC_ALGORITHM,
            Self::CryptographicLength(_) => Tag::CRYPTOGRAPHIC_LENGTH,
            Self::CryptographicUsageMask(_) => Tag::CRYPTOGRAPHIC_USAGE_MASK,
            Self::CryptographicDomainParameters { .. } => Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            Self::KeyFormatType(_) => Tag::KEY_FORMAT_TYPE,
            Self::State(_) => Tag::STATE,
            Self::InitialDate(_) => Tag::INITIAL_DATE,
            Self::ActivationDate(_) => Tag::ACTIVATION_DATE,
            Self::DeactivationDate(_) => Tag::DEACTIVATION_DATE,
            Self::DestroyDate(_) => Tag::DESTROY_DATE,
            Self::CompromiseDate(_) => Tag::COMPROMISE_DATE,
            Self::LastChangeDate(_) => Tag::LAST_CHANGE_DATE,
            Self::ObjectGroup(_) => Tag::OBJECT_GROUP,
            Self::ApplicationSpecificInformation { .. } => Tag::APPLICATION_SPECIFIC_INFORMATION,
            Self::Link { .. } => Tag::LINK,
            Self::Sensitive(_) => Tag::SENSITIVE,
            Self::AlwaysSensitive(_) => Tag::ALWAYS_SENSITIVE,
            Self::Extractable(_) => Tag::EXTRACTABLE,
            Self::NeverExtractable(_) => Tag::NEVER_EXTRACTABLE,
            Self::Comment(_) => Tag::COMMENT,
            Self::Description(_) => Tag::DESCRIPTION,
            Self::ContactInformation(_) => Tag::CONTACT_INFORMATION,
            Self::OperationPolicyName(_) => Tag::OPERATION_POLICY_NAME,
            Self::CertificateType(_) => Tag::CERTIFICATE_TYPE,
            Self::Vendor { .. } => return None,
            Self::Other { name, .. } => return Tag::from_name(name),
        })
    }

    /// The attribute's name in KMIP 1.x ("Cryptographic Algorithm", "x-colour").
    pub fn name(&self) -> String {
        match self {
            Self::Vendor { vendor, name, .. } => reference::vendors_name(vendor, name),
            Self::Other { name, .. } => name.clone(),
            standard => standard
                .tag()
                .map_or_else(String::new, |tag| tag.to_string()),
        }
    }
}
