//! KMIP in JSON: a message in TTLV becomes JSON, and JSON becomes TTLV (KMIP Additional Message Encodings 1.0 section 4).
//!
//! Messages are made and understood in TTLV alone; this is its other form, item by item:
//! `{"tag": "BatchCount", "type": "Integer", "value": 1}`, where a structure has no type, and its items as value.
//!
//! A name that we do not know makes no reply unreadable: an enumeration's stands in the message as Text String, where it can be
//! read and takes nobody's place; an item whose tag or type has an unknown name is left out, as nobody could ask for it.

mod names;
mod number;
mod read;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub(super) use read::read;
pub(super) use write::write;

use super::ttlv::ItemType;

/// The types by name.
const TYPES: [(ItemType, &str); 11] = [
    (ItemType::STRUCTURE, "Structure"),
    (ItemType::INTEGER, "Integer"),
    (ItemType::LONG_INTEGER, "LongInteger"),
    (ItemType::BIG_INTEGER, "BigInteger"),
    (ItemType::ENUMERATION, "Enumeration"),
    (ItemType::BOOLEAN, "Boolean"),
    (ItemType::TEXT_STRING, "TextString"),
    (ItemType::BYTE_STRING, "ByteString"),
    (ItemType::DATE_TIME, "DateTime"),
    (ItemType::INTERVAL, "Interval"),
    (ItemType::DATE_TIME_EXTENDED, "DateTimeExtended"),
];
