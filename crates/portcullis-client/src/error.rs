//! Errors of token requests.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::Moment;
use portcullis_oauth::{FetchError, OAuthAnswer, OAuthError};
use portcullis_worker::Backoff;

/// A token could not be obtained.
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
    /// The URL of an endpoint must not be used: it is on an origin that is not listed, at a private address, or plain
    /// http.
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
    /// The client's own credential could not be loaded.
    Credential,
    /// Too many token requests are in flight.
    Busy,
    /// The subject's token is missing, expired, or may not be sent to this server.
    NoSubjectToken,
    /// The source was shut down, its runtime ended, or its task panicked.
    Stopped,
}

const CHECK_CREDENTIALS: &str = "; check the client id and its secret, key or certificate";
const CHECK_URL: &str = "; check that this is the endpoint's URL";

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

    pub(crate) fn stopped() -> Self {
        Self::new(
            TokenErrorKind::Stopped,
            "the token source has stopped: it was shut down, its runtime ended, or its task panicked",
        )
    }

    pub(crate) fn arrived_expired() -> Self {
        Self::new(
            TokenErrorKind::Unusable,
            "the token was about to expire when it arrived",
        )
    }

    /// The server answered with an OAuth error. `sent_scopes`: whether advice about scopes makes sense.
    pub(crate) fn refused(answer: &OAuthAnswer, error: OAuthError, sent_scopes: bool) -> Self {
        let advice = match &*error.code {
            _ if answer.rejects_client() => CHECK_CREDENTIALS,
            "invalid_scope" if sent_scopes => "; request scopes that this client is allowed",
            "invalid_target" => "; check the requested resource or audience",
            "unauthorized_client" => "; allow this grant for the client at the server",
            _ => "",
        };
        let message = format!("{} refused: {error}{advice}", answer.url);
        Self::from_answer(TokenErrorKind::Refused, message, answer, Some(error))
    }

    /// The server answered with a failure status and without an OAuth error.
    pub(crate) fn status(answer: &OAuthAnswer) -> Self {
        let status = answer.status();
        let (check_credentials, check_url) = match status {
            401 => (CHECK_CREDENTIALS, CHECK_URL),
            404 | 405 => ("", CHECK_URL),
            _ => ("", ""),
        };
        let url_and_status = answer.url_and_status();
        let message = format!("{url_and_status}{check_credentials}{check_url}");
        Self::from_answer(TokenErrorKind::Status(status), message, answer, None)
    }

    fn from_answer(
        kind: TokenErrorKind,
        message: String,
        answer: &OAuthAnswer,
        oauth: Option<OAuthError>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            oauth,
            status: Some(answer.status()),
            rejects_client: answer.rejects_client(),
            retry_after: answer.retry_after,
        }))
    }

    /// Prefixes the message.
    pub(crate) fn with_context(mut self, what: &str) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.message = format!("{what}: {}", inner.message).into();
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.0).retry_after = retry_after;
        self
    }

    /// This error with the time that is left, during the backoff after it; `None` after the backoff.
    pub(crate) fn during(&self, backoff: &Backoff, now: Moment) -> Option<Self> {
        let left = backoff.left(now);
        (!left.is_zero()).then(|| self.clone().with_retry_after(Some(left)))
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

    /// The HTTP status, if the server answered with an error.
    pub(crate) fn status_code(&self) -> Option<u16> {
        self.0.status
    }

    /// The OAuth error, if the server answered with one.
    pub fn oauth_error(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// How long until the server is asked again, or the `Retry-After` that it sent.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl From<FetchError> for TokenError {
    fn from(error: FetchError) -> Self {
        use portcullis_oauth::FetchErrorKind as Kind;

        let kind = match error.kind() {
            Kind::Status(status) => TokenErrorKind::Status(status),
            Kind::Redirected | Kind::TooLarge | Kind::Unusable | Kind::IssuerMismatch => {
                TokenErrorKind::Unusable
            }
            Kind::Credential => TokenErrorKind::Credential,
            Kind::Forbidden => TokenErrorKind::Forbidden,
            Kind::NoEndpoint => TokenErrorKind::NoEndpoint,
            Kind::Stopped => TokenErrorKind::Stopped,
            _ => TokenErrorKind::Unreachable,
        };
        let retry_after = error.retry_after();
        // The message includes its causes.
        Self::new(kind, error.to_string()).with_retry_after(retry_after)
    }
}

portcullis_core::debug_as_report!(TokenError);
