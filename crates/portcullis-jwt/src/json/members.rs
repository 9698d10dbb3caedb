//! The members of an object, and their names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::DUPLICATE;

/// How many names [`Members`] keeps without allocating.
pub(super) const INLINE_NAMES: usize = 16;

/// The members of one object as they are visited: refuses the second of a name, after unescaping.
///
/// Up to [`INLINE_NAMES`] names are kept without allocating and compared one by one; after that a hash set with
/// its own random seed takes over, so thousands of members cost what they weigh and no more.
pub(crate) struct Members<'de> {
    inline: [Cow<'de, str>; INLINE_NAMES],
    length: usize,
    spilled: HashSet<Cow<'de, str>>,
    last: Cow<'de, str>,
}

impl<'de> Members<'de> {
    pub(crate) fn new() -> Self {
        Self {
            inline: [const { Cow::Borrowed("") }; INLINE_NAMES],
            length: 0,
            spilled: HashSet::new(),
            last: Cow::Borrowed(""),
        }
    }

    /// The name of the next member, whose value is then to be read from `map`.
    pub(crate) fn next<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<&str>, A::Error> {
        Ok(self.next_name(map)?.map(|name| &**name))
    }

    /// As [`next`](Self::next), with the name as it was read.
    pub(crate) fn next_name<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<&Cow<'de, str>>, A::Error> {
        let Some(Text(name)) = map.next_key()? else {
            return Ok(None);
        };
        if self.inline[..self.length].contains(&name) || self.spilled.contains(&name) {
            return Err(A::Error::custom(DUPLICATE));
        }
        if self.length < INLINE_NAMES {
            let slot = &mut self.inline[self.length];
            self.length += 1;
            *slot = name;
            Ok(Some(slot))
        } else {
            self.spilled.insert(name.clone());
            self.last = name;
            Ok(Some(&self.last))
        }
    }
}

/// A string, borrowed from the input unless it has escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

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
