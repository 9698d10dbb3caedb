//! How a token is doing, and what happens to it.

use std::time::Duration;

use portcullis_core::{ScopeSet, UnixTime};

use crate::{TokenError, request::TokenRequest};

/// The state of a source at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenStatus {
    /// Whether there is a token that may be sent now.
    pub ready: bool,
    /// When the token at hand was asked for.
    pub obtained_at: Option<UnixTime>,
    /// When it is to be renewed, at the latest if nobody asks for it before.
    pub refresh_at: Option<UnixTime>,
    /// When it expires.
    pub expires_at: Option<UnixTime>,
    /// How many tokens were obtained.
    pub obtained: u64,
    /// How many attempts have failed since the last that did not.
    pub failures: u32,
    /// Why the last attempt failed; `None` if it did not.
    pub last_error: Option<TokenError>,
    /// How long until the server is asked again, while it is left alone after a failure.
    pub retry_in: Option<Duration>,
    /// When the credential that the client authenticated with last expires, where that is known.
    pub credential_expires_at: Option<UnixTime>,
    /// What the operator should change about the files with the client's credentials: see
    /// [`ClientAuthentication::warnings`](crate::ClientAuthentication::warnings).
    pub credential_warnings: Vec<String>,
}

/// A change in the state of a source. Each is also logged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenEvent {
    /// There is a new token.
    #[non_exhaustive]
    Obtained {
        /// When it expires.
        expires_at: UnixTime,
    },
    /// An attempt failed. The token at hand serves while it lives.
    #[non_exhaustive]
    Failed {
        /// Why.
        error: TokenError,
        /// How many attempts have failed in a row.
        failures: u32,
        /// Until when there is a token all the same; `None` if there is none.
        serves_until: Option<UnixTime>,
    },
    /// There is no token any more that may be sent, while the server is left alone after a failure: calls fail until it is
    /// asked again, at least.
    #[non_exhaustive]
    Lapsed {
        /// Why there is no other.
        error: TokenError,
    },
    /// A token could be had again.
    #[non_exhaustive]
    Recovered {
        /// How many attempts had failed.
        failures: u32,
    },
    /// What the new token lacks of the scopes that were asked for is not what the one before it lacked (RFC 6749 §3.3).
    #[non_exhaustive]
    Narrowed {
        /// The scopes that it lacks; none where all are granted again.
        missing: ScopeSet,
    },
    /// The server left out `token_type`, which RFC 6749 §5.1 requires. The token is used as a bearer token. Told once, until
    /// a token has a type again.
    Untyped,
    /// A service did not accept the token at hand: it is handed out no more.
    #[non_exhaustive]
    Rejected {
        /// When it would have expired.
        expires_at: UnixTime,
    },
    /// The credential that the client authenticates with expires within a week, or has.
    #[non_exhaustive]
    CredentialExpires {
        /// When.
        at: UnixTime,
    },
    /// The server confirmed that a token is revoked.
    Revoked,
    /// It was shut down: there is no token any more. [`Revoked`](Self::Revoked) may follow.
    ShutDown,
    /// Nothing fetches tokens any more, though it was not shut down: the runtime has ended, or the task panicked.
    Stopped,
}

impl TokenEvent {
    /// Writes the event to the log, at the level of what it asks of the operator.
    pub(super) fn log(&self, client_id: &str, request: &TokenRequest) {
        match self {
            Self::Obtained { expires_at } => {
                tracing::debug!(
                    client_id,
                    %request,
                    expires_at = expires_at.as_secs(),
                    "a token was obtained"
                );
            }
            Self::Failed {
                error,
                failures,
                serves_until: Some(until),
            } => {
                let until = until.as_secs();
                tracing::warn!(client_id, %request, %error, failures, until, "no new token could be obtained: the one at hand serves on");
            }
            Self::Failed {
                error, failures, ..
            } => {
                tracing::error!(client_id, %request, %error, failures, "no token could be obtained: calls fail");
            }
            Self::Lapsed { error } => {
                tracing::error!(client_id, %request, %error, "there is no token any more, and no other could be obtained: calls fail");
            }
            Self::Narrowed { missing } if missing.is_empty() => {
                tracing::info!(client_id, %request, "all scopes are granted again");
            }
            Self::Narrowed { missing } => {
                tracing::warn!(client_id, %request, %missing, "the server did not grant all scopes that were asked for");
            }
            Self::Untyped => {
                tracing::warn!(client_id, %request, "the server's answer has no `token_type`: the token is used as a bearer token; have the server send `token_type` (RFC 6749 §5.1)");
            }
            Self::Rejected { expires_at } => {
                tracing::warn!(
                    client_id,
                    %request,
                    expires_at = expires_at.as_secs(),
                    "a service did not accept the token: it is sent no more"
                );
            }
            Self::Recovered { failures } => {
                tracing::info!(client_id, %request, failures, "tokens can be obtained again");
            }
            Self::CredentialExpires { at } => {
                tracing::warn!(
                    client_id,
                    %request,
                    at = at.as_secs(),
                    "the client's credential expires: replace it"
                );
            }
            Self::Revoked => tracing::info!(client_id, %request, "the token was revoked"),
            Self::ShutDown => {
                tracing::info!(client_id, %request, "the source of tokens was shut down")
            }
            Self::Stopped => tracing::warn!(client_id, %request, "nothing fetches tokens any more"),
        }
    }
}
