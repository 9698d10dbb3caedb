//! Parses the answer of a token endpoint (RFC 6749 §5.1).

use std::time::Duration;

use http::HeaderValue;
use portcullis_core::ScopeSet;
use portcullis_oauth::{DocumentError, OAuthAnswer, http::secret_header, read_json_object};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{TokenError, TokenErrorKind, request::TokenRequest};

pub(crate) const BEARER_TYPE: &str = "Bearer";
pub(crate) const DPOP_TYPE: &str = "DPoP";

pub(crate) struct TokenResponse {
    pub(crate) token: Zeroizing<String>,
    pub(crate) header: HeaderValue,
    pub(crate) lifetime: Duration,
    /// The granted scopes: those of the answer, or the requested ones if it names none.
    pub(crate) scopes: ScopeSet,
    /// For a token exchange (RFC 8693 §2.2.1).
    pub(crate) issued_token_type: Option<Value>,
    pub(crate) is_untyped: bool,
}

/// The lifetime of a token without `expires_in`, which is optional (RFC 6749 §5.1).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Longer lifetimes are reduced to this.
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

#[derive(Deserialize)]
struct Body {
    access_token: Zeroizing<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    scope: Option<Value>,
    issued_token_type: Option<Value>,
    /// A string that is not blank is an error of the server: see `OAuthAnswer::error`. Null and `""` are ignored, and any
    /// other value makes the answer unusable.
    error: Option<Value>,
}

impl TokenResponse {
    /// Accepts only a token of type `token_type`: any other type must be sent differently.
    pub(crate) fn parse(
        answer: &OAuthAnswer,
        token_type: &str,
        request: &TokenRequest,
    ) -> Result<Self, TokenError> {
        let error = answer.error();
        // RFC 6749 §5.1 says 200. A proxy may make it 203 (RFC 9110 §15.3.4), and some servers answer 201.
        if error.is_some() || !matches!(answer.status(), 200 | 201 | 203) {
            let sent_scopes = !request.scopes.is_empty();
            return Err(TokenError::from_answer(answer, error, sent_scopes));
        }
        Self::parse_body(answer.body(), token_type, request).map_err(|(kind, what)| {
            let what = answer.for_message(&what);
            TokenError::new(kind, format!("{} with {what}", answer.url_and_status()))
        })
    }

    fn parse_body(
        body: &[u8],
        token_type: &str,
        request: &TokenRequest,
    ) -> Result<Self, (TokenErrorKind, String)> {
        let unusable = |what: &str| (TokenErrorKind::Unusable, what.to_owned());
        // serde's own message may quote a value, which may be a token.
        let body: Body = read_json_object(body).map_err(|error| match error {
            DocumentError::WrongType(..) => {
                unusable("an `access_token` or `token_type` that is not a string: check that this is the token endpoint")
            }
            other => unusable(&format!("an invalid body ({other}): check that this is the token endpoint, or have the server corrected")),
        })?;
        if body.error.is_some_and(|error| error != "") {
            return Err(unusable(
                "an `error` that is blank or not a string: check the server",
            ));
        }
        let token = body.access_token;
        let found = body.token_type.as_deref();
        let is_requested_type = match found {
            Some(found) => found.eq_ignore_ascii_case(token_type),
            // An untyped token must not be taken for a bound one.
            None => token_type == BEARER_TYPE,
        };
        if !is_requested_type {
            let found = match found {
                None => "unknown type (`token_type` is missing)".to_owned(),
                Some(found) if is_type_name(found, &token) => format!("type {found}"),
                Some(_) => "unknown type (`token_type` is not a valid type name)".to_owned(),
            };
            let what = format!(
                "a token of {found}, but {token_type} was requested: configure the server to issue {token_type} tokens to this client"
            );
            return Err((TokenErrorKind::TokenType, what));
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable(
                "a token that is empty or has characters other than visible ASCII: check the server",
            ));
        }
        let (length, max) = (token.len(), request.max_token_bytes.unwrap_or(8 * 1024));
        if length > max {
            return Err(unusable(&format!(
                "a token of {length} bytes, but at most {max} are accepted: configure the server to issue shorter tokens, or raise `max_token_bytes` here and in the verifiers of the services"
            )));
        }
        let lifetime = lifetime(body.expires_in).ok_or_else(|| {
            unusable("an `expires_in` that is not a number of seconds >= 1: check the server")
        })?;
        let scopes = scopes(body.scope).map_err(|()| {
            unusable("a `scope` that is neither a string nor a list of strings: check the server")
        })?;
        Ok(Self {
            header: authorization_header(token_type, &token),
            is_untyped: found.is_none(),
            token,
            lifetime,
            scopes: scopes.unwrap_or_else(|| request.scopes.clone()),
            issued_token_type: body.issued_token_type,
        })
    }
}

#[cfg(test)]
impl TokenResponse {
    pub(crate) fn example(token_type: &str, token: &str) -> Self {
        Self {
            token: Zeroizing::new(token.to_owned()),
            header: authorization_header(token_type, token),
            lifetime: DEFAULT_LIFETIME,
            scopes: ScopeSet::default(),
            issued_token_type: None,
            is_untyped: false,
        }
    }
}

fn authorization_header(token_type: &str, token: &str) -> HeaderValue {
    let text = [token_type, " ", token].concat().into_bytes();
    secret_header(text.into()).expect("visible ASCII")
}

/// `None` if `expires_in` is given and is not a number >= 1. Some servers send its digits in a string, or an empty one.
fn lifetime(expires_in: Option<Value>) -> Option<Duration> {
    let seconds: f64 = match expires_in {
        None => return Some(DEFAULT_LIFETIME),
        Some(Value::String(text)) if text.is_empty() => return Some(DEFAULT_LIFETIME),
        Some(Value::String(text)) => digits(text.trim())?,
        Some(other) => other.as_f64()?,
    };
    let seconds = seconds.min(MAX_LIFETIME.as_secs_f64()).floor();
    (seconds >= 1.0).then(|| Duration::from_secs_f64(seconds))
}

fn digits(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// RFC 6749 §3.3 specifies a space-separated string; some servers send a list.
fn scopes(found: Option<Value>) -> Result<Option<ScopeSet>, ()> {
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(list)) => Ok(Some(ScopeSet::parse(&list))),
        Some(Value::Array(list)) => {
            let scopes: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            Ok(Some(ScopeSet::parse(&scopes.ok_or(())?.join(" "))))
        }
        Some(_) => Err(()),
    }
}

/// Whether `text` is a valid name of a token type (RFC 6749 §A.13) that a message may show: it must not contain the token.
fn is_type_name(text: &str, token: &str) -> bool {
    const MAX_LENGTH: usize = 32;

    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let lower = |text: &str| text.to_ascii_lowercase();
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(is_name_byte)
        && (token.is_empty() || !lower(text).contains(&lower(token)))
}

#[cfg(test)]
mod tests;
