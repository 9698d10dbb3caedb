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
    pub(crate) const COUNT: usize = Self::Misconfigured as usize + 1;

    /// Every kind, in the order of declaration.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::NoCredentials,
        Self::Malformed,
        Self::Invalid,
        Self::InsufficientScope,
        Self::NotAMachine,
        Self::LimitExceeded,
        Self::Unavailable,
        Self::Misconfigured,
    ];

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

/// A refusal, with two messages: one for the caller, and one for the log.
///
/// The caller's message gives nothing away: it is fixed text, or names what this service asks for.
#[derive(Clone)]
pub struct Failure(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: FailureKind,
    external: Cow<'static, str>,
    internal: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// What was sent is no credential at all, or was sent in a way that no caller may: 400 `invalid_request`.
    ///
    /// `external` is shown to the caller. It becomes an `error_description`, so it keeps to printable ASCII without
    /// `"` and `\` (RFC 6750 §3); what else it holds is replaced there. It must hold nothing secret.
    #[must_use]
    pub fn malformed(external: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Malformed, external)
    }

    /// A credential that does not hold: 401 `invalid_token`.
    #[must_use]
    pub fn invalid(external: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Invalid, external)
    }

    /// A caller over its limit: 429, to come back after `retry_after`.
    #[must_use]
    pub fn limit_exceeded(external: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        let mut failure = Self::new(FailureKind::LimitExceeded, external);
        failure.0.retry_after = Some(retry_after);
        failure
    }

    /// Something this service depends on cannot be reached, so it cannot decide: 503 with a `Retry-After` of 2 to
    /// 10 s, jittered so that callers do not come back all at once.
    #[must_use]
    pub fn unavailable(external: impl Into<Cow<'static, str>>) -> Self {
        let mut failure = Self::new(FailureKind::Unavailable, external);
        failure.0.retry_after = Some(Duration::from_secs(2 + RandomState::new().hash_one(()) % 9));
        failure
    }

    /// Says when to come back, where it is known when what the service depends on is tried again: in `due`, or up to a
    /// quarter later so that callers do not come back all at once. In whole seconds, at least 1 and at most 30.
    #[must_use]
    pub fn retry_when_due(mut self, due: Duration) -> Self {
        let due = due
            .as_secs()
            .saturating_add(u64::from(due.subsec_nanos() > 0));
        let due = due.clamp(1, 24);
        let spread = (due / 4).max(1);
        let later = RandomState::new().hash_one(()) % (spread + 1);
        self.0.retry_after = Some(Duration::from_secs(due + later));
        self
    }

    pub(crate) fn new(kind: FailureKind, external: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            external: external.into(),
            internal: None,
            retry_after: None,
        }))
    }

    /// Adds what only the log may say. Never a secret; pass what a caller controls through [`escape`](crate::escape).
    #[must_use]
    pub fn with_internal(mut self, internal: impl Into<Cow<'static, str>>) -> Self {
        self.0.internal = Some(internal.into());
        self
    }

    /// Tells the caller something more helpful. The log keeps what it was told.
    pub(crate) fn told(mut self, external: String) -> Self {
        let inner = &mut *self.0;
        let before = std::mem::replace(&mut inner.external, external.into());
        let internal = inner.internal.take().unwrap_or(before);
        inner.internal = Some(format!("{}; {internal}", inner.external).into());
        self
    }

    /// What kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// What the caller is told.
    #[must_use]
    pub fn external(&self) -> &str {
        &self.0.external
    }

    /// What the log is told; the external message where there is nothing more to say.
    #[must_use]
    pub fn internal(&self) -> &str {
        self.0.internal.as_deref().unwrap_or(&self.0.external)
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
        f.write_str(&self.0.external)
    }
}

impl std::error::Error for Failure {}

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
}
