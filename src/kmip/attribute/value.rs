//! Values of attributes: the usage mask, and values whose meaning we do not know.

use crate::kmip::tags::Tag;
use crate::kmip::ttlv::{Item, ItemType, Writer};
use std::ops::BitOr;

/// What a key may be used for: bits (KMIP 2.1 section 12, Cryptographic Usage Mask).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct UsageMask(pub u32);

impl UsageMask {
    /// Making signatures.
    pub const SIGN: UsageMask = UsageMask(0x01);
    /// Verifying signatures.
    pub const VERIFY: UsageMask = UsageMask(0x02);
    /// Encrypting.
    pub const ENCRYPT: UsageMask = UsageMask(0x04);
    /// Decrypting.
    pub const DECRYPT: UsageMask = UsageMask(0x08);
    /// Wrapping other keys.
    pub const WRAP_KEY: UsageMask = UsageMask(0x10);
    /// Unwrapping other keys.
    pub const UNWRAP_KEY: UsageMask = UsageMask(0x20);
    /// Leaving the server.
    pub const EXPORT: UsageMask = UsageMask(0x40);
    /// Making message authentication codes.
    pub const MAC_GENERATE: UsageMask = UsageMask(0x80);
    /// Verifying message authentication codes.
    pub const MAC_VERIFY: UsageMask = UsageMask(0x100);
    /// Deriving keys.
    pub const DERIVE_KEY: UsageMask = UsageMask(0x200);
    /// Non-repudiation.
    pub const CONTENT_COMMITMENT: UsageMask = UsageMask(0x400);
    /// Agreeing on keys.
    pub const KEY_AGREEMENT: UsageMask = UsageMask(0x800);
    /// Signing certificates.
    pub const CERTIFICATE_SIGN: UsageMask = UsageMask(0x1000);
    /// Signing revocation lists.
    pub const CRL_SIGN: UsageMask = UsageMask(0x2000);
    /// Anything (KMIP 2.0).
    pub const UNRESTRICTED: UsageMask = UsageMask(0x20_0000);

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: UsageMask) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for UsageMask {
    type Output = UsageMask;

    fn bitor(self, other: UsageMask) -> UsageMask {
        UsageMask(self.0 | other.0)
    }
}

/// A value as it was on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are those of the item types
pub enum Value {
    Structure(Vec<(Tag, Value)>),
    Integer(i32),
    LongInteger(i64),
    BigInteger(Vec<u8>),
    Enumeration(u32),
    Boolean(bool),
    Text(String),
    Bytes(Vec<u8>),
    /// Seconds since 1970.
    DateTime(i64),
    /// Seconds.
    Interval(u32),
    /// Microseconds since 1970.
    DateTimeExtended(i64),
    /// A type that we do not know, or text that is not UTF-8.
    Unknown {
        kind: u8,
        bytes: Vec<u8>,
    },
}

impl Value {
    /// Reads any item. The frame's depth limit bounds the recursion.
    pub(in crate::kmip) fn read(item: Item<'_>) -> Value {
        Self::read_known(item).unwrap_or_else(|| Value::Unknown {
            kind: item.kind.0,
            bytes: item.raw().to_vec(),
        })
    }

    fn read_known(item: Item<'_>) -> Option<Value> {
        match item.kind {
            ItemType::STRUCTURE => Some(Value::Structure(
                item.children()
                    .map(|child| (child.tag, Value::read(child)))
                    .collect(),
            )),
            ItemType::INTEGER => item.integer().map(Value::Integer),
            ItemType::LONG_INTEGER => item.long_integer().map(Value::LongInteger),
            ItemType::BIG_INTEGER => item
                .big_integer()
                .map(|bytes| Value::BigInteger(bytes.to_vec())),
            ItemType::ENUMERATION => item.enumeration().map(Value::Enumeration),
            ItemType::BOOLEAN => item.boolean().map(Value::Boolean),
            ItemType::TEXT_STRING => item.text().map(|text| Value::Text(text.to_owned())),
            ItemType::BYTE_STRING => item.bytes().map(|bytes| Value::Bytes(bytes.to_vec())),
            ItemType::DATE_TIME => item.date_time().map(Value::DateTime),
            ItemType::INTERVAL => item.interval().map(Value::Interval),
            ItemType::DATE_TIME_EXTENDED => item.date_time_extended().map(Value::DateTimeExtended),
            _ => None,
        }
    }

    /// Writes the value; one of an unknown type is left out, since nobody could say that it is still right.
    pub(in crate::kmip) fn write(&self, writer: &mut Writer, tag: Tag) {
        match self {
            Value::Structure(members) => writer.structure(tag, |writer| {
                for (tag, member) in members {
                    member.write(writer, *tag);
                }
            }),
            Value::Integer(value) => writer.integer(tag, *value),
            Value::LongInteger(value) => writer.long_integer(tag, *value),
            Value::BigInteger(value) => writer.big_integer(tag, value),
            Value::Enumeration(value) => writer.enumeration(tag, *value),
            Value::Boolean(value) => writer.boolean(tag, *value),
            Value::Text(value) => writer.text(tag, value),
            Value::Bytes(value) => writer.bytes(tag, value),
            Value::DateTime(value) => writer.date_time(tag, *value),
            Value::Interval(value) => writer.interval(tag, *value),
            Value::DateTimeExtended(value) => writer.date_time_extended(tag, *value),
            Value::Unknown { .. } => {}
        }
    }
}
