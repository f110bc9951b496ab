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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::tags::Tag;
    use zeroize::Zeroizing;

    const LIMITS: Limits = Limits {
        bytes: 4096,
        depth: 8,
        items: 100,
    };

    fn parse(bytes: &[u8]) -> Result<Frame, Invalid> {
        Frame::parse(Zeroizing::new(bytes.to_vec()), &LIMITS)
    }

    fn reason(bytes: &[u8]) -> Option<Invalid> {
        parse(bytes).err()
    }

    /// A structure around `body`.
    fn around(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        [&[0x42, 0, 0x7B, 1], &length[..], body].concat()
    }

    fn every_type() -> Vec<u8> {
        let mut writer = Writer::new();
        writer.structure(Tag::RESPONSE_MESSAGE, |writer| {
            writer.integer(Tag(1), -2);
            writer.long_integer(Tag(2), i64::MIN);
            writer.big_integer(Tag(3), &[0xFF, 1]);
            writer.enumeration(Tag(4), u32::MAX);
            writer.boolean(Tag(5), true);
            writer.text(Tag(6), "schlüssel");
            writer.bytes(Tag(7), &[1, 2, 3]);
            writer.date_time(Tag(8), -1);
            writer.interval(Tag(9), 7);
            writer.date_time_extended(Tag(10), 8);
            writer.structure(Tag(11), |writer| writer.text(Tag(6), ""));
        });
        writer.finish().to_vec()
    }

    #[test]
    fn every_type_survives_a_round_trip() {
        let frame = parse(&every_type()).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        let item = |tag| frame.root().find(Tag(tag));
        assert_eq!(item(1).and_then(Item::integer), Some(-2));
        assert_eq!(item(2).and_then(Item::long_integer), Some(i64::MIN));
        let big = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(item(3).and_then(Item::big_integer), Some(&big[..]));
        assert_eq!(item(4).and_then(Item::enumeration), Some(u32::MAX));
        assert_eq!(item(5).and_then(Item::boolean), Some(true));
        assert_eq!(item(6).and_then(Item::text), Some("schlüssel"));
        assert_eq!(item(7).and_then(Item::bytes), Some(&[1, 2, 3][..]));
        assert_eq!(item(8).and_then(Item::date_time), Some(-1));
        assert_eq!(item(9).and_then(Item::interval), Some(7));
        assert_eq!(item(10).and_then(Item::date_time_extended), Some(8));
        assert_eq!(
            item(11)
                .and_then(|inner| inner.find(Tag(6)))
                .and_then(Item::text),
            Some("")
        );
        assert_eq!(frame.root().children().count(), 11);
    }

    #[test]
    fn a_value_is_not_read_as_another_type() {
        let frame = parse(&every_type()).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        let integer = frame.root().find(Tag(1));
        assert_eq!(integer.and_then(Item::enumeration), None);
        assert_eq!(integer.and_then(Item::text), None);
        assert_eq!(integer.map(|item| item.children().count()), Some(0));
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused() {
        let whole = every_type();
        for length in 0..whole.len() {
            assert_eq!(
                whole.get(..length).and_then(reason),
                Some(Invalid::Truncated),
                "{length}"
            );
        }
        assert_eq!(
            reason(&[&whole[..], &[0; 8]].concat()),
            Some(Invalid::TrailingBytes)
        );
    }

    #[test]
    fn each_limit_holds() {
        assert_eq!(reason(&around(&[0; 4096])), Some(Invalid::TooManyBytes));
        let many = [0x42, 0, 1, 0x07, 0, 0, 0, 0].repeat(100);
        assert_eq!(reason(&around(&many)), Some(Invalid::TooManyItems));
        let nested = |depth| (1..depth).fold(around(&[]), |inner, _| around(&inner));
        assert_eq!(reason(&nested(8)), None);
        assert_eq!(reason(&nested(9)), Some(Invalid::TooDeep));
        assert_eq!(reason(&nested(400)), Some(Invalid::TooDeep));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(
            reason(&[0x42, 0, 0x7B, 1, 0xFF, 0xFF, 0xFF, 0xFF]),
            Some(Invalid::Truncated)
        );
        assert_eq!(
            reason(&around(&[0x42, 0, 1, 7, 0xFF, 0xFF, 0xFF, 0xFF])),
            Some(Invalid::BeyondParent)
        );
        assert_eq!(
            reason(&around(&[
                0x42, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0
            ])),
            Some(Invalid::WrongLength)
        );
        assert_eq!(reason(&around(&[0x42, 0, 1])), Some(Invalid::Truncated));
        assert_eq!(
            reason(&[0x42, 0, 0x7B, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
            Some(Invalid::NotAStructure)
        );
    }

    #[test]
    fn unknown_types_are_skipped() {
        let body = [
            0x42, 0, 1, 0x0F, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0x42, 0, 2, 2, 0, 0, 0, 4, 0, 0,
            0, 9, 0, 0, 0, 0,
        ];
        let frame = parse(&around(&body)).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        assert_eq!(
            frame.root().find(Tag(0x42_0002)).and_then(Item::integer),
            Some(9)
        );
        assert_eq!(
            frame.root().find(Tag(0x42_0001)).map(Item::raw),
            Some(&[1, 2, 3][..])
        );
    }
}
