//! The names of the members of an object.

use std::{borrow::Cow, fmt};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::error::RESERVED;

/// Rejects the name of a member that `serde_json` reserves.
pub(crate) fn check_name<E: Error>(name: &str) -> Result<(), E> {
    match name.starts_with(RESERVED_PREFIX) {
        true => Err(E::custom(RESERVED)),
        false => Ok(()),
    }
}

/// With its features `arbitrary_precision` and `raw_value`, `serde_json` reads an object with such a member as a number
/// or as the JSON text in it. The meaning of a document must not depend on the features of the build.
pub(super) const RESERVED_PREFIX: &str = "$serde_json::private::";

/// With `arbitrary_precision`, `serde_json` passes numbers to visitors as a map with this one member.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// Reads the digits of a number that `serde_json` passes as a map. Only `serde_json` passes a `String` here: the text of
/// a document arrives as `&str`, so a document cannot forge a number.
pub(super) struct Digits;

impl<'de> DeserializeSeed<'de> for Digits {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_string(self)
    }
}

impl Visitor<'_> for Digits {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the digits of a number")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<String, E> {
        Err(E::custom(RESERVED))
    }

    fn visit_string<E: Error>(self, digits: String) -> Result<String, E> {
        Ok(digits)
    }
}

/// A string, borrowed from the input unless it has escapes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Text<'t>(#[serde(borrow)] pub Cow<'t, str>);
