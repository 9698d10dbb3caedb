//! The members of an object, and their names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::{DUPLICATE, RESERVED};

/// How many names [`Members`] keeps without allocating.
pub(super) const INLINE_NAMES: usize = 16;

/// The members of one object as they are visited: refuses the second of a name, after unescaping.
///
/// Up to [`INLINE_NAMES`] names are kept without allocating and compared one by one; after that a hash set with
/// its own random seed takes over, so thousands of members cost what they weigh and no more.
pub struct Members<'de> {
    inline: [Cow<'de, str>; INLINE_NAMES],
    length: usize,
    spilled: HashSet<Cow<'de, str>>,
    last: Cow<'de, str>,
}

#[expect(clippy::new_without_default, reason = "private to the workspace")]
impl<'de> Members<'de> {
    pub fn new() -> Self {
        Self {
            inline: [const { Cow::Borrowed("") }; INLINE_NAMES],
            length: 0,
            spilled: HashSet::new(),
            last: Cow::Borrowed(""),
        }
    }

    /// The name of the next member, whose value is then to be read from `map`.
    pub fn next<A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<Option<&str>, A::Error> {
        match self.next_or_number(map)? {
            None => Ok(None),
            Some(Next::Member(name)) => Ok(Some(&**name)),
            Some(Next::Number(_)) => Err(A::Error::custom(RESERVED)),
        }
    }

    /// As [`next`](Self::next), in the visitor of a value of any type: `map` may also be a number.
    pub fn next_or_number<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<Next<&Cow<'de, str>>>, A::Error> {
        Ok(match next_or_number(map)? {
            None => None,
            Some(Next::Member(name)) => Some(Next::Member(self.add(name)?)),
            Some(Next::Number(digits)) => Some(Next::Number(digits)),
        })
    }

    fn add<E: Error>(&mut self, name: Cow<'de, str>) -> Result<&Cow<'de, str>, E> {
        if self.inline[..self.length].contains(&name) || self.spilled.contains(&name) {
            return Err(E::custom(DUPLICATE));
        }
        if self.length < INLINE_NAMES {
            let slot = &mut self.inline[self.length];
            self.length += 1;
            *slot = name;
            Ok(slot)
        } else {
            self.spilled.insert(name.clone());
            self.last = name;
            Ok(&self.last)
        }
    }
}

/// What is next in the visitor of a value of any type.
pub enum Next<N> {
    /// The name of a member.
    Member(N),
    /// The digits of a number, which is the whole value.
    Number(String),
}

/// What is next in `map`. Whether a name was there before is for the caller to say.
pub(super) fn next_or_number<'de, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<Next<Cow<'de, str>>>, A::Error> {
    let Some(Text(name)) = map.next_key()? else {
        return Ok(None);
    };
    if name == NUMBER {
        let Digits(digits) = map.next_value()?;
        return Ok(Some(Next::Number(digits)));
    }
    refuse_reserved(&name)?;
    Ok(Some(Next::Member(name)))
}

/// `serde_json` gives members with such names a meaning of its own: where its features `arbitrary_precision` and
/// `raw_value` are on, an object with one becomes a number, or the JSON text that the member holds. No document may use
/// them, or what it says would depend on the features of the build.
const RESERVED_PREFIX: &str = "$serde_json::private::";

/// With `arbitrary_precision`, `serde_json` passes numbers to visitors as a map with this one member.
const NUMBER: &str = "$serde_json::private::Number";

/// Refuses a member that the document must not have.
pub fn refuse_reserved<E: Error>(name: &str) -> Result<(), E> {
    if name.starts_with(RESERVED_PREFIX) {
        Err(E::custom(RESERVED))
    } else {
        Ok(())
    }
}

/// The digits of a number that `serde_json` passes as a map. They come in a `String` of their own, and texts of the
/// document never do: that tells such a number from an object of the document with the same member.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}
