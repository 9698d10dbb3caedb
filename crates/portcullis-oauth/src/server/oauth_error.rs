//! Error responses (RFC 6749 §5.2).

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// An error response (RFC 6749 §5.2). The server's texts are escaped and truncated, and sent secrets are redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The code, such as `invalid_client`.
    pub code: Box<str>,
    /// The server's description, up to 500 characters.
    pub description: Option<Box<str>>,
}

/// The members of an error, and those of Okta's own form.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    error: Option<Value>,
    error_description: Option<Value>,
    #[serde(rename = "errorCode")]
    error_code: Option<Value>,
    #[serde(rename = "errorSummary")]
    error_summary: Option<Value>,
}

impl ErrorBody {
    /// Code and description. Okta's code counts only if the status is not a success.
    pub(super) fn error(self, is_success: bool) -> Option<(String, Option<String>)> {
        let (description, summary) = (text(self.error_description), text(self.error_summary));
        if let Some(code) = text(self.error) {
            return Some((code, description.or(summary)));
        }
        let code = text(self.error_code).filter(|_| !is_success)?;
        Some((code, summary.or(description)))
    }

    /// Whether `error` or `errorCode` has a value of any type. `null` and an empty string do not count.
    pub(super) fn has_error(&self) -> bool {
        let errors = [&self.error, &self.error_code];
        let mut errors = errors.into_iter().flatten();
        errors.any(|error| !error.is_null() && error != "")
    }
}

fn text(member: Option<Value>) -> Option<String> {
    match member {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

/// Codes that are shown without redaction: they are public, even if a secret is part of one.
pub(super) const KNOWN_CODES: [&str; 14] = [
    "access_denied",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{} ({description})", self.code),
            None => f.write_str(&self.code),
        }
    }
}
