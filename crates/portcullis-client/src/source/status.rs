//! The status of a token source.

use std::time::Duration;

use portcullis_core::clock::UnixTime;

use crate::TokenError;

/// The status of a source at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenStatus {
    /// Whether there is a usable token.
    pub ready: bool,
    /// When the current token expires.
    pub expires_at: Option<UnixTime>,
    /// The number of failed token requests since the last success.
    pub failures: u32,
    /// The error of the last token request, or that the task ended; `None` if the request succeeded.
    pub last_error: Option<TokenError>,
    /// How long the backoff after a failure still lasts.
    pub retry_in: Option<Duration>,
    /// When the credential that the client last authenticated with expires, if known.
    pub credential_expires_at: Option<UnixTime>,
    /// Problems with the files of the client's credentials that an operator should fix: see
    /// [`ClientAuthentication::warnings`](crate::ClientAuthentication::warnings).
    pub credential_warnings: Vec<String>,
}
