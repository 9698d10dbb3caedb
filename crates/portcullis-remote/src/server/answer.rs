//! What an OAuth endpoint answers.

use std::{fmt, time::Duration};

use portcullis_core::{Secret, UnixTime, escape};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use url::Url;

use super::SecretBody;
use crate::http::{Answer, headers, shown};

/// The answer of an OAuth endpoint. Its body may hold a token: `Debug` does not show it, and it is wiped when dropped.
pub struct OAuthAnswer {
    /// Without a query, which may hold a secret.
    place: Box<str>,
    /// What was sent and must not come back in a message.
    secrets: Vec<Secret>,
    status: StatusCode,
    is_json: bool,
    body: SecretBody,
    retry_after: Option<Duration>,
    credential_expires_at: Option<UnixTime>,
}

/// Longer than this nobody waits, and a sum of times must not overflow.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// An error in the form of RFC 6749 §5.2. Both texts are the server's, escaped and cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The code, such as `invalid_client`.
    pub code: Box<str>,
    /// What the server says about it.
    pub description: Option<Box<str>>,
}

impl OAuthAnswer {
    pub(super) fn new(
        url: &Url,
        answer: Answer,
        now: UnixTime,
        credential_expires_at: Option<UnixTime>,
        secrets: Vec<Secret>,
    ) -> Self {
        let content_type = answer.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Self {
            place: shown(url).into(),
            secrets,
            status: answer.status,
            is_json: content_type.is_some_and(is_json),
            retry_after: headers::retry_after(&answer.headers, now)
                .map(|asked| asked.min(LONGEST_RETRY_AFTER)),
            body: answer.body.into(),
            credential_expires_at,
        }
    }

    /// Who answered, for messages: a URL without its query.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the body says that it is JSON: `application/json`, or a type that ends in `+json` (RFC 6839 §3.1).
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// The body, of at most 256 KiB.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How long the server asks to be left alone (RFC 9110 §10.2.3), up to a day.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// When the client's credential that was sent expires, where that is known.
    #[must_use]
    pub fn credential_expires_at(&self) -> Option<UnixTime> {
        self.credential_expires_at
    }

    /// The error that the body holds, whatever the status and the content type: some servers send one with 200.
    #[must_use]
    pub fn error(&self) -> Option<OAuthError> {
        #[derive(Deserialize)]
        struct Error {
            error: String,
            #[serde(default)]
            error_description: Option<serde_json::Value>,
        }
        let error: Error = serde_json::from_slice(&self.body).ok()?;
        let description = error
            .error_description
            .as_ref()
            .and_then(|text| text.as_str());
        Some(OAuthError {
            code: escape(&self.masked(&error.error)).into(),
            description: description.map(|text| escape(&self.masked(text)).into()),
        })
    }

    /// A server's text without what it repeats of what it was sent.
    fn masked(&self, text: &str) -> String {
        let secrets = self.secrets.iter().filter_map(Secret::expose_str);
        // What is shorter is in words by chance, and no secret.
        let secrets = secrets.filter(|secret| secret.len() >= 8);
        secrets.fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[redacted]")
        })
    }

    /// Whether the server does not accept the credential that was sent, so that another may do (RFC 6749 §5.2). Some say
    /// so by the status alone.
    pub(super) fn rejects_the_client(&self) -> bool {
        match (self.status, self.error()) {
            (status, Some(error)) => !status.is_success() && &*error.code == "invalid_client",
            (status, None) => status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN,
        }
    }
}

impl fmt::Debug for OAuthAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthAnswer")
            .field("place", &self.place)
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{} ({description})", self.code),
            None => f.write_str(&self.code),
        }
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_by_its_content_type() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/html", false),
            ("text/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type}");
        }
    }
}
