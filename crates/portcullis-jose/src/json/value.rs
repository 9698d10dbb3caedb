//! JSON values.

use std::{borrow::Cow, collections::HashSet, fmt, slice};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{DUPLICATE, TOO_DEEP};
use super::members::{Digits, NUMBER, Text, check_name};

/// The deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 16;

/// Up to this many members, names are compared one by one; above it with a hash set, so thousands take linear time.
pub(super) const FEW_MEMBERS: usize = 16;

/// How many members a header, a claims set or a JWK usually has at most.
const CAPACITY: usize = 10;

/// A JSON value. Texts are borrowed from the input unless they have escapes.
#[derive(Debug, PartialEq)]
pub enum Value<'de> {
    Null,
    Bool(bool),
    /// An integer that is not negative.
    Integer(u64),
    /// Any other number: negative, large, or with a fraction or an exponent.
    OtherNumber(f64),
    Text(Cow<'de, str>),
    Array(Vec<Self>),
    /// An object, whose members have different names.
    Object(Vec<(Cow<'de, str>, Self)>),
}

impl Value<'_> {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or the texts among the items of an array.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::as_text)
    }

    /// Whether this is a text, or an array of texts and nothing else.
    pub fn is_only_texts(&self) -> bool {
        self.items().iter().all(|item| item.as_text().is_some())
    }

    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let member = members.iter().find(|(member, _)| is_same(member, name));
        member.map(|(_, value)| value)
    }

    fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            single => slice::from_ref(single),
        }
    }
}

/// Compares two names. Most registered claims have three letters and different last ones, so the call that compares
/// the rest is rare: a new token is verified with a hundred of these comparisons.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().last() == b.as_bytes().last() && a == b
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seed = ValueSeed {
            depth: MAX_DEPTH,
            unique_members: true,
        };
        seed.deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
pub(super) struct ValueSeed {
    pub(super) depth: usize,
    pub(super) unique_members: bool,
}

impl ValueSeed {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        let depth = depth.ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Value::OtherNumber(number as f64), Value::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::OtherNumber(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let is_outermost = self.depth > MAX_DEPTH; // the depth with which `json::object` begins
        let capacity = if is_outermost { CAPACITY } else { 0 };
        let mut members: Vec<(Cow<'de, str>, Value<'de>)> = Vec::with_capacity(capacity);
        let mut names = HashSet::new();
        while let Some(Text(name)) = map.next_key()? {
            if name == NUMBER {
                let digits = map.next_value_seed(Digits)?;
                return Ok(Value::OtherNumber(digits.parse().unwrap_or(f64::NAN)));
            }
            check_name(&name)?;
            let is_duplicate = if members.len() < FEW_MEMBERS {
                members.iter().any(|(member, _)| is_same(member, &name))
            } else {
                if names.is_empty() {
                    names.extend(members.iter().map(|(member, _)| member.clone()));
                }
                !names.insert(name.clone())
            };
            if is_duplicate && self.unique_members {
                return Err(A::Error::custom(DUPLICATE));
            }
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Value::Object(members))
    }
}
