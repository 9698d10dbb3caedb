//! What a token endpoint answers (RFC 6749 §5.1): bytes in, a token or a reason out.

use std::time::Duration;

use portcullis_core::ScopeSet;
use portcullis_oauth::{DocumentError, OAuthAnswer, read_json_object};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use zeroize::Zeroizing;

use crate::{TokenError, TokenErrorKind, source::TokenRequest};

/// How a token is to be sent (RFC 6749 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// By whoever has it (RFC 6750).
    Bearer,
    /// With a proof of the key that it is bound to (RFC 9449).
    Dpop,
}

impl TokenType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What a server issued.
pub(crate) struct Issued {
    pub(crate) token: Zeroizing<String>,
    pub(crate) lifetime: Duration,
    /// `None`: what was asked for.
    pub(crate) scopes: Option<ScopeSet>,
    /// Of an exchange (RFC 8693 §2.2.1).
    pub(crate) issued_token_type: Option<Box<str>>,
    /// Whether the server left `token_type` out.
    pub(crate) is_untyped: bool,
}

/// How long a token lives whose lifetime the server does not tell (RFC 6749 §5.1 lets it).
const UNTOLD_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// A longer lifetime counts as this.
const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

#[derive(Deserialize)]
struct Body<'b> {
    access_token: Zeroizing<String>,
    #[serde(default)]
    token_type: Option<String>,
    /// As it is written: `serde_json`'s numbers can also be made of an object.
    #[serde(default, borrow)]
    expires_in: Option<&'b RawValue>,
    #[serde(default)]
    scope: Option<Value>,
    #[serde(default)]
    issued_token_type: Option<Value>,
    /// A text was looked for before. One of another type is an error too.
    #[serde(default, borrow)]
    error: Option<&'b RawValue>,
}

/// What an answer is judged by.
struct Asked<'a> {
    token_type: TokenType,
    request: &'a TokenRequest,
    /// Makes a text of the server fit for a message.
    shown: &'a dyn Fn(&str) -> String,
}

impl Issued {
    /// `asked` is the one type that is of use: a token of another would be sent as what it is not.
    pub(crate) fn read(
        answer: &OAuthAnswer,
        asked: TokenType,
        request: &TokenRequest,
    ) -> Result<Self, TokenError> {
        let place = answer.place();
        if let Some(error) = answer.error() {
            return Err(TokenError::refused(
                answer,
                error,
                !request.scopes.is_empty(),
            ));
        }
        let status = answer.status();
        // RFC 6749 §5.1 says 200. A proxy makes it 203 (RFC 9110 §15.3.4), and some servers answer 201.
        if !matches!(status, 200 | 201 | 203) {
            return Err(TokenError::status(answer));
        }
        let asked = Asked {
            token_type: asked,
            request,
            shown: &|text| answer.shown(text),
        };
        Self::of(place, status, answer.body(), &asked)
    }

