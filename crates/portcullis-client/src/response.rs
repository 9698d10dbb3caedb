//! What a token endpoint answers (RFC 6749 §5.1): bytes in, a token or a reason out.

use std::time::Duration;

use portcullis_core::{ScopeSet, escape};
use portcullis_remote::OAuthAnswer;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{TokenError, TokenErrorKind};

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
}

/// How long a token lives whose lifetime the server does not tell (RFC 6749 §5.1 lets it).
const UNTOLD_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// What lives longer than this was not meant so.
const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
/// A header line that servers take.
const LONGEST_TOKEN: usize = 16 * 1024;

#[derive(Deserialize)]
struct Body {
    access_token: Zeroizing<String>,
    token_type: String,
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    scope: Option<Value>,
    #[serde(default)]
    issued_token_type: Option<Value>,
}

impl Issued {
    /// `asked` is the one type that is of use: a token of another would be sent as what it is not.
    pub(crate) fn read(answer: &OAuthAnswer, asked: TokenType) -> Result<Self, TokenError> {
        let place = answer.place();
        if let Some(error) = answer.error() {
            return Err(TokenError::refused(place, error).with_retry_after(answer.retry_after()));
        }
        if answer.status() != 200 {
            let status = answer.status();
            let message = match status {
                300..400 => format!("{place} redirects ({status}), which is not followed"),
                _ => format!("{place} answered {status}"),
            };
            return Err(TokenError::new(TokenErrorKind::Status(status), message)
                .with_retry_after(answer.retry_after()));
        }
        Self::of(place, answer.body(), asked)
    }

    fn of(place: &str, body: &[u8], asked: TokenType) -> Result<Self, TokenError> {
        let unusable = |what: &str| {
            TokenError::new(TokenErrorKind::Unusable, format!("{place} answered {what}"))
        };
        // The parser's own message may repeat what it found, which may be a token.
        let body: Body = serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                unusable("200 without an `access_token` and a `token_type` that are text")
            }
            _ => unusable("200 with what is no JSON"),
        })?;
        if !body.token_type.eq_ignore_ascii_case(asked.as_str()) {
            let found = escape(&body.token_type);
            let message = format!(
                "{place} issued a token of type {found}, where {} was asked for: does it support that for this client?",
                asked.as_str()
            );
            return Err(TokenError::new(TokenErrorKind::TokenType, message));
        }
        let token = body.access_token;
        if token.is_empty() || !token.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err(unusable(
                "with a token that is empty or has characters that a header cannot carry",
            ));
        }
        if token.len() > LONGEST_TOKEN {
            return Err(unusable("with a token that is too long for a header"));
        }
        let lifetime = match &body.expires_in {
            None | Some(Value::Null) => UNTOLD_LIFETIME,
            Some(value) => value
                .as_u64()
                .map(Duration::from_secs)
                .filter(|lifetime| !lifetime.is_zero() && *lifetime <= LONGEST_LIFETIME)
                .ok_or_else(|| {
                    unusable("with an `expires_in` that is no number of seconds from 1 to a year")
                })?,
        };
        let scopes = match &body.scope {
            None | Some(Value::Null) => None,
            Some(Value::String(list)) => Some(ScopeSet::parse(list)),
            Some(_) => return Err(unusable("with a `scope` that is no text")),
        };
        Ok(Self {
            token,
            lifetime,
            scopes,
            issued_token_type: body
                .issued_token_type
                .as_ref()
                .and_then(Value::as_str)
                .map(Box::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(String, u64, Option<String>), TokenErrorKind> {
        let issued = Issued::of(
            "https://id.example/token",
            body.as_bytes(),
            TokenType::Bearer,
        );
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
    fn a_lifetime_is_a_sane_number_of_seconds() {
        for bad in [
            "-1",
            "0",
            "\"3600\"",
            "1e3",
            "3.5",
            "31622401",
            "1e400",
            "18446744073709551616",
            "true",
            "[]",
            "{}",
        ] {
            let found = with(&format!(r#","expires_in":{bad}"#));
            assert_eq!(found, Err(TokenErrorKind::Unusable), "{bad}");
        }
        assert_eq!(
            with(r#","expires_in":31622400"#),
            Ok(("t".into(), 31_622_400, None))
        );
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
        let long = "a".repeat(LONGEST_TOKEN + 1);
        let found = read(&format!(
            r#"{{"access_token":"{long}","token_type":"Bearer"}}"#
        ));
        assert_eq!(found, Err(TokenErrorKind::Unusable));
    }

    #[test]
    fn other_types_are_not_sent_as_bearer() {
        for other in ["DPoP", "N_A", "mac", "", "Bearer "] {
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
            r#"{"access_token":"s3cr3t"}"#,
            r#"{"token_type":"Bearer"}"#,
            r#"{"access_token":1,"token_type":"Bearer"}"#,
            r#"{"access_token":"s3cr3t","token_type":7}"#,
            r#"{"access_token":"s3cr3t","access_token":"t","token_type":"Bearer"}"#,
            r#"{"access_token":"s3cr3t","token_type":"Bearer""#,
            r#"{"access_token":"s3cr3t","token_type":"Bearer","scope":["a"]}"#,
        ] {
            let error = Issued::of(
                "https://id.example/token",
                bad.as_bytes(),
                TokenType::Bearer,
            )
            .map(|_| ());
            let error = error.expect_err(bad);
            assert_eq!(error.kind(), TokenErrorKind::Unusable, "{bad}");
            assert!(
                !format!("{error} {error:?}").contains("s3cr3t"),
                "{error:?}"
            );
        }
    }
}
