//! The claims of a token (RFC 7519 §4). Only claims that are parsed after the signature was verified decide about a caller.

use std::{borrow::Cow, fmt, time::Duration};

use portcullis_core::clock::UnixTime;
pub(crate) use portcullis_jose::json::Value as Claim;
use portcullis_jose::json::{self, JsonError, Text};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::{
    VerifyError,
    claim_path::{ClaimPath, Step},
    verify_error::escape_name,
};

/// The claims of a token, borrowed from the decoded payload.
///
/// The whole payload must be strict JSON, in which no object names a member twice.
#[derive(Debug)]
pub(crate) struct Claims<'de>(Claim<'de>);

impl<'de> Claims<'de> {
    pub(crate) fn parse(payload: &'de [u8]) -> Result<Self, JsonError> {
        json::object(payload).map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Claim<'de>> {
        self.0.member(name)
    }

    /// The value at `path`, following the members of objects only.
    pub(crate) fn at(&self, path: &ClaimPath) -> Option<&Claim<'de>> {
        let claim = self.get(&path.claim)?;
        path.steps.iter().try_fold(claim, |claim, step| match step {
            Step::Member(name) => claim.member(name),
            _ => None,
        })
    }

    /// The claim `name`, which must be a text that is not empty if it is present.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, VerifyError> {
        let claim = self.get(name);
        non_empty_text(claim).map_err(|WrongType| invalid(name, NON_EMPTY_TEXT, claim))
    }

    /// The value at `path`, which must be a text that is not empty if it is present.
    pub(crate) fn text_at(&self, path: &ClaimPath) -> Result<Option<&str>, WrongType> {
        non_empty_text(self.at(path))
    }

    /// The claim `name`, which must be a NumericDate (RFC 7519 §2) if it is present: an integer or a fraction, not
    /// negative, and not past the year 9999.
    pub(crate) fn time(&self, name: &str) -> Result<Option<UnixTime>, VerifyError> {
        /// The last second of the year 9999.
        const MAX: u64 = 253_402_300_799;

        let claim = self.get(name);
        let time = match claim {
            None => return Ok(None),
            Some(Claim::Integer(seconds)) => Some(Duration::from_secs(*seconds)),
            Some(Claim::OtherNumber(seconds)) => Duration::try_from_secs_f64(*seconds).ok(),
            Some(_) => None,
        };
        let time = time.filter(|time| time.as_secs() <= MAX);
        let expected =
            "a number of seconds (not milliseconds) from 1970 to the end of the year 9999";
        time.map(UnixTime::from_duration)
            .ok_or_else(|| invalid(name, expected, claim))
            .map(Some)
    }
}

/// A claim is present but does not have the type that its name requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

