//! TTLV: the tag, type, length, value encoding of KMIP messages (KMIP 1.4 section 9.1).
//!
//! A frame that comes from a server is validated once, within limits, before anything of it is believed ([`Frame::parse`]);
//! after that its items are borrowed views, looked up by tag. What has an unknown tag or type is skipped.

mod item;
mod validate;
mod writer;

pub use item::{Frame, Item};
pub use validate::Limits;
pub use writer::Writer;

use std::fmt;

/// Bytes before the value of an item: tag (3), type (1), length (4).
pub const HEADER_LENGTH: usize = 8;

/// The type of an item's value, as its number on the wire; others are possible and are skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ItemType(pub u8);

impl ItemType {
    /// A sequence of items.
    pub const STRUCTURE: ItemType = ItemType(0x01);
    /// A signed number of 32 bits.
    pub const INTEGER: ItemType = ItemType(0x02);
    /// A signed number of 64 bits.
    pub const LONG_INTEGER: ItemType = ItemType(0x03);
    /// A signed number of any multiple of 64 bits.
    pub const BIG_INTEGER: ItemType = ItemType(0x04);
    /// An unsigned number of 32 bits that stands for a name.
    pub const ENUMERATION: ItemType = ItemType(0x05);
    /// True or false, in 64 bits.
    pub const BOOLEAN: ItemType = ItemType(0x06);
    /// UTF-8.
    pub const TEXT_STRING: ItemType = ItemType(0x07);
    /// Bytes.
    pub const BYTE_STRING: ItemType = ItemType(0x08);
    /// Seconds since 1970, signed, 64 bits.
    pub const DATE_TIME: ItemType = ItemType(0x09);
    /// Seconds, unsigned, 32 bits.
    pub const INTERVAL: ItemType = ItemType(0x0A);
    /// Microseconds since 1970, signed, 64 bits (KMIP 2.0).
    pub const DATE_TIME_EXTENDED: ItemType = ItemType(0x0B);

    /// The length a value of this type must have, if the type fixes one.
    fn fixed_length(self) -> Option<usize> {
        match self {
            Self::INTEGER | Self::ENUMERATION | Self::INTERVAL => Some(4),
            Self::LONG_INTEGER | Self::BOOLEAN | Self::DATE_TIME | Self::DATE_TIME_EXTENDED => {
                Some(8)
            }
            _ => None,
        }
    }
}

/// Why bytes are not a frame we accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// The bytes end before the item does.
    Truncated,
    /// Bytes follow the frame.
    TrailingBytes,
    /// An item is longer than the structure that holds it.
    BeyondParent,
    /// A number has a length that its type does not allow.
    WrongLength,
    /// The outermost item is not a structure.
    NotAStructure,
    /// More bytes than [`Limits::bytes`].
    TooManyBytes,
    /// Structures nested deeper than [`Limits::depth`].
    TooDeep,
    /// More items than [`Limits::items`].
    TooManyItems,
}

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Truncated => "it ends in the middle of an item",
            Self::TrailingBytes => "bytes follow the message",
            Self::BeyondParent => "an item is longer than the structure that holds it",
            Self::WrongLength => "a number has a wrong length",
            Self::NotAStructure => "it is not a structure",
            Self::TooManyBytes => "it is too large",
            Self::TooDeep => "it is nested too deeply",
            Self::TooManyItems => "it has too many items",
        })
    }
}

/// The length of a value with its padding: values end on multiples of eight bytes.
fn padded(length: usize) -> usize {
    length.saturating_add(7) & !7
}
