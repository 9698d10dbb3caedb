//! JSON objects from other servers.

use portcullis_jose::{
    JsonError,
    json::{check_foreign_json, without_byte_order_mark},
};
use serde::Deserialize;

/// Why a document cannot be read as the expected JSON object.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The document is not JSON.
    #[error("the document is not JSON")]
    NotJson,
    /// The document is JSON, but an array or another value instead of an object.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// A member appears twice.
    #[error("the member `{0}` appears twice")]
    Duplicate(Box<str>),
    /// A member, at any depth, has a name that `serde_json` reserves (`$serde_json::private::…`).
    #[error("a member is named `$serde_json::private::…`, which the JSON library reserves")]
    Reserved,
    /// Arrays and objects are nested more than 16 levels deep.
    #[error("the document is nested more than 16 levels deep (not configurable)")]
    TooDeep,
    /// A required member is missing.
    #[error("the member `{0}` is missing")]
    Missing(Box<str>),
    /// A value has another type than expected. The text names its place and the expected type, and does not repeat it.
    /// The fields are the line, the byte in it at which the value ends, and the expected type.
    #[error("the value that ends at byte {1} of line {0} has the wrong type: expected {2}")]
    WrongType(usize, usize, Box<str>),
}

portcullis_core::debug_as_report!(DocumentError);

/// Reads a JSON object, with or without a byte order mark. Unlike `serde_json` it rejects an array of a struct's fields.
///
/// # Errors
///
/// When the document is not an object, has reserved names, is nested too deeply, or does not fit `T`.
pub fn read_json_object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DocumentError> {
    let bytes = without_byte_order_mark(bytes);
    check_foreign_json(bytes).map_err(|error| match error {
        JsonError::ReservedMember { .. } => DocumentError::Reserved,
        JsonError::TooDeep { .. } => DocumentError::TooDeep,
        _ => DocumentError::NotJson,
    })?;
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(DocumentError::NotAnObject);
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // Only a field of `T` and the expected type are taken from a message of serde: it may repeat a value, such as a token.
        let message = error.to_string();
        let mut parts = message.split('`');
        match (parts.next(), parts.next()) {
            (Some("duplicate field "), Some(name)) => DocumentError::Duplicate(name.into()),
            (Some("missing field "), Some(name)) => DocumentError::Missing(name.into()),
            _ => {
                let expected = expected_type(&message).into();
                DocumentError::WrongType(error.line(), error.column(), expected)
            }
        }
    })
}

/// What a message of serde says after its last "expected": a constant text, without the value.
fn expected_type(message: &str) -> &str {
    let expected = message.rsplit_once(", expected ").map(|(_, after)| after);
    let expected = expected.and_then(|after| Some(after.rsplit_once(" at line ")?.0));
    expected.unwrap_or("another one")
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
    fn object_is_read_with_or_without_a_byte_order_mark() {
        assert_eq!(read(r#"{"a":1}"#), Ok(1));
        assert_eq!(read("\u{feff}{\"a\":1,\"b\":null}"), Ok(1));
        assert_eq!(read(r#" {"x":1,"a":1,"x":[]}"#), Ok(1));
    }

    #[test]
    fn array_is_not_an_object() {
        for json in ["[1]", r#"[1,"b"]"#, "1", "null", r#""a""#, "\u{feff}[1]"] {
            assert_eq!(read(json), Err(DocumentError::NotAnObject), "{json}");
        }
    }

    #[test]
    fn members_with_reserved_names_are_rejected() {
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
    fn error_names_the_reason() {
        let duplicate = |name: &str| Err(DocumentError::Duplicate(name.into()));
        assert_eq!(read(r#"{"a":1,"a":2}"#), duplicate("a"));
        assert_eq!(read(r#"{"a":1,"\u0061":2}"#), duplicate("a"));
        assert_eq!(
            read(r#"{"b":"c"}"#),
            Err(DocumentError::Missing("a".into()))
        );
        let wrong = read(r#"{"a":", expected x at line 1"}"#).expect_err("a string");
        let expected = "the value that ends at byte 29 of line 1 has the wrong type: expected u8";
        assert_eq!(wrong.to_string(), expected);
        for json in ["", "{", r#"{"a":1}x"#, "<html>", "\u{feff}\u{feff}{}"] {
            assert_eq!(read(json), Err(DocumentError::NotJson), "{json}");
        }
    }
}
