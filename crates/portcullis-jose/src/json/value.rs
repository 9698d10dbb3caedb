//! Values of which little or nothing is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::members::{Members, Next, next_or_number};
use super::{JsonError, utf8};

/// The deepest nesting of arrays and objects that is read. No token seen in practice comes near, and each level of an
/// error costs an allocation on its way out.
pub const MAX_DEPTH: usize = 16;
/// The message of the error for deeper nesting.
pub const TOO_DEEP: &str = "nested too deeply";

/// A value of which only a string or a boolean is kept. What is inside an array or object is checked and dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shallow<'de> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number,
    /// A string, borrowed unless it has escapes.
    Text(Cow<'de, str>),
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'de> Deserialize<'de> for Shallow<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ShallowVisitor {
            depth: 0,
            unique_members: true,
        };
        visitor.deserialize(deserializer)
    }
}

/// Rejects JSON that `serde_json` may read differently from what it says, or with too deep a recursion: members with
/// reserved names (`$serde_json::private::…`) at any depth, and nesting of more than 16 levels.
///
/// For documents of other servers, before they are read. Duplicate members are accepted.
///
/// # Errors
///
/// If the bytes are not JSON in UTF-8, or contain something that is rejected.
pub fn check_foreign_json(bytes: &[u8]) -> Result<(), JsonError> {
    let mut json = serde_json::Deserializer::from_str(utf8(bytes)?);
    let visitor = ShallowVisitor {
        depth: 0,
        unique_members: false,
    };
    visitor.deserialize(&mut json)?;
    Ok(json.end()?)
}

#[derive(Clone, Copy)]
struct ShallowVisitor {
    depth: usize,
    unique_members: bool,
}

impl ShallowVisitor {
    /// The visitor of the values inside an array or object.
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for ShallowVisitor {
    type Value = Shallow<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShallowVisitor {
    type Value = Shallow<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Shallow::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Shallow::Bool(value))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Shallow::Number)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Shallow::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shallow::Number)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Shallow::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Shallow::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(Shallow::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Members::default();
        while let Some(next) = next_or_number(&mut map)? {
            let Next::Member(name) = next else {
                return Ok(Shallow::Number);
            };
            if self.unique_members {
                members.add(name)?;
            }
            map.next_value_seed(inner)?;
        }
        Ok(Shallow::Object)
    }
}
