//! Errors of token requests.

use std::{sync::Arc, time::Duration};

use portcullis_oauth::{FetchError, FetchErrorKind, OAuthAnswer, OAuthError};
use portcullis_worker::Death;

/// A token could not be obtained, revoked, or sent with a proof.
///
/// The message is for operators. Text from the server appears in it escaped and shortened; secrets and tokens never do.
#[derive(Clone, thiserror::Error)]
#[error("{}", .0.message)]
pub struct TokenError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: TokenErrorKind,
    message: Box<str>,
    oauth: Option<OAuthError>,
    status: Option<u16>,
    rejects_client: bool,
    retry_after: Option<Duration>,
}

/// The kinds of [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The authorization server could not be reached, or did not answer in time.
    Unreachable,
    /// The URL of an endpoint must not be used: its origin is not listed, its address is private, or it is plain http.
    Forbidden,
    /// The server has no such endpoint, and none is configured.
    NoEndpoint,
    /// The server answered with an OAuth error (RFC 6749 §5.2): see [`TokenError::oauth_error`].
    Refused,
    /// The server answered with this status and without an OAuth error.
    Status(u16),
    /// The answer is not a valid token response, or the token in it is unusable.
    Unusable,
    /// The token is of another type than was requested (RFC 6749 §7.1).
    TokenType,
    /// The client's own credential could not be loaded or used, or a DPoP proof could not be made for the request's URI.
    Credential,
    /// Too many token requests are in flight.
    Busy,
    /// The subject's token is missing, expired, or may not be sent to this server.
    NoSubjectToken,
    /// The source was shut down, its runtime ended, or its task panicked.
    Stopped,
}

impl TokenError {
    pub(crate) fn new(kind: TokenErrorKind, message: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            oauth: None,
            status: None,
            rejects_client: false,
            retry_after: None,
        }))
    }

    /// `why` names what has stopped, and the cause.
    pub(crate) fn stopped(why: impl Into<Box<str>>) -> Self {
        Self::new(TokenErrorKind::Stopped, why)
    }

    pub(crate) fn arrived_expired() -> Self {
        let why = "the authorization server sent a token that is about to expire: configure it to issue tokens that live longer, and check the clock of this machine";
        Self::new(TokenErrorKind::Unusable, why)
    }

    /// The server answered with an OAuth error or a failure status. `sent_scopes`: whether the request contained scopes.
    pub(crate) fn from_answer(
        answer: &OAuthAnswer,
        oauth: Option<OAuthError>,
        sent_scopes: bool,
    ) -> Self {
        const CHECK_CREDENTIALS: &str = "; check the client id and its secret, key or certificate";
        const CHECK_URL: &str = "; check that this is the endpoint's URL";

        let (status, rejects_client) = (answer.status(), answer.rejects_client());
        let (kind, message) = match &oauth {
            Some(error) => {
                let advice = match &*error.code {
                    _ if rejects_client => CHECK_CREDENTIALS,
                    "invalid_scope" if sent_scopes => {
                        "; request scopes that this client is allowed"
                    }
                    "invalid_target" => "; check the requested resource or audience",
                    "unauthorized_client" => "; allow this client the request at the server",
                    _ => "; the server's log may say why",
                };
                let message = format!("{} refused the request: {error}{advice}", answer.url);
                (TokenErrorKind::Refused, message)
            }
            None => {
                let advice = match status {
                    401 => [CHECK_CREDENTIALS, CHECK_URL],
                    404 | 405 => ["", CHECK_URL],
                    _ => ["", ""],
                };
                let message = answer.url_and_status() + &advice.concat();
                (TokenErrorKind::Status(status), message)
            }
        };
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            oauth,
            status: Some(status),
            rejects_client,
            retry_after: answer.retry_after,
        }))
    }

    pub(crate) fn with_context(mut self, what: &str) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.message = format!("{what}: {}", inner.message).into();
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.0).retry_after = retry_after;
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the server rejected the client id, secret, key or certificate (RFC 6749 §5.2): it answered
    /// `invalid_client`, or 401 without an error about DPoP.
    pub fn rejects_client(&self) -> bool {
        self.0.rejects_client
    }

    /// The OAuth error, if the server answered with one.
    pub fn oauth_error(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// What is left of the backoff, in an error that a source or an exchange returns during a backoff. In another error, the
    /// server's `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether an exchange for another subject would fail too.
    pub(crate) fn affects_all_subjects(&self) -> bool {
        // `Retry-After` applies to the client, whatever the subject.
        if self.0.retry_after.is_some() || matches!(self.0.status, Some(429 | 500..)) {
            return true;
        }
        match &self.0.oauth {
            Some(error) => matches!(
                &*error.code,
                "invalid_client"
                    | "unauthorized_client"
                    // UAA's code for a wrong client secret. Other codes with status 401 may concern one subject.
                    | "unauthorized"
                    | "unsupported_grant_type"
                    | "server_error"
                    | "temporarily_unavailable"
            ),
            None => matches!(
                self.0.kind,
                TokenErrorKind::Unreachable
                    | TokenErrorKind::Forbidden
                    | TokenErrorKind::NoEndpoint
                    | TokenErrorKind::Credential
            ),
        }
    }
}

impl From<FetchError> for TokenError {
    fn from(error: FetchError) -> Self {
        let kind = match error.kind() {
            FetchErrorKind::Status(status) => TokenErrorKind::Status(status),
            FetchErrorKind::Redirected
            | FetchErrorKind::TooLarge
            | FetchErrorKind::Unusable
            | FetchErrorKind::IssuerMismatch => TokenErrorKind::Unusable,
            FetchErrorKind::Credential => TokenErrorKind::Credential,
            FetchErrorKind::Forbidden => TokenErrorKind::Forbidden,
            FetchErrorKind::NoEndpoint => TokenErrorKind::NoEndpoint,
            FetchErrorKind::Stopped => TokenErrorKind::Stopped,
            _ => TokenErrorKind::Unreachable,
        };
        // The message of a `FetchError` includes its causes.
        Self::new(kind, error.to_string()).with_retry_after(error.retry_after())
    }
}

pub(crate) fn end_of_task(death: Death) -> &'static str {
    match death {
        Death::Panicked => "its task panicked: restart the service",
        _ => "its tokio runtime ended: unless the service is stopping, restart it",
    }
}

portcullis_core::debug_as_report!(TokenError);
