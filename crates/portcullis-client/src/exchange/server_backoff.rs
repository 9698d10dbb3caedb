//! Backs off from a server that fails for every subject.

use std::time::Duration;

use portcullis_core::UnixTime;

use super::cache::{Exchanged, Failed};
use crate::{
    TokenError, TokenErrorKind,
    lifetime::{Backoff, Failure, random_jitter},
};

/// How long the refusal of one subject is repeated before the server is asked again.
const REFUSAL_TTL: Duration = Duration::from_secs(2);

/// How long not to ask the server, and why.
#[derive(Default)]
pub(super) struct ServerBackoff {
    backoff: Backoff,
    error: Option<TokenError>,
    /// When the last counted failure was recorded.
    failed_at: Option<UnixTime>,
}

impl ServerBackoff {
    /// The last error, during the backoff.
    pub(super) fn current_error(&self, now: UnixTime) -> Option<TokenError> {
        let left = self.backoff.left(now)?;
        Some(self.error.clone()?.with_retry_after(Some(left)))
    }

    /// Records the outcome of an exchange, and decides how long a failure is repeated.
    pub(super) fn record(
        &mut self,
        started_at: UnixTime,
        outcome: Result<Exchanged, TokenError>,
        now: UnixTime,
    ) -> Result<Exchanged, Failed> {
        // An exchange that started before the last failure neither ends the backoff nor lengthens it.
        let is_newer = self
            .failed_at
            .is_none_or(|failed_at| started_at > failed_at);
        let error = match outcome {
            Ok(exchanged) => {
                if is_newer {
                    *self = Self::default();
                }
                return Ok(exchanged);
            }
            Err(error) => error,
        };
        if !affects_all_subjects(&error) {
            return Err(Failed {
                error,
                since: now,
                until: now.saturating_add(REFUSAL_TTL),
            });
        }
        if is_newer || self.backoff.left(now).is_none() {
            let failure = Failure {
                started_at,
                failed_at: now,
                retry_after: error.retry_after(),
                // Subjects without a cached token cannot call.
                usable_until: None,
            };
            self.backoff = self.backoff.failed(failure, random_jitter());
            self.error = Some(error.clone());
            self.failed_at = Some(now);
        }
        // Not repeated from the cache: the backoff repeats it.
        Err(Failed {
            error,
            since: now,
            until: now,
        })
    }
}

/// Whether an exchange for another subject would fail too.
fn affects_all_subjects(error: &TokenError) -> bool {
    // `Retry-After` applies to the client, whatever the subject.
    if error.retry_after().is_some() || matches!(error.status_code(), Some(429 | 500..)) {
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
                    // UAA's code for a wrong client secret. Other codes with status 401 may concern one subject.
                    | "unauthorized"
                    | "unsupported_grant_type"
                    | "server_error"
                    | "temporarily_unavailable"
            )
        }),
        _ => false,
    }
}
