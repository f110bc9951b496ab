//! The writer: items appended in order, structures closed by the end of a closure.

use super::{HEADER_LENGTH, ItemType, padded};
use crate::kmip::tags::Tag;
use crate::kmip::wiped::{self, Wiped};

/// Writes one message. Key material passes through it, so every buffer it ever used is overwritten.
#[derive(Default)]
pub struct Writer {
    bytes: Wiped,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// What was written.
    pub fn finish(self) -> Wiped {
        self.bytes
    }

    /// A structure of the items that `body` writes.
    pub fn structure(&mut self, tag: Tag, body: impl FnOnce(&mut Writer)) {
        self.header(tag, ItemType::STRUCTURE, 0);
        let start = self.bytes.len();
        body(self);
        let length = wire_length(self.bytes.len() - start).to_be_bytes();
        if let Some(field) = self.bytes.get_mut(start - 4..start) {
            field.copy_from_slice(&length);
        }
    }

    /// An Integer.
    pub fn integer(&mut self, tag: Tag, value: i32) {
        self.item(tag, ItemType::INTEGER, &value.to_be_bytes());
    }

    /// A Long Integer.
    pub fn long_integer(&mut self, tag: Tag, value: i64) {
        self.item(tag, ItemType::LONG_INTEGER, &value.to_be_bytes());
    }

    /// A Big Integer from its two's complement, most significant byte first, extended to a multiple of eight bytes.
    pub fn big_integer(&mut self, tag: Tag, value: &[u8]) {
        let negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
        let length = padded(value.len().max(1));
        self.header(tag, ItemType::BIG_INTEGER, length);
        self.fill(if negative { 0xFF } else { 0 }, length - value.len());
        self.append(value);
    }

    /// An Enumeration.
    pub fn enumeration(&mut self, tag: Tag, value: impl Into<u32>) {
        self.item(tag, ItemType::ENUMERATION, &value.into().to_be_bytes());
    }

    /// A Boolean.
    pub fn boolean(&mut self, tag: Tag, value: bool) {
        self.item(tag, ItemType::BOOLEAN, &u64::from(value).to_be_bytes());
    }

    /// A Text String.
    pub fn text(&mut self, tag: Tag, value: &str) {
        self.item(tag, ItemType::TEXT_STRING, value.as_bytes());
    }

    /// A Byte String.
    pub fn bytes(&mut self, tag: Tag, value: &[u8]) {
        self.item(tag, ItemType::BYTE_STRING, value);
    }

    /// A Date Time, in seconds since 1970.
    pub fn date_time(&mut self, tag: Tag, seconds: i64) {
        self.item(tag, ItemType::DATE_TIME, &seconds.to_be_bytes());
    }

    /// An Interval, in seconds.
    pub fn interval(&mut self, tag: Tag, seconds: u32) {
        self.item(tag, ItemType::INTERVAL, &seconds.to_be_bytes());
    }

    /// A Date Time Extended, in microseconds since 1970.
    pub fn date_time_extended(&mut self, tag: Tag, microseconds: i64) {
        self.item(
            tag,
            ItemType::DATE_TIME_EXTENDED,
            &microseconds.to_be_bytes(),
        );
    }

    fn item(&mut self, tag: Tag, kind: ItemType, value: &[u8]) {
        self.header(tag, kind, value.len());
        self.append(value);
        self.fill(0, padded(value.len()) - value.len());
    }

    fn header(&mut self, tag: Tag, kind: ItemType, length: usize) {
        let [_, a, b, c] = tag.0.to_be_bytes();
        let [l1, l2, l3, l4] = wire_length(length).to_be_bytes();
        let header: [u8; HEADER_LENGTH] = [a, b, c, kind.0, l1, l2, l3, l4];
        self.append(&header);
    }

    fn append(&mut self, bytes: &[u8]) {
        wiped::append(&mut self.bytes, bytes);
    }

    /// At most seven bytes: the padding of a value, or the sign of a Big Integer.
    fn fill(&mut self, byte: u8, count: usize) {
        self.append([byte; HEADER_LENGTH].get(..count).unwrap_or_default());
    }
}

/// A message of 4 GiB would not fit; nobody builds one, since it is refused before ([`crate::kmip::message`]).
fn wire_length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