    fn of(place: &str, status: u16, body: &[u8], asked: &Asked<'_>) -> Result<Self, TokenError> {
        let unusable = |what: &str| {
            TokenError::new(TokenErrorKind::Unusable, format!("{place} answered {what}"))
        };
        // The parser's own message may repeat what it found, which may be a token.
        let body: Body<'_> = read_json_object(body).map_err(|error| match error {
            DocumentError::Members => unusable(&format!(
                "{status} without an `access_token` that is text, or with a `token_type` that is not"
            )),
            other => unusable(&format!(
                "{status} with a body that cannot be used: {}",
                (asked.shown)(&other.to_string())
            )),
        })?;
        if body.error.is_some_and(|error| error.get() != r#""""#) {
            return Err(unusable(&format!(
                "{status} with an `error` that is not text"
            )));
        }
        let token = body.access_token;
        let is_untyped = body.token_type.is_none();
        let is_as_asked = match &body.token_type {
            // Whoever asks for a bound token must not get one that is sent without a proof.
            None => asked.token_type == TokenType::Bearer,
            Some(found) => found.eq_ignore_ascii_case(asked.token_type.as_str()),
        };
        if !is_as_asked {
            let found = match &body.token_type {
                None => "unknown type (`token_type` is missing)".to_owned(),
                Some(found) if is_type_name(found, &token) => {
                    format!("type {}", (asked.shown)(found))
                }
                Some(_) => "unknown type (`token_type` is not a name of RFC 6749)".to_owned(),
            };
            let message = format!(
                "{place} issued a token of {found}, but {} was requested: check that the server supports it for this client",
                asked.token_type.as_str()
            );
            return Err(TokenError::new(TokenErrorKind::TokenType, message));
        }
        if token.is_empty() || !token.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err(unusable(
                "with a token that is empty or has characters that a header cannot carry",
            ));
        }
        let (length, longest) = (token.len(), asked.request.longest_token());
        if length > longest {
            return Err(unusable(&format!(
                "with a token of {length} bytes, and at most {longest} are accepted: have the server put less into it, or raise `max_token_bytes` here and the limit of the services"
            )));
        }
        let lifetime = match body.expires_in {
            None => UNTOLD_LIFETIME,
            Some(value) => lifetime(value.get()).ok_or_else(|| {
                unusable("with an `expires_in` that is not a number of seconds from 1 on")
            })?,
        };
        let scopes = scopes(body.scope)
            .map_err(|()| unusable("with a `scope` that is neither text nor a list of texts"))?;
        Ok(Self {
            token,
            lifetime,
            scopes,
            issued_token_type: body
                .issued_token_type
                .as_ref()
                .and_then(Value::as_str)
                .map(Box::from),
            is_untyped,
        })
    }
}

/// Seconds as a JSON number, or in a string as some servers send them; a fraction is cut off. `None` where that is less
/// than one.
fn lifetime(json: &str) -> Option<Duration> {
    let text = match json.strip_prefix('"') {
        Some(text) => text.strip_suffix('"').filter(|text| is_decimal(text))?,
        None if json.starts_with(|first: char| first.is_ascii_digit()) => json,
        None => return None,
    };
    let seconds: f64 = text.parse().ok()?;
    let seconds = seconds.min(LONGEST_LIFETIME.as_secs_f64()).floor();
    (seconds >= 1.0).then(|| Duration::from_secs_f64(seconds))
}

/// Digits, with or without a fraction.
fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

/// RFC 6749 §3.3 has one string with spaces; some servers send a list.
fn scopes(found: Option<Value>) -> Result<Option<ScopeSet>, ()> {
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(list)) => Ok(Some(ScopeSet::parse(&list))),
        Some(Value::Array(list)) => {
            let scopes: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            let scopes = scopes.ok_or(())?;
            Ok(Some(ScopeSet::parse(&scopes.join(" "))))
        }
        Some(_) => Err(()),
    }
}

