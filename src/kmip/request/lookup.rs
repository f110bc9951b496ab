//! Payloads of requests that look things up: Query, Locate, Get and the attributes.

use crate::kmip::attribute::{self, Attribute, AttributeReference, attribute_1x, attributes_2x};
use crate::kmip::cryptography::{enumeration, number};
use crate::kmip::enums::{KeyFormatType, ObjectGroupMember, QueryFunction};
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;
use crate::kmip::wrapping::KeyWrappingSpecification;

/// Where objects are kept: bits (KMIP 2.1 section 12, Storage Status Mask).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StorageStatusMask(pub u32);

impl StorageStatusMask {
    /// At hand.
    pub const ON_LINE: StorageStatusMask = StorageStatusMask(0x1);
    /// In the archive.
    pub const ARCHIVAL: StorageStatusMask = StorageStatusMask(0x2);
    /// Destroyed, of which the server still keeps attributes (since 2.0).
    pub const DESTROYED: StorageStatusMask = StorageStatusMask(0x4);
}

/// The first version that knows a query function.
pub(super) fn query_since(function: QueryFunction) -> Version {
    match function.0 {
        ..=0x4 => Version::V1_0,
        0x5 | 0x6 => Version::V1_1,
        0x7 => Version::V1_2,
        0x8..=0xc => Version::V1_3,
        _ => Version::V2_0,
    }
}

pub(super) fn query(writer: &mut Writer, functions: &[QueryFunction]) {
    for function in functions {
        writer.enumeration(Tag::QUERY_FUNCTION, *function);
    }
}

/// What Locate asks besides attributes.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    pub maximum_items: Option<u32>,
    pub offset_items: Option<u32>,
    pub storage_status: Option<StorageStatusMask>,
    pub group_member: Option<ObjectGroupMember>,
}

impl Selection {
    pub fn write(self, writer: &mut Writer, version: Version, filters: &[Attribute]) {
        number(writer, Tag::MAXIMUM_ITEMS, self.maximum_items);
        number(writer, Tag::OFFSET_ITEMS, self.offset_items);
        if let Some(mask) = self.storage_status {
            writer.integer(Tag::STORAGE_STATUS_MASK, mask.0.cast_signed());
        }
        enumeration(writer, Tag::OBJECT_GROUP_MEMBER, self.group_member);
        if version.has_attributes_structure() {
            attributes_2x(writer, Tag::ATTRIBUTES, filters);
        } else {
            for filter in filters {
                attribute_1x(writer, filter, None);
            }
        }
    }

    pub fn inexpressible(self, version: Version, filters: &[Attribute]) -> Option<String> {
        let missing = |asked: bool, first: Version, what: &str| {
            (asked && version < first).then(|| what.to_owned())
        };
        missing(self.offset_items.is_some(), Version::V1_3, "Offset Items")
            .or_else(|| {
                missing(
                    self.group_member.is_some(),
                    Version::V1_1,
                    "Object Group Member",
                )
            })
            .or_else(|| attribute::any_inexpressible(filters, version))
    }
}

pub(super) fn get(
    writer: &mut Writer,
    format: Option<KeyFormatType>,
    wrapping: Option<&KeyWrappingSpecification>,
) {
    enumeration(writer, Tag::KEY_FORMAT_TYPE, format);
    if let Some(wrapping) = wrapping {
        wrapping.write(writer);
    }
}

pub(super) fn get_attributes(writer: &mut Writer, version: Version, names: &[AttributeReference]) {
    for name in names {
        name.write(writer, version);
    }
}
