//! JSON documents of other servers.

use std::{borrow::Cow, collections::HashSet, fmt, marker::PhantomData};

use portcullis_jose::{JsonError, json::check_foreign_json};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Why a document cannot be read as the JSON object it should be.
///
/// `Duplicate` repeats a member's name, which the other server chose: escape it in a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The document is not JSON.
    #[error("not JSON")]
    NotJson,
    /// The document is JSON, but an array or another value instead of an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A member appears twice.
    #[error("duplicate member `{0}`")]
    Duplicate(Box<str>),
    /// A member, at any depth, has a name that `serde_json` keeps for itself (`$serde_json::private::…`).
    #[error("a member has a reserved name")]
    Reserved,
    /// Arrays and objects are nested more than 16 levels deep.
    #[error("nested too deeply")]
    TooDeep,
    /// A member is missing or has another type than expected.
    #[error("a required member is missing or has the wrong type")]
    Members,
}

/// Reads a JSON object. Unlike `serde_json` alone it skips a byte order mark in front, and does not accept an array of
/// field values for a struct. Nor does it give members with reserved names (`$serde_json::private::…`) a meaning: they are
/// refused at any depth.
///
/// # Errors
///
/// When it is not an object, has reserved names, is nested too deeply, or is not one that `T` accepts.
pub fn read_json_object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DocumentError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_foreign_json(bytes).map_err(|error| match error {
        JsonError::ReservedMember { .. } => DocumentError::Reserved,
        JsonError::TooDeep { .. } => DocumentError::TooDeep,
        _ => DocumentError::NotJson,
    })?;
    serde_json::from_slice(bytes)
        .map(|Object(value)| value)
        .map_err(|error| explain(bytes, &error))
}

/// A `T` that is read from a JSON object only.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// The error in words. `serde_json`'s own message may repeat a value, which may be a token.
fn explain(bytes: &[u8], error: &serde_json::Error) -> DocumentError {
    if !error.is_data() {
        return DocumentError::NotJson;
    }
    match serde_json::from_slice(bytes) {
        Ok(Names { duplicate: None }) => DocumentError::Members,
        Ok(Names {
            duplicate: Some(name),
        }) => DocumentError::Duplicate(name),
        Err(error) if error.is_data() => DocumentError::NotAnObject,
        Err(_) => DocumentError::NotJson,
    }
}

/// The first member name of an object that appears twice.
struct Names {
    duplicate: Option<Box<str>>,
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut seen = HashSet::new();
                let mut duplicate = None;
                while let Some((name, IgnoredAny)) = map.next_entry::<Cow<'_, str>, _>()? {
                    if duplicate.is_none() && seen.contains(&name) {
                        duplicate = Some(name.as_ref().into());
                    }
                    seen.insert(name);
                }
                Ok(Names { duplicate })
            }
        }

        deserializer.deserialize_map(NamesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        a: u8,
        #[serde(default)]
        b: Option<String>,
    }

    fn read(json: &str) -> Result<u8, DocumentError> {
        read_json_object::<Pair>(json.as_bytes()).map(|pair| pair.a)
    }

    #[test]
    fn an_object_is_read_with_or_without_a_byte_order_mark() {
        assert_eq!(read(r#"{"a":1}"#), Ok(1));
        assert_eq!(read("\u{feff}{\"a\":1,\"b\":null}"), Ok(1));
        assert_eq!(read(r#" {"x":1,"a":1,"x":[]}"#), Ok(1));
    }

    #[test]
    fn an_array_is_not_an_object() {
        for json in ["[1]", r#"[1,"b"]"#, "1", "null", r#""a""#, "\u{feff}[1]"] {
            assert_eq!(read(json), Err(DocumentError::NotAnObject), "{json}");
        }
    }

    #[test]
    fn members_with_reserved_names_are_refused() {
        for name in [
            "$serde_json::private::RawValue",
            r"\u0024serde_json::private::Number",
        ] {
            for json in [
                format!(r#"{{"{name}":"{{}}"}}"#),
                format!(r#"{{"a":1,"x":[{{"{name}":"1"}}]}}"#),
            ] {
                assert_eq!(read(&json), Err(DocumentError::Reserved), "{json}");
            }
        }
        let deep = format!(r#"{{"a":1,"x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
        assert_eq!(read(&deep), Err(DocumentError::TooDeep));
    }

    #[test]
    fn the_reason_is_named() {
        let duplicate = |name: &str| Err(DocumentError::Duplicate(name.into()));
        assert_eq!(read(r#"{"a":1,"a":2}"#), duplicate("a"));
        assert_eq!(read(r#"{"a":1,"\u0061":2}"#), duplicate("a"));
        assert_eq!(read(r#"{"b":"c"}"#), Err(DocumentError::Members));
        assert_eq!(read(r#"{"a":"1"}"#), Err(DocumentError::Members));
        for json in ["", "{", r#"{"a":1}x"#, "<html>", "\u{feff}\u{feff}{}"] {
            assert_eq!(read(json), Err(DocumentError::NotJson), "{json}");
        }
    }
}
