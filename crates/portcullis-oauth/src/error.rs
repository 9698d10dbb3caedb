//! What can go wrong with an issuer or an authorization server.

use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Why an issuer's keys could not be fetched, or an authorization server could not be asked.
///
/// Keys at hand keep serving. The message is for operators: what an issuer sent is in it only escaped and cut short.
#[derive(Clone)]
pub struct FetchError {
    kind: FetchErrorKind,
    message: Box<str>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`FetchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// No connection, or one that broke.
    Unreachable,
    /// No complete answer within the timeout.
    TimedOut,
    /// An answer with this status, not 200.
    Status(u16),
    /// A redirect, which is not followed.
    Redirected,
    /// An answer that is larger than is read.
    TooLarge,
    /// An answer that is not what was asked for.
    Unusable,
    /// Metadata that names another issuer (RFC 8414 §3.3).
    IssuerMismatch,
    /// A discovered URL that must not be fetched.
    Forbidden,
    /// What the client authenticates with could not be had, or the bearer token for metadata and key sets.
    Credential,
    /// The server has no such endpoint, or none is configured.
    NoEndpoint,
    /// Nothing fetches any more: the task that did panicked, or its runtime has ended.
    Stopped,
}

impl FetchError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FetchErrorKind {
        self.kind
    }

    /// A failure of this kind. The message is for operators.
    #[must_use]
    pub fn new(kind: FetchErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// Nothing fetches any more.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(
            FetchErrorKind::Stopped,
            "nothing fetches the issuer's keys any more: the task panicked, or its runtime has ended",
        )
    }

    /// With the time that the other side asks to be left alone.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// With what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..self
        }
    }

    /// Whether retrying cannot help, because the configuration contradicts the issuer's answer.
    #[must_use]
    pub fn needs_an_operator(&self) -> bool {
        matches!(
            self.kind,
            FetchErrorKind::IssuerMismatch | FetchErrorKind::Forbidden
        )
    }

    /// Whether only an operator can end this failure. An address that DNS gave may be another one soon.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.needs_an_operator() && !self.is_by_dns()
    }

    /// Whether the name of a URL led to an address that must not be asked: only then has a forbidden URL a cause.
    fn is_by_dns(&self) -> bool {
        self.kind == FetchErrorKind::Forbidden && self.source.is_some()
    }

    /// How long the other side asks to be left alone (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
