//! Errors of requests to issuers and authorization servers.

use std::{error::Error, sync::Arc, time::Duration};

/// A request to an issuer or an authorization server failed. The keys or the token at hand stay in use.
#[derive(Clone, thiserror::Error)]
#[error("{message}")]
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
    /// The connection failed or broke.
    Unreachable,
    /// No complete answer arrived within the timeout.
    TimedOut,
    /// The answer has this status instead of 200.
    Status(u16),
    /// The answer is a redirect, which is not followed.
    Redirected,
    /// The body is larger than 256 KiB.
    TooLarge,
    /// The answer is not the expected document.
    Unusable,
    /// The metadata names another issuer (RFC 8414 §3.3).
    IssuerMismatch,
    /// A URL must not be requested, or must not receive the client's credentials.
    Forbidden,
    /// The client's credential, or the bearer token for metadata and key sets, cannot be read or used.
    Credential,
    /// The endpoint is neither configured nor in the metadata.
    NoEndpoint,
    /// The background task ended: it panicked, or its runtime was shut down.
    Stopped,
}

impl FetchError {
    /// An error of this kind.
    pub fn new(kind: FetchErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    pub(crate) fn credential(message: impl Into<Box<str>>) -> Self {
        Self::new(FetchErrorKind::Credential, message)
    }

    /// An error of kind [`Stopped`](FetchErrorKind::Stopped).
    pub fn stopped() -> Self {
        let message = "the task that fetches the issuer's keys has ended, because it panicked or its runtime was shut down: unless the service is stopping, restart it";
        Self::new(FetchErrorKind::Stopped, message)
    }

    /// Sets [`retry_after`](Self::retry_after).
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// Sets the cause.
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> FetchErrorKind {
        self.kind
    }

    /// The delay that the server asks for before the next request (RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the configuration contradicts the server's answer, so that an operator must act.
    pub fn needs_operator(&self) -> bool {
        matches!(
            self.kind,
            FetchErrorKind::IssuerMismatch | FetchErrorKind::Forbidden
        )
    }

    /// Whether a retry would fail too. After a DNS answer with a forbidden address it may succeed, since DNS may change.
    pub fn is_permanent(&self) -> bool {
        let is_from_dns = self.kind == FetchErrorKind::Forbidden && self.source.is_some();
        self.needs_operator() && !is_from_dns
    }
}

portcullis_core::debug_as_report!(FetchError);
