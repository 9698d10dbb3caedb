//! Backs off from a server that fails for every subject.

use std::time::Duration;

use portcullis_core::clock::{Deadline, Moment};

use super::cache::Failed;
use crate::{AccessToken, TokenError, failures::Failures};

/// How long the refusal of one subject is repeated before the server is asked again.
const REFUSAL_TTL: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct ServerBackoff {
    /// The failures that affect all subjects.
    pub(super) failures: Failures,
    /// When the last of them was recorded.
    failed_at: Option<Duration>,
}

impl ServerBackoff {
    /// Records the outcome of an exchange, and decides how long a failure is repeated.
    pub(super) fn record(
        &mut self,
        started: Moment,
        outcome: Result<AccessToken, TokenError>,
        now: Moment,
    ) -> Result<AccessToken, Failed> {
        // An exchange that started before the last failure neither ends the backoff nor lengthens it.
        let failed_at = self.failed_at;
        let is_newer = failed_at.is_none_or(|failed_at| started.monotonic() > failed_at);
        let error = match outcome {
            Ok(token) => {
                if is_newer {
                    *self = Self::default();
                }
                return Ok(token);
            }
            Err(error) => error,
        };
        let mut ttl = REFUSAL_TTL;
        if error.affects_all_subjects() {
            // Not repeated from the cache: the backoff repeats it.
            ttl = Duration::ZERO;
            if is_newer || self.failures.backoff.left(now).is_zero() {
                // Subjects without a cached token cannot call.
                self.failures.record(&error, started, now, Duration::ZERO);
                self.failed_at = Some(now.monotonic());
            }
        }
        let until = Deadline::after(now, ttl);
        Err(Failed { error, until })
    }
}
