//! Strict JSON: UTF-8 only, nothing after the value, and no member named twice at any depth (RFC 7515 §4,
//! RFC 7519 §4, RFC 8725 §3.7).
//!
//! Headers and claims are read as a [`Value`]: serde's derive ignores duplicates of unknown members and everything inside
//! a skipped value, so two readers could understand the same document differently.

mod error;
mod members;
mod objects;
mod value;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

pub(crate) use self::error::DUPLICATE;
pub use self::error::{JsonError, Position};
pub use self::members::Text;
pub(crate) use self::members::check_name;
pub use self::objects::objects_from_slice;
use self::value::ValueSeed;
pub use self::value::{MAX_DEPTH, Value};

/// The bytes without a byte order mark at the start. Some servers send one, and `serde_json` does not accept it.
pub fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads exactly one object from `bytes`, borrowing from them. Its values may be nested 16 levels deep.
pub fn object(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    let seed = ValueSeed {
        depth: MAX_DEPTH + 1,
        unique_members: true,
    };
    visit_object(bytes, seed)
}

pub(crate) fn visit_object<'de, V: Visitor<'de>>(
    bytes: &'de [u8],
    visitor: V,
) -> Result<V::Value, JsonError> {
    let mut json = serde_json::Deserializer::from_str(utf8(bytes)?);
    let object = json.deserialize_map(visitor)?;
    json.end()?;
    Ok(object)
}

/// Rejects JSON that `serde_json` may read differently from what it says, or with too deep a recursion: members with
/// reserved names (`$serde_json::private::…`) at any depth, and nesting of more than 16 levels.
///
/// For documents of other servers, before they are read. Duplicate members are accepted.
pub fn check_foreign_json(bytes: &[u8]) -> Result<(), JsonError> {
    let mut json = serde_json::Deserializer::from_str(utf8(bytes)?);
    let seed = ValueSeed {
        depth: MAX_DEPTH,
        unique_members: false,
    };
    seed.deserialize(&mut json)?;
    Ok(json.end()?)
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde::Deserialize;

    use super::value::FEW_MEMBERS;
    use super::*;

    fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
        Ok(serde_json::from_str(utf8(bytes)?)?)
    }

    fn skip(json: &str) -> Result<(), JsonError> {
        from_slice::<Value<'_>>(json.as_bytes()).map(|_| ())
    }

    fn is_duplicate(json: &str) -> bool {
        matches!(skip(json), Err(JsonError::DuplicateMember { .. }))
    }

    #[test]
    fn j2_duplicate_member_is_rejected_at_any_depth() {
        assert!(is_duplicate(r#"{"a":1,"a":1}"#));
        assert!(is_duplicate(r#"{"a":1,"b":2,"\u0061":3}"#));
        assert!(is_duplicate(r#"{"x":{"a":1,"a":2}}"#));
        assert!(is_duplicate(r#"{"x":[1,{"y":[{"a":1,"b":1,"a":2}]}]}"#));
        assert!(is_duplicate(r#"{"":1,"":2}"#));
        assert_eq!(skip(r#"{"a":{"a":[{"a":1},{"a":1}]},"A":1}"#), Ok(()));
    }

    #[test]
    fn j2_reserved_member_is_rejected_at_any_depth() {
        for name in ["Number", "RawValue", "anything"] {
            let member = format!("\"$serde_json::private::{name}\"");
            for value in [r#""1""#, r#""\u0031""#, "1", "null", r#"{"a":1}"#] {
                for json in [
                    format!("{{{member}:{value}}}"),
                    format!(r#"{{"a":1,{member}:{value}}}"#),
                    format!(r#"{{"x":[{{"y":{{{member}:{value}}}}}]}}"#),
                    format!("{{{}:{value}}}", member.replace('$', r"\u0024")),
                ] {
                    let refused = skip(&json).expect_err("a reserved name");
                    assert!(
                        matches!(
                            refused,
                            JsonError::ReservedMember { .. } | JsonError::UnexpectedType { .. }
                        ),
                        "{json}: {refused:?}"
                    );
                }
            }
        }
        assert_eq!(
            skip(r#"{"$serde_json":1,"$":"$serde_json::private::Number"}"#),
            Ok(())
        );
    }

    #[test]
    fn foreign_json_accepts_duplicates_and_rejects_reserved_names() {
        let check = |json: &str| check_foreign_json(json.as_bytes());
        assert_eq!(check(r#"{"a":1.5,"a":[null,{"b":"\n","b":-1}]}"#), Ok(()));
        for name in ["Number", "RawValue"] {
            for prefix in ["$serde", r"\u0024serde"] {
                let json = format!(r#"{{"a":1,"a":[{{"{prefix}_json::private::{name}":"1"}}]}}"#);
                let refused = check(&json).expect_err(&json);
                assert!(
                    matches!(refused, JsonError::ReservedMember { .. }),
                    "{json}: {refused:?}"
                );
            }
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert!(matches!(
            check(&nested(MAX_DEPTH + 1)),
            Err(JsonError::TooDeep { .. })
        ));
    }

    #[test]
    fn numbers_are_read_with_any_features_of_serde_json() {
        for json in ["1", "-1", "1.5", "1e300", "18446744073709551616", "[1.5]"] {
            assert_eq!(skip(json), Ok(()), "{json}");
        }
        let read = from_slice::<Value<'_>>(b"1.5");
        assert_eq!(read, Ok(Value::OtherNumber(1.5)));
    }

    #[test]
    fn j2_duplicate_among_thousands_of_members_is_rejected() {
        for count in [1, FEW_MEMBERS - 1, FEW_MEMBERS, FEW_MEMBERS + 1, 5_000] {
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
    fn p3_other_encodings_than_utf8_are_rejected() {
        assert_eq!(
            from_slice::<Value<'_>>(b"\"\xff\"").err(),
            Some(JsonError::NotUtf8)
        );
        let utf16: Vec<u8> = r#"{"a":1}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(matches!(
            from_slice::<Value<'_>>(&utf16),
            Err(JsonError::Syntax { .. })
        ));
        assert!(matches!(skip("\u{feff}{}"), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn p7_invalid_json_is_rejected() {
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
        let read = |json: &'static str| from_slice::<Value<'_>>(json.as_bytes());
        assert!(matches!(
            read(r#""ab""#),
            Ok(Value::Text(Cow::Borrowed("ab")))
        ));
        assert_eq!(read(r#""\u0061b""#), Ok(Value::Text("ab".into())));
        assert_eq!(read("null"), Ok(Value::Null));
        assert_eq!(read("-0.5e1"), Ok(Value::OtherNumber(-5.0)));
        let object = Value::Object(vec![("a".into(), Value::Array(vec![]))]);
        assert_eq!(read(r#"[{"a":[]}]"#), Ok(Value::Array(vec![object])));
    }

    #[test]
    fn error_contains_nothing_of_the_input() {
        let error = from_slice::<Text<'_>>(br#" {"secret":1}"#).expect_err("not a string");
        assert_eq!(
            error.to_string(),
            "is, or holds, a value of a wrong type near byte 1 of line 1"
        );
    }
}
