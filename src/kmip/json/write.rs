//! From TTLV to JSON.

use super::{names, number};
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::{Item, ItemType};
use crate::kmip::wiped::{self, Wiped};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::io;

/// A message of ours in JSON.
pub(in crate::kmip) fn write(message: &[u8]) -> Wiped {
    let mut json = Wiped::default();
    if let Some(item) = Item::written(message) {
        // Neither the buffer nor what is written has a way to fail.
        let written = serde_json::to_writer(Into(&mut json), &Object(item));
        debug_assert!(written.is_ok(), "{written:?}");
    }
    json
}

/// The text may hold a key that is registered: the buffer leaves no copy when it grows.
struct Into<'a>(&'a mut Wiped);

impl io::Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        wiped::append(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Object<'a>(Item<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let Object(item) = self;
        let mut object = out.serialize_map(None)?;
        object.serialize_entry("tag", &tag(item.tag))?;
        match item.kind {
            ItemType::STRUCTURE => {}
            kind => object.serialize_entry("type", &type_name(kind))?,
        }
        object.serialize_entry("value", &Value(*item))?;
        object.end()
    }
}

fn tag(tag: Tag) -> String {
    let name = tag.name().map(names::in_camel_case);
    name.unwrap_or_else(|| format!("{:#08x}", tag.0))
}

fn type_name(kind: ItemType) -> String {
    match super::TYPES.iter().find(|(known, _)| *known == kind) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{:#04x}", kind.0),
    }
}

struct Value<'a>(Item<'a>);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let Value(item) = *self;
        match item.kind {
            ItemType::STRUCTURE => {
                let mut list = out.serialize_seq(None)?;
                for child in item.children() {
                    list.serialize_element(&Object(child))?;
                }
                list.end()
            }
            ItemType::INTEGER => out.serialize_i32(item.integer().unwrap_or_default()),
            ItemType::INTERVAL => out.serialize_u32(item.interval().unwrap_or_default()),
            ItemType::BOOLEAN => out.serialize_bool(item.boolean().unwrap_or_default()),
            ItemType::TEXT_STRING => out.serialize_str(&String::from_utf8_lossy(item.raw())),
            ItemType::BYTE_STRING => out.serialize_str(&number::hex("", item.raw())),
            ItemType::ENUMERATION => out.serialize_str(&enumeration(item)),
            ItemType::DATE_TIME => out.serialize_str(&date(item)),
            // As numbers they would lose digits in programs whose numbers are all floating.
            _ => out.serialize_str(&number::hex("0x", item.raw())),
        }
    }
}

fn enumeration(item: Item<'_>) -> String {
    let value = item.enumeration().unwrap_or_default();
    names::of_number(item.tag, value).unwrap_or_else(|| format!("{value:#010x}"))
}

fn date(item: Item<'_>) -> String {
    let date = item.date_time().and_then(number::date);
    date.unwrap_or_else(|| number::hex("0x", item.raw()).to_string())
}
