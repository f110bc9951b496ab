//! Frames and items: borrowed views of validated bytes.

use super::validate::{Header, validate};
use super::{Invalid, ItemType, Limits};
use crate::kmip::tags::Tag;
use zeroize::Zeroizing;

/// A validated message. Its bytes may hold keys or signatures, so they are overwritten when it is dropped.
pub struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    /// Takes bytes that are exactly one structure within `limits`.
    pub fn parse(bytes: Zeroizing<Vec<u8>>, limits: &Limits) -> Result<Frame, Invalid> {
        validate(&bytes, limits)?;
        Ok(Frame(bytes))
    }

    /// The outermost structure.
    pub fn root(&self) -> Item<'_> {
        let nothing = Item {
            tag: Tag(0),
            kind: ItemType::STRUCTURE,
            value: &[],
        };
        Items(&self.0).next().unwrap_or(nothing)
    }
}

/// One item of a frame: a view, cheap to copy.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// What it is.
    pub tag: Tag,
    /// How its value is encoded.
    pub kind: ItemType,
    value: &'a [u8],
}

impl<'a> Item<'a> {
    /// The item that a [`super::Writer`] wrote.
    pub(in crate::kmip) fn written(bytes: &'a [u8]) -> Option<Item<'a>> {
        Items(bytes).next()
    }

    /// The items of a structure in their order; none if this is not a structure.
    pub fn children(self) -> impl Iterator<Item = Item<'a>> {
        Items(if self.kind == ItemType::STRUCTURE {
            self.value
        } else {
            &[]
        })
    }

    /// The first child with that tag.
    pub fn find(self, tag: Tag) -> Option<Item<'a>> {
        self.children().find(|child| child.tag == tag)
    }

    /// All children with that tag.
    pub fn find_all(self, tag: Tag) -> impl Iterator<Item = Item<'a>> {
        self.children().filter(move |child| child.tag == tag)
    }

    /// The value of an Integer.
    pub fn integer(self) -> Option<i32> {
        self.fixed(ItemType::INTEGER).map(i32::from_be_bytes)
    }

    /// The value of a Long Integer.
    pub fn long_integer(self) -> Option<i64> {
        self.fixed(ItemType::LONG_INTEGER).map(i64::from_be_bytes)
    }

    /// The value of a Big Integer: two's complement, most significant byte first.
    pub fn big_integer(self) -> Option<&'a [u8]> {
        (self.kind == ItemType::BIG_INTEGER).then_some(self.value)
    }

    /// The value of an Enumeration.
    pub fn enumeration(self) -> Option<u32> {
        self.fixed(ItemType::ENUMERATION).map(u32::from_be_bytes)
    }

    /// The value of a Boolean.
    pub fn boolean(self) -> Option<bool> {
        self.fixed(ItemType::BOOLEAN)
            .map(|value| u64::from_be_bytes(value) != 0)
    }

    /// The value of a Text String, if it is UTF-8.
    pub fn text(self) -> Option<&'a str> {
        (self.kind == ItemType::TEXT_STRING)
            .then(|| std::str::from_utf8(self.value).ok())
            .flatten()
    }

    /// The value of a Byte String.
    pub fn bytes(self) -> Option<&'a [u8]> {
        (self.kind == ItemType::BYTE_STRING).then_some(self.value)
    }

    /// The value of a Date Time, in seconds since 1970.
    pub fn date_time(self) -> Option<i64> {
        self.fixed(ItemType::DATE_TIME).map(i64::from_be_bytes)
    }

    /// The value of an Interval, in seconds.
    pub fn interval(self) -> Option<u32> {
        self.fixed(ItemType::INTERVAL).map(u32::from_be_bytes)
    }

    /// The value of a Date Time Extended, in microseconds since 1970.
    pub fn date_time_extended(self) -> Option<i64> {
        self.fixed(ItemType::DATE_TIME_EXTENDED)
            .map(i64::from_be_bytes)
    }

    /// The value as it is on the wire, without padding.
    pub fn raw(self) -> &'a [u8] {
        self.value
    }

    fn fixed<const N: usize>(self, kind: ItemType) -> Option<[u8; N]> {
        (self.kind == kind)
            .then(|| self.value.try_into().ok())
            .flatten()
    }
}

/// The items in a piece of a frame. The frame is valid, so nothing is left over when it ends.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (header, rest) = Header::read(self.0)?;
        let (padded, after) = rest.split_at_checked(super::padded(header.length))?;
        self.0 = after;
        Some(Item {
            tag: Tag(header.tag),
            kind: header.kind,
            value: padded.get(..header.length)?,
        })
    }
}
