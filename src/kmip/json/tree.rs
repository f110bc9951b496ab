//! A JSON message as a tree of its objects, within limits, borrowed from the text where it can be.

use crate::kmip::ttlv::{Invalid, Limits};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use std::cell::Cell;
use std::fmt;
use zeroize::Zeroizing;

/// `{"tag": ..., "type": ..., "value": ...}`.
pub(super) struct Object<'a> {
    pub tag: Text<'a>,
    /// A structure has none.
    pub kind: Option<Text<'a>>,
    pub value: Value<'a>,
}

/// The value of an object.
pub(super) enum Value<'a> {
    Nothing,
    Boolean(bool),
    Number(i128),
    Text(Text<'a>),
    Members(Vec<Object<'a>>),
}

/// A string as it stands in the text or, if it has escapes, a copy that is wiped.
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Copied(Zeroizing<String>),
}

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Copied(text) => text,
        }
    }
}

/// Why text is not such a tree. Nothing of the text is in it: that may be key material.
pub(super) fn parse<'a>(json: &'a [u8], limits: &Limits) -> Result<Object<'a>, String> {
    if json.len() > limits.bytes {
        return Err(Invalid::TooManyBytes.to_string());
    }
    let budget = Budget {
        items: Cell::new(limits.items),
        exceeded: Cell::new(None),
    };
    let seed = ObjectSeed {
        budget: &budget,
        depth: limits.depth,
    };
    let mut text = serde_json::Deserializer::from_slice(json);
    let object = seed
        .deserialize(&mut text)
        .and_then(|object| text.end().map(|()| object));
    object.map_err(|error| match budget.exceeded.get() {
        Some(limit) => limit.to_string(),
        None => in_place(&error),
    })
}

fn in_place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "it is not KMIP's JSON",
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Io => "it is not JSON",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// How much may still come.
struct Budget {
    items: Cell<usize>,
    exceeded: Cell<Option<Invalid>>,
}

impl Budget {
    fn exceed<E: de::Error>(&self, limit: Invalid) -> E {
        self.exceeded.set(Some(limit));
        E::custom(limit)
    }

    fn spend<E: de::Error>(&self) -> Result<(), E> {
        let left = self.items.get().checked_sub(1);
        self.items
            .set(left.ok_or_else(|| self.exceed(Invalid::TooManyItems))?);
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct ObjectSeed<'b> {
    budget: &'b Budget,
    /// How many objects may be in one another, this one included.
    depth: usize,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Tag,
    Type,
    Value,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Object<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Object<'de>, D::Error> {
        if self.depth == 0 {
            return Err(self.budget.exceed(Invalid::TooDeep));
        }
        self.budget.spend()?;
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Object<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object with tag, type and value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
        let (mut tag, mut kind, mut value) = (None, None, None);
        while let Some(field) = map.next_key()? {
            let twice = match field {
                Field::Tag => tag.replace(map.next_value_seed(TextSeed)?).is_some(),
                Field::Type => kind.replace(map.next_value_seed(TextSeed)?).is_some(),
                Field::Value => value
                    .replace(map.next_value_seed(ValueSeed(self))?)
                    .is_some(),
                Field::Other => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            if twice {
                return Err(de::Error::custom("a member twice"));
            }
        }
        Ok(Object {
            tag: tag.ok_or_else(|| de::Error::missing_field("tag"))?,
            kind,
            value: value.unwrap_or(Value::Nothing),
        })
    }
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Text<'de>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text::Copied(Zeroizing::new(text.to_owned())))
    }
}

struct ValueSeed<'b>(ObjectSeed<'b>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a whole number, a string, true, false, or a list of objects")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        TextSeed.visit_str(text).map(Value::Text)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value<'de>, S::Error> {
        let inner = ObjectSeed {
            depth: self.0.depth.saturating_sub(1),
            ..self.0
        };
        let mut members = Vec::new();
        while let Some(member) = list.next_element_seed(inner)? {
            members.push(member);
        }
        Ok(Value::Members(members))
    }
}
