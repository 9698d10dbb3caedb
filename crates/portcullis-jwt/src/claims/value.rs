//! The JSON values of claims.

use std::{borrow::Cow, fmt, slice};

use portcullis_jose::json::{MAX_DEPTH, Members, Next, TOO_DEEP};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value. Strings are borrowed from the payload unless they have escapes.
#[derive(Debug, PartialEq)]
pub(crate) enum Claim<'de> {
    Text(Cow<'de, str>),
    Integer(u64),
    Fraction(f64),
    Array(Vec<Claim<'de>>),
    Object(Vec<(Cow<'de, str>, Claim<'de>)>),
    /// `null`, a boolean or a negative integer. No rule asks for their values.
    Other,
}

impl Claim<'_> {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or the texts among the items of an array.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::as_text)
    }

    /// Whether this is a text, or an array of texts and nothing else.
    pub(crate) fn is_only_texts(&self) -> bool {
        self.items().iter().all(|item| item.as_text().is_some())
    }

    /// The member of an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => super::find(members, name),
            _ => None,
        }
    }

    fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            single => slice::from_ref(single),
        }
    }
}

/// Reads a value at this depth. The depth of a claim is 0.
#[derive(Clone, Copy)]
pub(super) struct ClaimSeed {
    depth: usize,
}

impl ClaimSeed {
    pub(super) const CLAIM: Self = Self { depth: 0 };

    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for ClaimSeed {
    type Value = Claim<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ClaimSeed {
    type Value = Claim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Claim::Integer(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Claim::Other, Claim::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Claim::Fraction(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Claim::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Claim::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.inner()?;
        let mut names = Members::default();
        let mut members = Vec::new();
        while let Some(next) = names.next_or_number(&mut map)? {
            let name = match next {
                Next::Member(name) => name,
                Next::Number(digits) => return Ok(fraction(&digits)),
            };
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Claim::Object(members))
    }
}

/// A number as `serde_json` passes it when its feature `arbitrary_precision` is on.
fn fraction(digits: &str) -> Claim<'static> {
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Claim::Fraction(number),
        _ => Claim::Other,
    }
}
