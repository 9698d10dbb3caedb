//! Why a request was refused.

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use http::StatusCode;

/// What kind of refusal it is; each kind has one status (see [`status`](Self::status)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// Nothing that any configured scheme reads was sent: 401.
    NoCredentials,
    /// What was sent is no credential at all, was sent twice, or came in two ways at once: 400.
    Malformed,
    /// A credential that is ill-formed, unknown, expired, revoked, or meant for someone else: 401.
    Invalid,
    /// A genuine caller who lacks a scope: 403.
    InsufficientScope,
    /// A genuine caller that is not known to be a machine, where the route asks for one: 403.
    NotAMachine,
    /// A genuine caller over its limit: 429.
    LimitExceeded,
    /// The issuer, store or introspection endpoint that would have to decide cannot be reached: 503.
    Unavailable,
    /// The service is wired wrongly: 500.
    Misconfigured,
}

impl FailureKind {
    /// The HTTP status that says so.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::InsufficientScope | Self::NotAMachine => StatusCode::FORBIDDEN,
            Self::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The gRPC status code that says so.
    #[must_use]
    pub const fn grpc_code(self) -> u8 {
        match self {
            Self::NoCredentials | Self::Invalid => 16,
            Self::Malformed => 3,
            Self::InsufficientScope | Self::NotAMachine => 7,
            Self::LimitExceeded => 8,
            Self::Unavailable => 14,
            Self::Misconfigured => 13,
        }
    }

    /// The error code of RFC 6750 §3.1, where one applies.
    #[must_use]
    pub const fn error_code(self) -> Option<&'static str> {
        match self {
            Self::Malformed => Some("invalid_request"),
            Self::Invalid => Some("invalid_token"),
            Self::InsufficientScope | Self::NotAMachine => Some("insufficient_scope"),
            Self::NoCredentials | Self::LimitExceeded | Self::Unavailable | Self::Misconfigured => {
                None
            }
        }
    }

    /// Whether the answer carries challenges: where other or better credentials would help.
    pub(crate) const fn is_challenged(self) -> bool {
        matches!(
            self,
            Self::NoCredentials
                | Self::Malformed
                | Self::Invalid
                | Self::InsufficientScope
                | Self::NotAMachine
        )
    }
}

/// A refusal, with two messages: one for the caller, which is fixed text and gives nothing away, and one for the log.
#[derive(Clone)]
pub struct Failure(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: FailureKind,
    external: &'static str,
    internal: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// What was sent is no credential at all, or was sent in a way that no caller may: 400 `invalid_request`.
    ///
    /// `external` is shown to the caller. It becomes an `error_description`, so it keeps to printable ASCII without
    /// `"` and `\` (RFC 6750 §3); what else it holds is replaced there.
    #[must_use]
    pub fn malformed(external: &'static str) -> Self {
        Self::new(FailureKind::Malformed, external)
    }

    /// A credential that does not hold: 401 `invalid_token`.
    #[must_use]
    pub fn invalid(external: &'static str) -> Self {
        Self::new(FailureKind::Invalid, external)
    }

    /// A caller over its limit: 429, to come back after `retry_after`.
    #[must_use]
    pub fn limit_exceeded(external: &'static str, retry_after: Duration) -> Self {
        let mut failure = Self::new(FailureKind::LimitExceeded, external);
        failure.0.retry_after = Some(retry_after);
        failure
    }

    /// Something this service depends on cannot be reached, so it cannot decide: 503 with a `Retry-After` of 2 to
    /// 10 s, jittered so that callers do not come back all at once.
    #[must_use]
    pub fn unavailable(external: &'static str) -> Self {
        let mut failure = Self::new(FailureKind::Unavailable, external);
        failure.0.retry_after = Some(Duration::from_secs(2 + RandomState::new().hash_one(()) % 9));
        failure
    }

    pub(crate) fn new(kind: FailureKind, external: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            external,
            internal: None,
            retry_after: None,
        }))
    }

    /// Adds what only the log may say. Never a secret; pass what a caller controls through [`escape`].
    #[must_use]
    pub fn with_internal(mut self, internal: impl Into<Cow<'static, str>>) -> Self {
        self.0.internal = Some(internal.into());
        self
    }

    /// What kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// What the caller is told.
    #[must_use]
    pub fn external(&self) -> &'static str {
        self.0.external
    }

    /// What the log is told; the external message where there is nothing more to say.
    #[must_use]
    pub fn internal(&self) -> &str {
        self.0.internal.as_deref().unwrap_or(self.0.external)
    }

    /// When it makes sense to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.0.kind)
            .field("internal", &self.internal())
            .finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.external)
    }
}

impl std::error::Error for Failure {}

/// Makes text that a caller controls fit for a log line: control characters, quotation marks and non-ASCII escaped, cut
/// after 64 characters.
///
/// ```
/// assert_eq!(portcullis_core::escape("a\r\nb"), r"a\r\nb");
/// assert_eq!(portcullis_core::escape("the client's"), "the client's");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    const LONGEST: usize = 64;
    let mut escaped = String::new();
    for character in text.chars().take(LONGEST) {
        match character {
            '\'' => escaped.push(character),
            _ => escaped.extend(character.escape_default()),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        escaped.push('…');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_says_when_to_come_back() {
        for _ in 0..200 {
            let wait = Failure::unavailable("x")
                .retry_after()
                .expect("set")
                .as_secs();
            assert!((2..=10).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn what_a_caller_controls_is_escaped_and_cut() {
        assert_eq!(escape("\u{1b}[31m\u{202e}"), r"\u{1b}[31m\u{202e}");
        assert_eq!(escape(&"x".repeat(65)).chars().count(), 65);
        assert_eq!(escape(&"x".repeat(64)).chars().count(), 64);
    }
}
