//! From JSON to TTLV.

use super::tree::{self, Object, Value};
use super::{TYPES, names, number};
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::{ItemType, Limits, Writer};
use crate::kmip::wiped::Wiped;
use std::fmt;

/// Why a message in JSON cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::kmip) struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "no KMIP message in JSON: {}", self.0)
    }
}

/// The message in TTLV, not yet validated. The limits are those of [`crate::kmip::ttlv::Frame`], and hold for the JSON too.
pub(in crate::kmip) fn read(json: &[u8], limits: &Limits) -> Result<Wiped, Unreadable> {
    let message = tree::parse(json, limits).map_err(Unreadable)?;
    if kind(&message) != Some(ItemType::STRUCTURE) || tag(message.tag.as_str()).is_none() {
        return Err(Unreadable(
            "its outermost item is no structure that KMIP knows".to_owned(),
        ));
    }
    let mut writer = Writer::new();
    append(&mut writer, &message, None)?;
    Ok(writer.finish())
}

/// Appends an item. `beside` is the attribute that the item before this one names: its values are this one's.
fn append(writer: &mut Writer, object: &Object<'_>, beside: Option<Tag>) -> Result<(), Unreadable> {
    let (Some(tag), Some(kind)) = (tag(object.tag.as_str()), kind(object)) else {
        log::debug!("an item of an unknown tag or type is left out of a reply in JSON");
        return Ok(());
    };
    let wrong = || Unreadable(format!("{tag} has a value that its type cannot have"));
    let value = &object.value;
    match kind {
        ItemType::STRUCTURE => return structure(writer, tag, value),
        ItemType::ENUMERATION => {
            return enumeration(writer, tag, value, beside.unwrap_or(tag)).ok_or_else(wrong);
        }
        ItemType::INTEGER => integer(tag, value).map(|it| writer.integer(tag, it)),
        ItemType::LONG_INTEGER => long(value).map(|it| writer.long_integer(tag, it)),
        ItemType::BIG_INTEGER => big_integer(writer, tag, value),
        ItemType::BOOLEAN => boolean(value).map(|it| writer.boolean(tag, it)),
        ItemType::TEXT_STRING => text(value).map(|it| writer.text(tag, it)),
        ItemType::BYTE_STRING => text(value)
            .and_then(number::bytes)
            .map(|it| writer.bytes(tag, &it)),
        ItemType::DATE_TIME => date(value, 1_000_000).map(|it| writer.date_time(tag, it)),
        ItemType::DATE_TIME_EXTENDED => date(value, 1).map(|it| writer.date_time_extended(tag, it)),
        _ => unsigned(value).map(|it| writer.interval(tag, it)),
    }
    .ok_or_else(wrong)
}

fn tag(name: &str) -> Option<Tag> {
    match number::in_hex(name) {
        Some(number) => u32::try_from(number).ok().map(Tag),
        None => names::tag(name),
    }
}

/// The type by its name or number; without one it is a structure.
fn kind(object: &Object<'_>) -> Option<ItemType> {
    let Some(name) = &object.kind else {
        return Some(ItemType::STRUCTURE);
    };
    let number = number::in_hex(name.as_str());
    let mut known = TYPES.iter();
    let known =
        known.find(|(kind, known)| *known == name.as_str() || number == Some(kind.0.into()));
    known.map(|(kind, _)| *kind)
}

fn structure(writer: &mut Writer, tag: Tag, value: &Value<'_>) -> Result<(), Unreadable> {
    let members = match value {
        Value::Members(members) => members.as_slice(),
        Value::Nothing => &[],
        _ => return Err(Unreadable(format!("{tag} is no list of items"))),
    };
    let mut result = Ok(());
    writer.structure(tag, |writer| {
        let mut named = None;
        for member in members {
            let is_value = self::tag(member.tag.as_str()) == Some(Tag::ATTRIBUTE_VALUE);
            result = append(writer, member, named.filter(|_| is_value));
            if result.is_err() {
                break;
            }
            named = named_by(member).or(named);
        }
    });
    result
}

/// The attribute that a KMIP 1.x Attribute Name names.
fn named_by(member: &Object<'_>) -> Option<Tag> {
    let name = text(&member.value)?;
    (tag(member.tag.as_str()) == Some(Tag::ATTRIBUTE_NAME))
        .then(|| Tag::from_name(name))
        .flatten()
}

/// A number; or its name, if it is among those under `names_of`; or else the name itself as Text String.
fn enumeration(writer: &mut Writer, tag: Tag, value: &Value<'_>, names_of: Tag) -> Option<()> {
    let number = match value {
        Value::Text(name) if number::in_hex(name.as_str()).is_none() => {
            match names::enumerated(names_of, name.as_str()) {
                Some(number) => number,
                None => {
                    writer.text(tag, name.as_str());
                    return Some(());
                }
            }
        }
        value => unsigned(value)?,
    };
    writer.enumeration(tag, number);
    Some(())
}

fn big_integer(writer: &mut Writer, tag: Tag, value: &Value<'_>) -> Option<()> {
    match value {
        Value::Number(number) => {
            let number = i64::try_from(*number).ok()?;
            writer.big_integer(tag, &number.to_be_bytes());
        }
        value => {
            let digits = text(value)?.strip_prefix("0x")?;
            writer.big_integer(tag, &number::bytes(digits)?);
        }
    }
    Some(())
}

/// A signed number of 32 bits, in hexadecimal by its bits; of a mask also the names of its bits.
fn integer(tag: Tag, value: &Value<'_>) -> Option<i32> {
    match value {
        Value::Number(number) => i32::try_from(*number).ok(),
        value => match number::in_hex(text(value)?) {
            Some(bits) => u32::try_from(bits).ok().map(u32::cast_signed),
            None => mask(tag, text(value)?).map(u32::cast_signed),
        },
    }
}

fn mask(tag: Tag, text: &str) -> Option<u32> {
    let names = text.split(['|', ' ']).filter(|name| !name.is_empty());
    names
        .map(|name| match number::in_hex(name) {
            Some(bits) => u32::try_from(bits).ok(),
            None => names::bit(tag, name),
        })
        .try_fold(0, |mask, bits| Some(mask | bits?))
}

/// A signed number of 64 bits, in hexadecimal by its bits.
fn long(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Number(number) => i64::try_from(*number).ok(),
        value => number::in_hex(text(value)?).map(u64::cast_signed),
    }
}

fn unsigned(value: &Value<'_>) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(*number).ok(),
        value => number::in_hex(text(value)?)?.try_into().ok(),
    }
}

fn boolean(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(value) => Some(*value),
        value => number::in_hex(text(value)?).map(|bits| bits != 0),
    }
}

/// A number in the type's unit, or a date; so many microseconds are one unit.
fn date(value: &Value<'_>, unit: i64) -> Option<i64> {
    long(value).or_else(|| Some(number::microseconds(text(value)?)?.div_euclid(unit)))
}

fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    }
}
