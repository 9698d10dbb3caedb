//! Values of which little or nothing is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::members::next_or_number;
use super::{JsonError, Members, Next, from_slice};

/// How deep a skipped value may be. Each level of an error costs an allocation on its way out, and no token that was
/// met comes near.
pub const MAX_DEPTH: usize = 16;
pub const TOO_DEEP: &str = "nested too deeply";

/// A value of any type that is skipped, but held to the same rules: no duplicate members, no lone surrogates.
pub struct IgnoredUnique;

impl<'de> Deserialize<'de> for IgnoredUnique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shallow::deserialize(deserializer).map(|_| Self)
    }
}

/// A value of which only a string or a boolean is kept; what is inside an array or object is skipped as by
/// [`IgnoredUnique`].
///
/// For members whose wrong type is to be told from a syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shallow<'de> {
    Null,
    Bool(bool),
    Number,
    Text(Cow<'de, str>),
    Array,
    Object,
}

impl<'de> Deserialize<'de> for Shallow<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShallowVisitor { depth: 0 })
    }
}

struct ShallowVisitor {
    depth: usize,
}

impl ShallowVisitor {
    /// What is to be skipped inside of an array or object at this depth.
    fn inner<E: Error>(self) -> Result<Inner, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Inner { depth })
    }
}

/// A value within a skipped one.
#[derive(Clone, Copy)]
struct Inner {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Inner {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let visitor = ShallowVisitor { depth: self.depth };
        deserializer.deserialize_any(visitor).map(|_| ())
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

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Shallow::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(Shallow::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Members::new();
        while let Some(next) = members.next_or_number(&mut map)? {
            match next {
                Next::Member(_) => map.next_value_seed(inner)?,
                Next::Number(_) => return Ok(Shallow::Number),
            }
        }
        Ok(Shallow::Object)
    }
}

/// Refuses JSON that `serde_json` may read differently from what it says, or with too deep a recursion: members with
/// reserved names (`$serde_json::private::…`) at any depth, and nesting of more than 16 levels.
///
/// For documents of other servers, before they are read. Duplicate members are not refused here.
///
/// # Errors
///
/// When it is not JSON in UTF-8, or has what is refused.
#[doc(hidden)]
pub fn check_foreign_json(bytes: &[u8]) -> Result<(), JsonError> {
    from_slice::<Foreign>(bytes).map(|_| ())
}

/// A skipped value, which may have duplicate members.
struct Foreign;

impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ForeignVisitor { depth: 0 })
    }
}

#[derive(Clone, Copy)]
struct ForeignVisitor {
    depth: usize,
}

impl ForeignVisitor {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for ForeignVisitor {
    type Value = Foreign;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Foreign, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ForeignVisitor {
    type Value = Foreign;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Foreign, E> {
        Ok(Foreign)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Foreign, A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(Foreign)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Foreign, A::Error> {
        let inner = self.inner()?;
        while let Some(next) = next_or_number(&mut map)? {
            match next {
                Next::Member(_) => map.next_value_seed(inner)?,
                Next::Number(_) => return Ok(Foreign),
            };
        }
        Ok(Foreign)
    }
}
