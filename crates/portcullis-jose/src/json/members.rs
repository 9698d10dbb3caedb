//! The names of the members of an object.

use std::{borrow::Cow, fmt};

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::RESERVED;

/// What `visit_map` finds next: a member, or a number that `serde_json` passes as a map.
pub(crate) enum Next<'de> {
    /// The name of a member, which may be a duplicate. The caller reads its value from the map.
    Member(Cow<'de, str>),
    /// The digits of a number, which is the whole value.
    Number(String),
}

/// The next member of `map`.
pub(crate) fn next<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Next<'de>>, A::Error> {
    let Some(Text(name)) = map.next_key()? else {
        return Ok(None);
    };
    if name == NUMBER {
        let Digits(digits) = map.next_value()?;
        return Ok(Some(Next::Number(digits)));
    }
    if name.starts_with(RESERVED_PREFIX) {
        return Err(A::Error::custom(RESERVED));
    }
    Ok(Some(Next::Member(name)))
}

/// With its features `arbitrary_precision` and `raw_value`, `serde_json` reads an object with such a member as a number
/// or as the JSON text in it. The meaning of a document must not depend on the features of the build.
pub(super) const RESERVED_PREFIX: &str = "$serde_json::private::";

/// With `arbitrary_precision`, `serde_json` passes numbers to visitors as a map with this one member.
const NUMBER: &str = "$serde_json::private::Number";

/// The digits of a number that `serde_json` passes as a map. Only `serde_json` passes a `String` here: the text of a
/// document arrives as `&str`, so a document cannot forge a number.
struct Digits(String);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DigitsVisitor;

        impl Visitor<'_> for DigitsVisitor {
            type Value = Digits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the digits of a number")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Err(E::custom(RESERVED))
            }

            fn visit_string<E: Error>(self, digits: String) -> Result<Self::Value, E> {
                Ok(Digits(digits))
            }
        }

        deserializer.deserialize_string(DigitsVisitor)
    }
}

/// A string, borrowed from the input unless it has escapes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Text<'t>(#[serde(borrow)] pub Cow<'t, str>);
