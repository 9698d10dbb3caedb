//! Backs off from a server that fails for every subject.

use std::time::Duration;

use portcullis_core::clock::{Deadline, Moment};
use portcullis_worker::{Backoff, BackoffRules, Jitter};

use super::cache::Failed;
use crate::{AccessToken, TokenError, TokenErrorKind, lifetime::backoff_after};

/// How long the refusal of one subject is repeated before the server is asked again.
const REFUSAL_TTL: Duration = Duration::from_secs(2);

/// How long not to ask the server, and why.
pub(super) struct ServerBackoff {
    backoff: Backoff,
    /// The last counted failure, and when it was recorded.
    failure: Option<(TokenError, Moment)>,
}

impl ServerBackoff {
    pub(super) fn new() -> Self {
        Self {
            backoff: Backoff::new(BackoffRules::DEFAULT),
            failure: None,
        }
    }

    /// The last error, during the backoff; `None` after the backoff.
    pub(super) fn current_error(&self, now: Moment) -> Option<TokenError> {
        let (error, _) = self.failure.as_ref()?;
        error.during(&self.backoff, now)
    }

    /// Records the outcome of an exchange, and decides how long a failure is repeated.
    pub(super) fn record(
        &mut self,
        started: Moment,
        outcome: Result<AccessToken, TokenError>,
        now: Moment,
    ) -> Result<AccessToken, Failed> {
        // An exchange that started before the last failure neither ends the backoff nor lengthens it.
        let failed_at = self.failure.as_ref().map(|(_, at)| at.monotonic());
        let is_newer = failed_at.is_none_or(|failed_at| started.monotonic() > failed_at);
        let error = match outcome {
            Ok(token) => {
                if is_newer {
                    *self = Self::new();
                }
                return Ok(token);
            }
            Err(error) => error,
        };
        if !affects_all_subjects(&error) {
            let until = Deadline::after(now, REFUSAL_TTL);
            return Err(Failed { error, until });
        }
        if is_newer || self.backoff.left(now).is_zero() {
            let took = now.duration_since(started);
            // Subjects without a cached token cannot call.
            let wait = backoff_after(&self.backoff, took, Duration::ZERO, Jitter::random());
            self.backoff.failed_with(now, wait, error.retry_after());
            self.failure = Some((error.clone(), now));
        }
        // Not repeated from the cache: the backoff repeats it.
        let until = Deadline::after(now, Duration::ZERO);
        Err(Failed { error, until })
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
