//! Strict JSON: UTF-8 only, nothing after the value, and no member named twice at any depth (RFC 7515 §4,
//! RFC 7519 §4, RFC 8725 §3.7).
//!
//! serde's derive ignores duplicates of members it does not know, and everything inside a value it skips. A header
//! or a set of claims that two readers can understand differently is refused here, so both are read by visitors
//! built from these parts: [`Members`] walks an object, [`IgnoredUnique`] skips a value, [`Shallow`] keeps a text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Why some bytes are not the JSON that was expected.
///
/// Nothing of the input is in it, only a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Not JSON, or something follows the value.
    #[error("is not well-formed JSON at byte {column} of line {line}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The byte within the line, from 1.
        column: usize,
    },
    /// An object names a member twice.
    #[error("has a duplicate member at byte {column} of line {line}")]
    DuplicateMember {
        /// The line, from 1.
        line: usize,
        /// The byte within the line, from 1.
        column: usize,
    },
    /// Arrays and objects are nested more than 16 levels deep.
    #[error("is nested too deeply at byte {column} of line {line}")]
    TooDeep {
        /// The line, from 1.
        line: usize,
        /// The byte within the line, from 1.
        column: usize,
    },
    /// JSON, but not of the shape that was expected.
    #[error("has an unexpected type at byte {column} of line {line}")]
    UnexpectedType {
        /// The line, from 1.
        line: usize,
        /// The byte within the line, from 1.
        column: usize,
    },
}

pub(crate) const DUPLICATE: &str = "duplicate member";

/// How deep a skipped value may be. Each level of an error costs an allocation on its way out, and no token that was
/// met comes near.
const MAX_DEPTH: usize = 16;
const TOO_DEEP: &str = "nested too deeply";

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if !error.is_data() {
            return Self::Syntax { line, column };
        }
        match error.to_string() {
            text if text.starts_with(DUPLICATE) => Self::DuplicateMember { line, column },
            text if text.starts_with(TOO_DEEP) => Self::TooDeep { line, column },
            _ => Self::UnexpectedType { line, column },
        }
    }
}

/// Reads exactly one value out of `bytes`, borrowing from them.
///
/// How strict it is about duplicate members is up to `T`.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    Ok(serde_json::from_str(text)?)
}

/// How many names [`Members`] keeps without allocating.
const INLINE_NAMES: usize = 16;

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

/// A value of any type that is skipped, but held to the same rules: no duplicate members, no lone surrogates.
pub(crate) struct IgnoredUnique;

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
pub(crate) enum Shallow<'de> {
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
        while members.next(&mut map)?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(Shallow::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(json: &str) -> Result<(), JsonError> {
        from_slice::<IgnoredUnique>(json.as_bytes()).map(|_| ())
    }

    fn is_duplicate(json: &str) -> bool {
        matches!(skip(json), Err(JsonError::DuplicateMember { .. }))
    }

    #[test]
    fn j2_a_duplicate_member_is_refused_wherever_it_is() {
        assert!(is_duplicate(r#"{"a":1,"a":1}"#));
        assert!(is_duplicate(r#"{"a":1,"b":2,"\u0061":3}"#));
        assert!(is_duplicate(r#"{"x":{"a":1,"a":2}}"#));
        assert!(is_duplicate(r#"{"x":[1,{"y":[{"a":1,"b":1,"a":2}]}]}"#));
        assert!(is_duplicate(r#"{"":1,"":2}"#));
        assert_eq!(skip(r#"{"a":{"a":[{"a":1},{"a":1}]},"A":1}"#), Ok(()));
    }

    #[test]
    fn j2_a_duplicate_is_found_among_thousands_of_members() {
        for count in [1, INLINE_NAMES - 1, INLINE_NAMES, INLINE_NAMES + 1, 5_000] {
            let names: Vec<_> = (0..count).map(|n| format!("\"{n}\":0")).collect();
            let unique = format!("{{{}}}", names.join(","));
            assert_eq!(skip(&unique), Ok(()), "{count}");
            for twice in [0, count / 2, count - 1] {
                assert!(
                    is_duplicate(&format!("{{{},\"{twice}\":0}}", names.join(","))),
                    "{twice} of {count}"
                );
            }
        }
    }

    #[test]
    fn p3_only_utf8_is_read() {
        assert_eq!(
            from_slice::<IgnoredUnique>(b"\"\xff\"").err(),
            Some(JsonError::NotUtf8)
        );
        let utf16: Vec<u8> = r#"{"a":1}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(matches!(
            from_slice::<IgnoredUnique>(&utf16),
            Err(JsonError::Syntax { .. })
        ));
        assert!(matches!(skip("\u{feff}{}"), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn p7_what_is_not_json_is_refused() {
        for json in [
            "",
            " ",
            "{",
            "{}}",
            "{} {}",
            "{}x",
            "{a:1}",
            "{'a':1}",
            r#"{"a":1,}"#,
            "[1,]",
            "NaN",
            "-Infinity",
            "01",
            "+1",
            ".5",
            "1.",
            "1e999",
            "/**/{}",
            "{}//",
            r#""\ud800""#,
            r#"{"a":"\udc00\ud800"}"#,
            r#"{"\ud800":1}"#,
            "\"\n\"",
            r#""\x41""#,
            "nul",
        ] {
            assert!(
                matches!(skip(json), Err(JsonError::Syntax { .. })),
                "{json:.40}: {:?}",
                skip(json)
            );
        }
    }

    #[test]
    fn p7_depth_is_bounded() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(skip(&nested(MAX_DEPTH)), Ok(()));
            for depth in [MAX_DEPTH + 1, 200, 5_000] {
                assert!(
                    matches!(skip(&nested(depth)), Err(JsonError::TooDeep { .. })),
                    "{depth}"
                );
            }
        }
    }

    #[test]
    fn strings_borrow_unless_escaped() {
        let read = |json: &'static str| from_slice::<Shallow<'_>>(json.as_bytes());
        assert!(matches!(
            read(r#""ab""#),
            Ok(Shallow::Text(Cow::Borrowed("ab")))
        ));
        assert_eq!(read(r#""\u0061b""#), Ok(Shallow::Text("ab".into())));
        assert_eq!(read("null"), Ok(Shallow::Null));
        assert_eq!(read("-0.5e1"), Ok(Shallow::Number));
        assert_eq!(read(r#"[{"a":[]}]"#), Ok(Shallow::Array));
        assert_eq!(read("{}"), Ok(Shallow::Object));
    }

    #[test]
    fn an_error_holds_nothing_of_the_input() {
        let error = from_slice::<Text<'_>>(br#" {"secret":1}"#).expect_err("not a string");
        assert_eq!(error, JsonError::UnexpectedType { line: 1, column: 1 });
        assert_eq!(
            error.to_string(),
            "has an unexpected type at byte 1 of line 1"
        );
    }
}