fn non_empty_text<'c>(claim: Option<&'c Claim<'_>>) -> Result<Option<&'c str>, WrongType> {
    match claim {
        None => Ok(None),
        Some(Claim::Text(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(WrongType),
    }
}

/// What [`non_empty_text`] accepts.
pub(crate) const NON_EMPTY_TEXT: &str = "a text that is not empty";

/// The error for the claim `name`, whose `value` is not what is `expected`.
pub(crate) fn invalid(
    name: impl ToString,
    expected: &str,
    value: Option<&Claim<'_>>,
) -> VerifyError {
    let found = match value {
        None => "absent",
        Some(Claim::Null) => "null",
        Some(Claim::Bool(_)) => "a boolean",
        Some(Claim::Integer(_) | Claim::OtherNumber(_)) => "a number",
        Some(Claim::Text(text)) if text.is_empty() => "an empty text",
        Some(Claim::Text(_)) => "a text",
        Some(Claim::Array(_)) => "a list",
        Some(Claim::Object(_)) => "an object",
    };
    let problem = format!("is {found}, but must be {expected}");
    VerifyError::InvalidClaim(name.to_string(), problem)
}

/// Calls `find` with the `iss` of a payload whose signature is not verified. An error if there is no `iss`, or `find`
/// returns `None`.
pub(crate) fn find_issuer<T>(
    payload: &[u8],
    find: impl FnOnce(&str) -> Option<T>,
) -> Result<T, VerifyError> {
    let issuer = peek_issuer(payload);
    let issuer = issuer.as_deref();
    issuer
        .and_then(find)
        .ok_or_else(|| VerifyError::Issuer(issuer.map(escape_name)))
}

/// The first `iss`. The other members are skipped, but must be well-formed. The strict parse follows once the signature is
/// verified.
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
    use portcullis_jose::json::MAX_DEPTH;

    use super::*;

    fn parse(json: &str) -> Result<Claims<'_>, JsonError> {
        Claims::parse(json.as_bytes())
    }

    fn time(json: &str) -> Result<Option<UnixTime>, WrongType> {
        let json = format!(r#"{{"exp":{json}}}"#);
        let claims = parse(&json).map_err(|_| WrongType)?;
        claims.time("exp").map_err(|_| WrongType)
    }

    #[test]
    fn j5_a_date_is_an_integer_or_a_fraction() {
        assert_eq!(
            time("1300819380"),
            Ok(Some(UnixTime::from_secs(1_300_819_380)))
        );
        assert_eq!(
            time("1.5"),
            Ok(Some(UnixTime::from_duration(Duration::from_millis(1_500))))
        );
        assert_eq!(time("1e9"), Ok(Some(UnixTime::from_secs(1_000_000_000))));
        assert_eq!(time("0"), Ok(Some(UnixTime::from_secs(0))));
    }

    #[test]
    fn j5_an_object_is_never_a_number() {
        for value in [r#""1.5""#, r#""1300819380""#, r#""NaN""#, "1.5", "null"] {
            let object = format!(r#"{{"$serde_json::private::Number":{value}}}"#);
            for claims in [
                format!(r#"{{"exp":{object}}}"#),
                format!(r#"{{"custom":{{"deep":[{object}]}}}}"#),
                format!(r#"{{"aud":[{object}]}}"#),
                format!(r#"{{"realm_access":{object}}}"#),
                format!(r#"{{"realm_access":{{"roles":[{object}]}}}}"#),
                object.clone(),
            ] {
                assert!(parse(&claims).is_err(), "{claims}");
            }
        }
        assert!(matches!(
            parse(r#"{"exp":{"$serde_json::private::Number":"1.5"}}"#),
            Err(JsonError::ReservedMember { .. })
        ));
    }

    #[test]
    fn j5_a_date_is_never_a_string_negative_or_overflowing() {
        for json in [
            r#""1300819380""#,
            "-1",
            "-0.5",
            "253402300800",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
            "1e999",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            assert_eq!(time(json), Err(WrongType), "{json}");
        }
    }

    #[test]
    fn j2_a_claim_named_twice_is_refused_at_any_depth() {
        for json in [
            r#"{"iss":"a","iss":"a"}"#,
            r#"{"x":1,"\u0078":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"aud":[{"a":1,"a":2}]}"#,
            r#"{"realm_access":{"a":1,"a":2}}"#,
            r#"{"realm_access":[{"a":{"b":1,"c":2,"\u0062":3}}]}"#,
        ] {
            assert!(
                matches!(parse(json), Err(JsonError::DuplicateMember { .. })),
                "{json}"
            );
        }
    }

    #[test]
    fn claims_are_one_object_with_nothing_after_it() {
        for json in ["[]", "\"a\"", "1", "null", "{} {}", "{}x", ""] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn texts_of_an_array_skip_other_items() {
        let claims = parse(r#"{"aud":["a",1,"b\u0063"],"n":null}"#).expect("parses");
        let aud = claims.get("aud").expect("present");
        assert_eq!(aud.texts().collect::<Vec<_>>(), ["a", "bc"]);
        assert!(!aud.is_only_texts());
        assert_eq!(claims.get("n"), Some(&Claim::Null));
        assert_eq!(claims.get("m"), None);
        let invalid = invalid("n", NON_EMPTY_TEXT, Some(&Claim::Null));
        assert_eq!(claims.text("n"), Err(invalid));
    }

    #[test]
    fn a_path_matches_whole_names_only() {
        let json = r#"{"realm_access":{"roles":["a",{"b":[]}],"x":{"y":"z"}},"realm_access.x":1,"other":{"x":1}}"#;
        let claims = parse(json).expect("parses");
        let path = |names: &[&'static str]| {
            names[1..]
                .iter()
                .fold(ClaimPath::from(names[0]), |path, name| path.member(*name))
        };
        assert_eq!(
            claims.text_at(&path(&["realm_access", "x", "y"])),
            Ok(Some("z"))
        );
        assert!(
            matches!(claims.at(&path(&["realm_access", "roles"])), Some(Claim::Array(items)) if items.len() == 2)
        );
        assert_eq!(
            claims.at(&path(&["realm_access.x"])),
            Some(&Claim::Integer(1))
        );
        for nowhere in [
            &["realm_access.x", "y"][..],
            &["realm_access", "x.y"],
            &["realm_access", "X"],
            &["realm_access", "roles", "a"],
            &["other", "y"],
            &["none", "x"],
        ] {
            assert_eq!(claims.at(&path(nowhere)), None, "{nowhere:?}");
        }
    }

    #[test]
    fn p7_the_depth_of_a_claim_is_bounded() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth: usize| {
                format!(
                    r#"{{"realm_access":{}1{}}}"#,
                    open.repeat(depth),
                    close.repeat(depth)
                )
            };
            assert!(parse(&nested(MAX_DEPTH)).is_ok());
            for depth in [MAX_DEPTH + 1, 100] {
                assert!(
                    matches!(parse(&nested(depth)), Err(JsonError::TooDeep { .. })),
                    "{depth}"
                );
            }
        }
    }

    #[test]
    fn an_empty_text_has_the_wrong_type() {
        assert_eq!(
            parse(r#"{"sub":""}"#).expect("parses").text("sub"),
            Err(VerifyError::InvalidClaim(
                "sub".into(),
                "is an empty text, but must be a text that is not empty".into()
            ))
        );
    }

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