/// Whether this can be the name of a token type (RFC 6749 §A.13), so that a message may show it. A server may have put the
/// token there.
fn is_type_name(text: &str, token: &str) -> bool {
    const LONGEST: usize = 32;

    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && (token.is_empty()
            || !text
                .to_ascii_lowercase()
                .contains(&token.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Result<Issued, TokenError> {
        let asked = Asked {
            token_type: TokenType::Bearer,
            request: &TokenRequest::default(),
            shown: &|text| text.to_owned(),
        };
        Issued::of("https://id.example/token", 200, body.as_bytes(), &asked)
    }

    fn read(body: &str) -> Result<(String, u64, Option<String>), TokenErrorKind> {
        let issued = of(body);
        let issued = issued.map_err(|error| error.kind())?;
        let scopes = issued.scopes.map(|scopes| scopes.to_string());
        Ok((issued.token.to_string(), issued.lifetime.as_secs(), scopes))
    }

    fn with(members: &str) -> Result<(String, u64, Option<String>), TokenErrorKind> {
        read(&format!(
            r#"{{"access_token":"t","token_type":"bearer"{members}}}"#
        ))
    }

    #[test]
    fn good_answers() {
        assert_eq!(with(""), Ok(("t".into(), 300, None)));
        assert_eq!(
            with(r#","expires_in":null,"scope":null"#),
            Ok(("t".into(), 300, None))
        );
        assert_eq!(
            with(r#","expires_in":3600,"scope":"b a","refresh_token":"r","x":{}"#),
            Ok(("t".into(), 3600, Some("a b".into())))
        );
        assert_eq!(
            read(r#"{"token_type":"BEARER","access_token":"a.b~c/+=|:"}"#),
            Ok(("a.b~c/+=|:".into(), 300, None))
        );
    }

    #[test]
    fn a_lifetime_is_a_number_of_seconds() {
        for bad in [
            "-1",
            "0",
            "0.9",
            "\"\"",
            "\"0\"",
            "\"-1\"",
            "\"1e3\"",
            "\"+5\"",
            "\" 5\"",
            "\"5.\"",
            "\".5\"",
            "\"inf\"",
            "\"\\u0035\"",
            "\"soon\"",
            "true",
            "[]",
            "{}",
            r#"{"$serde_json::private::Number":"5"}"#,
            r#"{"$serde_json::private::RawValue":"5"}"#,
        ] {
            let found = with(&format!(r#","expires_in":{bad}"#));
            assert_eq!(found, Err(TokenErrorKind::Unusable), "{bad}");
        }
        for (good, seconds) in [
            ("1", 1),
            ("3600", 3600),
            ("3599.9", 3599),
            ("1e3", 1000),
            ("\"3600\"", 3600),
            ("\"3599.9\"", 3599),
            ("31622400", 31_622_400),
            ("31622401", 31_622_400),
            ("\"99999999999\"", 31_622_400),
            ("18446744073709551616", 31_622_400),
            ("1e18", 31_622_400),
        ] {
            let found = with(&format!(r#","expires_in":{good}"#));
            assert_eq!(found, Ok(("t".into(), seconds, None)), "{good}");
        }
    }

    #[test]
    fn scopes_may_be_a_list() {
        let scopes = |scope: &str| with(&format!(r#","scope":{scope}"#)).map(|found| found.2);
        assert_eq!(scopes(r#"["b","a"]"#), Ok(Some("a b".into())));
        assert_eq!(scopes("[]"), Ok(Some(String::new())));
        for bad in ["[1]", r#"["a",null]"#, r#"{"a":"b"}"#, "7"] {
            assert_eq!(scopes(bad), Err(TokenErrorKind::Unusable), "{bad}");
        }
    }

    #[test]
    fn a_token_without_a_type_is_taken_as_bearer_only() {
        for body in [
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","token_type":null}"#,
        ] {
            assert!(of(body).expect("a token").is_untyped);
            let asked = Asked {
                token_type: TokenType::Dpop,
                request: &TokenRequest::default(),
                shown: &|text| text.to_owned(),
            };
            let error = Issued::of("https://id.example/token", 200, body.as_bytes(), &asked);
            let error = error.map(|_| ()).expect_err("it is not bound");
            assert_eq!(error.kind(), TokenErrorKind::TokenType);
            assert!(error.to_string().contains("is missing"), "{error}");
        }
        let typed = of(r#"{"access_token":"t","token_type":"Bearer"}"#);
        assert!(!typed.expect("a token").is_untyped);
    }

    #[test]
    fn only_a_name_of_a_token_type_is_shown() {
        for (found, shown) in [
            ("mac", true),
            ("N_A", true),
            ("urn:x", false),
            ("is not a name", false),
            ("", false),
            ("0123456789abcdef0123456789abcdef0", false),
            ("s3cr3t-token", false),
            ("x.S3CR3T-token", false),
        ] {
            let body = format!(r#"{{"access_token":"s3cr3t-token","token_type":"{found}"}}"#);
            let error = of(&body).map(|_| ()).expect_err(found);
            assert_eq!(error.kind(), TokenErrorKind::TokenType, "{found}");
            let text = error.to_string();
            assert_eq!(text.contains(&format!("type {found},")), shown, "{text}");
            assert!(!text.to_lowercase().contains("s3cr3t"), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_body_is_told() {
        for (body, told) in [
            (r#"["s3cr3t","Bearer",3600]"#, "not a JSON object"),
            ("s3cr3t", "not JSON"),
            (
                r#"{"access_token":"t","access_token":"s3cr3t","token_type":"Bearer"}"#,
                "duplicate member `access_token`",
            ),
            (
                r#"{"access_token":"t","token_type":"Bearer","error":"","error":"s3cr3t"}"#,
                "duplicate member `error`",
            ),
            (r#"{"token_type":"Bearer"}"#, "without an `access_token`"),
        ] {
            let error = of(body).map(|_| ()).expect_err(body);
            let text = error.to_string();
            assert!(text.contains(told) && !text.contains("s3cr3t"), "{text}");
        }
    }

    #[test]
    fn a_token_is_what_a_header_can_carry() {
        for bad in [
            "",
            "a b",
            " a",
            "a\\r\\nX-Admin: 1",
            "a\\u0000",
            "\\u00fc",
            "a\\t",
        ] {
            let found = read(&format!(
                r#"{{"access_token":"{bad}","token_type":"Bearer"}}"#
            ));
            assert_eq!(found, Err(TokenErrorKind::Unusable), "{bad}");
        }
    }

    #[test]
    fn a_token_is_no_longer_than_services_take() {
        let of_length = |length| {
            let token = "a".repeat(length);
            of(&format!(
                r#"{{"access_token":"{token}","token_type":"Bearer"}}"#
            ))
        };
        assert!(of_length(8 * 1024).is_ok());
        let error = of_length(8 * 1024 + 1).map(|_| ()).expect_err("too long");
        let text = error.to_string();
        assert!(
            text.contains("8193 bytes") && text.contains("at most 8192"),
            "{text}"
        );
    }

    #[test]
    fn a_token_beside_an_error_is_not_used() {
        for error in ["true", "false", "503", r#"{"code":"x"}"#, r#"["x"]"#, "[]"] {
            let found = with(&format!(r#","error":{error}"#));
            assert_eq!(found, Err(TokenErrorKind::Unusable), "{error}");
        }
        for none in ["null", r#""""#] {
            let found = with(&format!(r#","error":{none}"#));
            assert_eq!(found, Ok(("t".into(), 300, None)), "{none}");
        }
    }

    #[test]
    fn other_types_are_not_sent_as_bearer() {
        for other in ["DPoP", "N_A", "mac", "", "Bearer ", "Bearer,DPoP"] {
            let found = read(&format!(r#"{{"access_token":"t","token_type":"{other}"}}"#));
            assert_eq!(found, Err(TokenErrorKind::TokenType), "{other}");
        }
    }

    #[test]
    fn what_is_no_answer_is_unusable_and_not_repeated() {
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            "<html>s3cr3t</html>",
            r#"{"token_type":"Bearer"}"#,
            r#"{"access_token":1,"token_type":"Bearer"}"#,
            r#"{"access_token":"s3cr3t","token_type":7}"#,
            r#"{"access_token":"s3cr3t","access_token":"t","token_type":"Bearer"}"#,
            r#"{"access_token":"s3cr3t","token_type":"Bearer""#,
            r#"{"access_token":"s3cr3t","token_type":"Bearer","scope":[7]}"#,
        ] {
            let error = of(bad).map(|_| ()).expect_err(bad);
            assert_eq!(error.kind(), TokenErrorKind::Unusable, "{bad}");
            assert!(
                !format!("{error} {error:?}").contains("s3cr3t"),
                "{error:?}"
            );
        }
    }
}
