//! The issuer of a token that is not verified yet.

use std::{borrow::Cow, fmt};

use portcullis_jose::json::Text;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::{VerifyError, verify_error::found_name};

/// What `find` returns for the `iss` of a payload whose signature was not checked yet; an error if that is nothing.
pub(crate) fn find_issuer<T>(
    payload: &[u8],
    find: impl FnOnce(&str) -> Option<T>,
) -> Result<T, VerifyError> {
    let issuer = peek_issuer(payload);
    let issuer = issuer.as_deref();
    issuer
        .and_then(find)
        .ok_or_else(|| VerifyError::Issuer(found_name(issuer)))
}

/// The `iss`, which chooses the keys to check the signature with.
///
/// It takes the first `iss` and ignores what follows: the parse after the signature check is strict.
fn peek_issuer(payload: &[u8]) -> Option<Cow<'_, str>> {
    struct Peek;

    impl<'de> Visitor<'de> for Peek {
        type Value = Option<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of claims")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut issuer = None;
            while let Some(Text(name)) = map.next_key()? {
                if name == "iss" && issuer.is_none() {
                    issuer = Some(map.next_value::<Text<'de>>()?.0);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(issuer)
        }
    }

    let text = std::str::from_utf8(payload).ok()?;
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Peek)
        .ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peek_finds_the_first_top_level_iss() {
        let peek = |json: &'static str| peek_issuer(json.as_bytes());
        let outer = peek(r#"{"a":{"iss":"inner"},"iss":"outer","iss":"second"} x"#);
        assert_eq!(outer.as_deref(), Some("outer"));
        assert_eq!(peek(r#"{"a":{"iss":"inner"}}"#), None);
        assert_eq!(peek(r#"{"iss":["outer"]}"#), None);
        assert_eq!(peek("nonsense"), None);
    }
}
