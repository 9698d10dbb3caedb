//! How a server fares that others' tokens are exchanged at.

use std::time::Duration;

use portcullis_core::UnixTime;

use super::cache::{Exchanged, Failed};
use crate::{
    TokenError, TokenErrorKind,
    schedule::{Backoff, Failure, jitter},
};

/// How long a refusal is told again before the server is asked anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the server is left alone, and why.
#[derive(Default)]
pub(super) struct Outage {
    backoff: Backoff,
    error: Option<TokenError>,
    /// When the last failure that counted was noted.
    noted_at: Option<UnixTime>,
}

impl Outage {
    /// Why the server is left alone now, if it is.
    pub(super) fn recent_error(&self, now: UnixTime) -> Option<TokenError> {
        let left = self.backoff.left(now)?;
        Some(self.error.clone()?.with_retry_after(Some(left)))
    }

    /// Notes how the server is doing, and until when a failure is told.
    pub(super) fn conclude(
        &mut self,
        asked_at: UnixTime,
        outcome: Result<Exchanged, TokenError>,
        now: UnixTime,
    ) -> Result<Exchanged, Failed> {
        // What began before the last failure was noted says nothing that is not known.
        let is_news = self.noted_at.is_none_or(|noted_at| asked_at > noted_at);
        let error = match outcome {
            Ok(exchanged) => {
                if is_news {
                    *self = Self::default();
                }
                return Ok(exchanged);
            }
            Err(error) => error,
        };
        if !concerns_everyone(&error) {
            return Err(Failed {
                error,
                since: now,
                until: now.saturating_add(PATIENCE),
            });
        }
        if is_news || self.backoff.left(now).is_none() {
            let failure = Failure {
                asked_at,
                failed_at: now,
                retry_after: error.retry_after(),
                // Those who have no token yet cannot call.
                serves_until: None,
            };
            self.backoff = self.backoff.failed(failure, jitter());
            self.error = Some(error.clone());
            self.noted_at = Some(now);
        }
        // It is the outage that is told.
        Err(Failed {
            error,
            since: now,
            until: now,
        })
    }
}

/// Whether the next subject would fare no better.
fn concerns_everyone(error: &TokenError) -> bool {
    // Whoever says when to come back says it to all.
    if error.retry_after().is_some() || matches!(error.answered_with(), Some(429 | 500..)) {
        return true;
    }
    match error.kind() {
        TokenErrorKind::Unreachable
        | TokenErrorKind::Forbidden
        | TokenErrorKind::NoEndpoint
        | TokenErrorKind::Credential => true,
        TokenErrorKind::Refused => error.oauth_error().is_some_and(|oauth| {
            matches!(
                &*oauth.code,
                "invalid_client"
                    | "unauthorized_client"
                    // UAA's word for a wrong client secret. Other codes with status 401 may be about one subject.
                    | "unauthorized"
                    | "unsupported_grant_type"
                    | "server_error"
                    | "temporarily_unavailable"
            )
        }),
        _ => false,
    }
}
