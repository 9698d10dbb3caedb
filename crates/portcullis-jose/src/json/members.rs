//! The members of an object, and their names.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::{DUPLICATE, RESERVED};

/// How many names [`Members`] keeps without allocating.
pub(super) const INLINE_NAMES: usize = 16;

/// The names of one object's members as they are visited. Rejects the second member of a name, after unescaping.
///
/// The first names are compared one by one. A hash set with a random seed keeps the rest, so that an object with
/// thousands of members takes linear time.
#[derive(Default)]
pub struct Members<'de> {
    first: [Cow<'de, str>; INLINE_NAMES],
    length: usize,
    rest: HashSet<Cow<'de, str>>,
}

impl<'de> Members<'de> {
    /// The name of the next member, whose value the caller reads from `map`. If the visitor accepts any type, `map` may
    /// also be a number.
    ///
    /// # Errors
    ///
    /// If the name is a duplicate or reserved, or the JSON is ill-formed.
    pub fn next_or_number<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<Next<'de>>, A::Error> {
        let next = next_or_number(map)?;
        if let Some(Next::Member(name)) = &next {
            self.add(name.clone())?;
        }
        Ok(next)
    }

    pub(super) fn add<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        if self.first[..self.length].contains(&name) || self.rest.contains(&name) {
            return Err(E::custom(DUPLICATE));
        }
        if let Some(slot) = self.first.get_mut(self.length) {
            *slot = name;
            self.length += 1;
        } else {
            self.rest.insert(name);
        }
        Ok(())
    }
}

/// What is next in the visitor of a value of any type.
pub enum Next<'de> {
    /// The name of a member.
    Member(Cow<'de, str>),
    /// The digits of a number, which is the whole value.
    Number(String),
}

/// The next member of `map`, whose name may be a duplicate.
pub(super) fn next_or_number<'de, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<Next<'de>>, A::Error> {
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
const RESERVED_PREFIX: &str = "$serde_json::private::";

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
