//! References to attributes: which one is meant, without its value. A name in KMIP 1.x, a tag or a vendor's name in 2.x.

use crate::kmip::tags::Tag;
use crate::kmip::ttlv::{Item, ItemType, Writer};
use crate::kmip::version::Version;

/// Which attribute (KMIP 1.4 section 2.1.1, KMIP 2.1 section 7.3).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AttributeReference {
    /// One of the specification's, by the tag of its value.
    Standard(Tag),
    /// A vendor's own; its name in KMIP 1.x is that of [`crate::kmip::Attribute::Vendor`].
    Vendor {
        /// Whose.
        vendor: String,
        /// Its name.
        name: String,
    },
    /// A name of KMIP 1.x that we do not know.
    Other(String),
}

impl AttributeReference {
    /// The attribute of that name in KMIP 1.x ("Cryptographic Algorithm", "x-colour").
    pub fn named(name: &str) -> AttributeReference {
        match (Tag::from_name(name), name.split_once('-')) {
            (Some(tag), _) => Self::Standard(tag),
            (None, Some((vendor @ ("x" | "y"), name))) => Self::Vendor {
                vendor: vendor.to_owned(),
                name: name.to_owned(),
            },
            (None, _) => Self::Other(name.to_owned()),
        }
    }

    /// Its name in KMIP 1.x.
    pub fn name(&self) -> String {
        match self {
            Self::Standard(tag) => tag.to_string(),
            Self::Vendor { vendor, name } => vendors_name(vendor, name),
            Self::Other(name) => name.clone(),
        }
    }

    pub(in crate::kmip) fn write(&self, writer: &mut Writer, version: Version) {
        if !version.has_attributes_structure() {
            return writer.text(Tag::ATTRIBUTE_NAME, &self.name());
        }
        match self {
            Self::Standard(tag) => writer.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0),
            Self::Vendor { vendor, name } => writer.structure(Tag::ATTRIBUTE_REFERENCE, |writer| {
                writer.text(Tag::VENDOR_IDENTIFICATION, vendor);
                writer.text(Tag::ATTRIBUTE_NAME, name);
            }),
            Self::Other(_) => {}
        }
    }

    /// A name or a reference, whichever the item is.
    pub(in crate::kmip) fn read(item: Item<'_>) -> Option<AttributeReference> {
        let text = |tag| item.find(tag).and_then(Item::text).map(str::to_owned);
        match (item.tag, item.kind) {
            (Tag::ATTRIBUTE_NAME, _) => item.text().map(Self::named),
            (Tag::ATTRIBUTE_REFERENCE, ItemType::STRUCTURE) => Some(Self::Vendor {
                vendor: text(Tag::VENDOR_IDENTIFICATION)?,
                name: text(Tag::ATTRIBUTE_NAME)?,
            }),
            (Tag::ATTRIBUTE_REFERENCE, _) => item.enumeration().map(|tag| Self::Standard(Tag(tag))),
            _ => None,
        }
    }

    /// What of it a version cannot carry, if there is something.
    pub(in crate::kmip) fn inexpressible(&self, version: Version) -> Option<String> {
        let unknown = match self {
            Self::Other(_) => version.has_attributes_structure(),
            Self::Standard(tag) => !version.has_attributes_structure() && tag.name().is_none(),
            Self::Vendor { .. } => false,
        };
        unknown.then(|| format!("attribute {}", self.name()))
    }
}

/// The name in KMIP 1.x of a vendor's attribute.
pub(super) fn vendors_name(vendor: &str, name: &str) -> String {
    match vendor {
        "x" | "y" => format!("{vendor}-{name}"),
        other => format!("x-{other}-{name}"),
    }
}
