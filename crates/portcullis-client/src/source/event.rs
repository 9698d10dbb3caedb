//! The events of a token source.

use portcullis_core::{ScopeSet, clock::UnixTime};
use portcullis_oauth::to_rfc3339;

use crate::{TokenError, token_client::TokenClient};

/// A change in the state of a source. Each event is also logged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenEvent {
    /// A new token was obtained.
    #[non_exhaustive]
    Obtained {
        /// When it expires.
        expires_at: UnixTime,
    },
    /// A token request failed. The current token remains in use until `usable_until`.
    #[non_exhaustive]
    Failed {
        /// The error.
        error: TokenError,
        /// The number of failures in a row.
        failures: u32,
        /// Until when the current token is usable; `None` without a usable token.
        usable_until: Option<UnixTime>,
    },
    /// No usable token is left, and none could be obtained. Calls fail at least until the next token request.
    #[non_exhaustive]
    Lapsed {
        /// The error of the last token request.
        error: TokenError,
    },
    /// A token request succeeded after failures.
    #[non_exhaustive]
    Recovered {
        /// The number of failures before it.
        failures: u32,
    },
    /// The set of requested scopes that the token lacks has changed (RFC 6749 §3.3).
    #[non_exhaustive]
    MissingScopesChanged {
        /// The requested scopes that the token lacks; empty when all are granted again.
        missing: ScopeSet,
    },
    /// The token response has no `token_type` (RFC 6749 §5.1), so the token is used as a bearer token. Announced again only
    /// after a response with a `token_type`.
    Untyped,
    /// A service rejected the current token. The source no longer returns this token.
    #[non_exhaustive]
    Rejected {
        /// When it would have expired.
        expires_at: UnixTime,
    },
    /// The client's credential has expired or expires within a week.
    #[non_exhaustive]
    CredentialExpires {
        /// When it expires.
        at: UnixTime,
    },
    /// The server confirmed the revocation of a token.
    Revoked,
    /// The source was shut down and hands out no more tokens. [`Revoked`](Self::Revoked) may follow.
    ShutDown,
    /// The task ended although the source was not shut down: its runtime ended, or it panicked. No token is renewed.
    TaskEnded,
}

impl TokenEvent {
    pub(super) fn log(&self, client: &TokenClient, last_error: Option<&TokenError>) {
        let (client_id, request) = (client.client_id(), &client.request);
        match self {
            Self::Obtained { expires_at } => {
                tracing::debug!(client_id, %request, expires_at = to_rfc3339(*expires_at), "access token obtained");
            }
            Self::Failed {
                error,
                failures,
                usable_until: Some(until),
            } => {
                tracing::warn!(client_id, %request, error = error.to_string(), failures, until = to_rfc3339(*until), "access token could not be renewed, and the current one is used until shortly before it expires (`until`): correct the error");
            }
            Self::Failed {
                error, failures, ..
            } => {
                tracing::error!(client_id, %request, error = error.to_string(), failures, "no access token could be obtained, so outgoing calls fail until the error is corrected");
            }
            Self::Lapsed { error } => {
                tracing::error!(client_id, %request, error = error.to_string(), "no usable access token is left and none could be obtained, so outgoing calls fail until the error is corrected");
            }
            Self::Recovered { failures } => {
                tracing::info!(client_id, %request, failures, "access tokens can be obtained again");
            }
            Self::MissingScopesChanged { missing } if missing.is_empty() => {
                tracing::info!(client_id, %request, "all requested scopes are granted again");
            }
            Self::MissingScopesChanged { missing } => {
                tracing::warn!(client_id, %request, missing = missing.to_string(), "the authorization server did not grant all requested scopes: allow the client the missing ones there, or do not request them");
            }
            Self::Untyped => client.warn_untyped(),
            Self::Rejected { expires_at } => {
                tracing::warn!(client_id, %request, expires_at = to_rfc3339(*expires_at), "a service rejected the access token, so the token is discarded: if this repeats, check which issuer and audience the service accepts");
            }
            Self::CredentialExpires { at } => {
                tracing::warn!(client_id, %request, expires_at = to_rfc3339(*at), "the client's credential has expired or expires within a week: replace it");
            }
            Self::Revoked => tracing::info!(client_id, %request, "access token revoked"),
            Self::ShutDown => tracing::info!(client_id, %request, "token source shut down"),
            Self::TaskEnded => {
                let error = last_error.map(ToString::to_string);
                tracing::warn!(client_id, %request, error, "the renewal of access tokens has stopped");
            }
        }
    }
}
