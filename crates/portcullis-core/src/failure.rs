//! Why a request was refused.

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use http::{HeaderName, HeaderValue, StatusCode};

/// The kind of a refusal. Each kind has one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No credential that a configured scheme reads: 401.
    NoCredentials,
    /// A header that cannot hold a credential (empty, or with illegal characters), a credential that was sent twice, two
    /// different credentials, or a path that could be read as another path: 400.
    Malformed,
    /// A credential that does not parse, such as a bearer token that is not a JWT, or that is unknown, expired, revoked, or
    /// meant for another service: 401.
    Invalid,
    /// An authenticated caller that lacks a scope, or calls a path that is not listed: 403.
    InsufficientScope,
    /// An authenticated caller that is not known to be a machine, where the route requires one: 403.
    NotAMachine,
    /// A genuine credential, used from a network that it may not be used from: 403.
    NetworkNotAllowed,
    /// An authenticated caller over its limit: 429.
    LimitExceeded,
    /// The issuer, store or introspection endpoint needed for the decision is unavailable: 503.
    Unavailable,
    /// The service's layers are wired wrongly: 500.
    Misconfigured,
}

impl FailureKind {
    /// The HTTP status, the gRPC status code, and the error code of RFC 6750 §3.1.
    const fn codes(self) -> (StatusCode, u8, Option<&'static str>) {
        match self {
            Self::NoCredentials => (StatusCode::UNAUTHORIZED, 16, None),
            Self::Malformed => (StatusCode::BAD_REQUEST, 3, Some("invalid_request")),
            Self::Invalid => (StatusCode::UNAUTHORIZED, 16, Some("invalid_token")),
            Self::InsufficientScope | Self::NotAMachine => {
                (StatusCode::FORBIDDEN, 7, Some("insufficient_scope"))
            }
            Self::NetworkNotAllowed => (StatusCode::FORBIDDEN, 7, None),
            Self::LimitExceeded => (StatusCode::TOO_MANY_REQUESTS, 8, None),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, 14, None),
            Self::Misconfigured => (StatusCode::INTERNAL_SERVER_ERROR, 13, None),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.codes().0
    }

    pub(crate) const fn grpc_code(self) -> u8 {
        self.codes().1
    }

    /// The error code of RFC 6750 §3.1, if one applies.
    pub const fn error_code(self) -> Option<&'static str> {
        self.codes().2
    }

    /// Whether the response has challenges: other or better credentials would help.
    pub(crate) const fn is_challenged(self) -> bool {
        matches!(self, Self::NoCredentials) || self.error_code().is_some()
    }
}

/// Why a scheme or guard refuses a request, with a message for the log and a message for the caller. The caller's message
/// reveals nothing secret: it is fixed text, or names what this service requires, or the token's `alg` or `typ`.
#[derive(Clone, thiserror::Error)]
#[error("{}", .0.external)]
#[must_use]
pub struct Failure(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: FailureKind,
    external: Cow<'static, str>,
    internal: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

/// The caller's message of a wiring mistake. The log has the reason.
const MISCONFIGURED: &str = "this service is not configured correctly";

impl Failure {
    /// A header that cannot hold a credential, or a credential that was sent twice: 400 `invalid_request`.
    ///
    /// The caller sees `external`, so it must not hold a secret. In an `error_description`, characters other than
    /// printable ASCII without `"` and `\` are replaced (RFC 6750 §3).
    pub fn malformed(external: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Malformed, external)
    }

    /// A credential that is not accepted: 401 `invalid_token`.
    pub fn invalid(external: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Invalid, external)
    }

    /// A genuine credential, used from a network that it may not be used from: 403.
    pub fn network_not_allowed(external: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::NetworkNotAllowed, external)
    }

    /// A mistake in how the service is set up: 500. The log gets `internal`, which says what to do; the caller does not.
    pub fn misconfigured(internal: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Misconfigured, MISCONFIGURED).with_internal(internal)
    }

    /// A caller over its limit: 429, with this `Retry-After`.
    pub fn limit_exceeded(external: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        let mut failure = Self::new(FailureKind::LimitExceeded, external);
        failure.0.retry_after = Some(retry_after);
        failure
    }

    /// Something that the decision needs is unavailable: 503 with a random `Retry-After` of 2 to 10 s.
    pub fn unavailable(external: impl Into<Cow<'static, str>>) -> Self {
        let mut failure = Self::new(FailureKind::Unavailable, external);
        failure.0.retry_after = Some(Duration::from_secs(2 + random_up_to(8)));
        failure
    }

    /// Sets `Retry-After` to the time until the service's own next attempt, `due`, plus a jitter of up to a quarter: in
    /// whole seconds, at least 1 and at most 30.
    pub fn retry_when_due(mut self, due: Duration) -> Self {
        let due = whole_seconds(due).clamp(1, 24); // 24 + 24/4 = 30
        let jitter = random_up_to((due / 4).max(1));
        self.0.retry_after = Some(Duration::from_secs(due + jitter));
        self
    }

    pub(crate) fn new(kind: FailureKind, external: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            external: external.into(),
            internal: None,
            retry_after: None,
            fields: Vec::new(),
        }))
    }

    /// Adds a header field to the response, such as `RateLimit`. A gRPC response does not get it.
    pub fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.fields.push((name, value));
        self
    }

    /// Sets the message for the log. It must not hold a secret; pass text that a caller controls through
    /// [`escape`](crate::log::escape).
    pub fn with_internal(mut self, internal: impl Into<Cow<'static, str>>) -> Self {
        self.0.internal = Some(internal.into());
        self
    }

    /// Replaces the caller's message by a more helpful one. The log gets both.
    pub(crate) fn with_external(mut self, external: String) -> Self {
        let internal = format!("{external}; {}", self.internal());
        self.0.external = external.into();
        self.with_internal(internal)
    }

    /// The kind of refusal.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// The message for the caller.
    pub fn external(&self) -> &str {
        &self.0.external
    }

    /// The message for the log; the external message if none was set.
    pub fn internal(&self) -> &str {
        self.0.internal.as_deref().unwrap_or(&self.0.external)
    }

    /// The header fields of the response that [`with_field`](Self::with_field) added.
    pub fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.fields
    }

    /// When the caller may try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

/// Rounds up, so that a wait is never shortened.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}

fn random_up_to(most: u64) -> u64 {
    RandomState::new().hash_one(()) % (most + 1)
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.0.kind)
            .field("internal", &self.internal())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_of_an_outage_is_2_to_10_seconds() {
        for _ in 0..200 {
            let wait = Failure::unavailable("x")
                .retry_after()
                .expect("set")
                .as_secs();
            assert!((2..=10).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn retry_after_states_the_next_attempt() {
        for (due, range) in [
            (Duration::ZERO, 1..=2),
            (Duration::from_millis(1_100), 2..=3),
            (Duration::from_secs(8), 8..=10),
            (Duration::from_secs(30), 24..=30),
            (Duration::MAX, 24..=30),
        ] {
            let waits: Vec<u64> = (0..200)
                .filter_map(|_| Failure::unavailable("x").retry_when_due(due).retry_after())
                .map(|wait| wait.as_secs())
                .collect();
            assert!(
                waits.iter().all(|wait| range.contains(wait)),
                "{due:?}: {waits:?}"
            );
            assert!(
                waits.iter().any(|wait| *wait != waits[0]),
                "{due:?}: no jitter"
            );
        }
    }

    #[test]
    fn waits_round_up_to_whole_seconds() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
