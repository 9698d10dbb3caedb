//! Why there is no token.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use portcullis_oauth::{FetchError, OAuthAnswer, OAuthError};

/// Why a token could not be had.
///
/// The message is for operators: what the server sent is in it only escaped and cut short, and never a secret or a token.
/// Clones are cheap, since everyone who waits gets the same one.
#[derive(Clone)]
pub struct TokenError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: TokenErrorKind,
    message: Box<str>,
    oauth: Option<OAuthError>,
    /// The status of the server's answer, where that was a failure.
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
    /// What the server's metadata says must not be followed: an endpoint on an origin that is not listed, a private
    /// address, plain http.
    Forbidden,
    /// The server has no such endpoint, or none is configured.
    NoEndpoint,
    /// The server answered with an error of OAuth (RFC 6749 §5.2): see [`TokenError::oauth_error`].
    Refused,
    /// The server answered with this status, and no error of OAuth.
    Status(u16),
    /// The answer is not what a token endpoint answers with, or holds what cannot be used.
    Unusable,
    /// The token is of a type that is not spoken here (RFC 6749 §7.1).
    TokenType,
    /// What the client authenticates with could not be had.
    Credential,
    /// As much is under way as there is room for.
    Busy,
    /// There is nobody's token to act on behalf of, or it has expired.
    NoSubjectToken,
    /// The source was shut down, its runtime has ended, or its task panicked.
    Stopped,
}

const CHECK_CREDENTIALS: &str = "; check the client's id, and its secret, key or certificate";

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
            "nothing fetches tokens any more: the source was shut down, its runtime has ended, or its task panicked",
        )
    }

    /// The server answered with an error. Advice about scopes is given only where some were sent.
    pub(crate) fn refused(answer: &OAuthAnswer, error: OAuthError, sent_scopes: bool) -> Self {
        let advice = match &*error.code {
            _ if answer.rejects_client() => CHECK_CREDENTIALS,
            "invalid_client" => CHECK_CREDENTIALS,
            "invalid_scope" if sent_scopes => "; ask for scopes that this client may have",
            "invalid_target" => "; check the resource or audience that is asked for",
            "unauthorized_client" => "; allow this client to do so at the server",
            _ => "",
        };
        let message = format!("{} refused: {error}{advice}", answer.place());
        Self::new(TokenErrorKind::Refused, message)
            .with(|inner| {
                inner.oauth = Some(error);
                inner.status = Some(answer.status());
                inner.rejects_client = answer.rejects_client();
            })
            .with_retry_after(answer.retry_after())
    }

    /// The server answered with a status that is not a success, and without an error of OAuth.
    pub(crate) fn status(answer: &OAuthAnswer) -> Self {
        let (place, status) = (answer.place(), answer.status());
        let rejects_client = answer.rejects_client();
        let message = match status {
            300..400 => format!("{place} redirects ({status}), which is not followed"),
            _ if rejects_client => format!("{place} answered {status}{CHECK_CREDENTIALS}"),
            _ => format!("{place} answered {status}"),
        };
        Self::new(TokenErrorKind::Status(status), message)
            .with(|inner| {
                inner.status = Some(status);
                inner.rejects_client = rejects_client;
            })
            .with_retry_after(answer.retry_after())
    }

    /// With what it means, before what happened.
    pub(crate) fn meaning(self, what: &str) -> Self {
        self.with(|inner| inner.message = format!("{what}: {}", inner.message).into())
    }

    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_after = retry_after)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the server does not accept the client's id, secret, key or certificate (RFC 6749 §5.2): it answered 401, or
    /// with `invalid_client`.
    #[must_use]
    pub fn rejects_client(&self) -> bool {
        self.0.rejects_client
    }

    /// The status of the server's answer, where that was a failure.
    pub(crate) fn answered_with(&self) -> Option<u16> {
        self.0.status
    }

    /// The server's error, where it answered with one.
    #[must_use]
    pub fn oauth_error(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// How long until the server is asked again, or asked to be left alone.
    #[must_use]
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
        // Its message tells its causes.
        Self::new(kind, error.to_string()).with_retry_after(retry_after)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl Error for TokenError {}
