//! Failed token requests in a row, and the backoff after them.

use std::time::Duration;

use portcullis_core::clock::Moment;
use portcullis_worker::{Backoff, BackoffRules, Jitter};

use crate::TokenError;

#[derive(Clone)]
pub(crate) struct Failures {
    pub(crate) backoff: Backoff,
    /// The last error, or that the task ended.
    pub(crate) last_error: Option<TokenError>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(BackoffRules::DEFAULT),
            last_error: None,
        }
    }
}

impl Failures {
    /// The last error, with what is left of the backoff as its `Retry-After`; `None` after the backoff.
    pub(crate) fn error_during_backoff(&self, now: Moment) -> Option<TokenError> {
        let (error, left) = (self.last_error.as_ref()?, self.backoff.left(now));
        (!left.is_zero()).then(|| error.clone().with_retry_after(Some(left)))
    }

    /// Records that the token request that began at `started` failed at `now`. The current token is usable for
    /// `usable_for` more.
    pub(crate) fn record(
        &mut self,
        error: &TokenError,
        started: Moment,
        now: Moment,
        usable_for: Duration,
    ) {
        let took = now.duration_since(started);
        let wait = backoff_after(&self.backoff, took, usable_for, Jitter::random());
        self.backoff.failed(now, wait, error.retry_after());
        let left = self.backoff.left(now);
        self.last_error = Some(error.clone().with_retry_after(Some(left)));
    }
}

/// The longest backoff without a usable token. Calls fail until it ends, even if the server is available again.
const MAX_BACKOFF_WITHOUT_TOKEN: Duration = Duration::from_secs(5);

/// The shortest backoff. Without a token, a backoff counts from the start of the request, so a slow one would leave no pause.
const MIN_BACKOFF: Duration = Duration::from_millis(500);

fn backoff_after(
    backoff: &Backoff,
    took: Duration,
    usable_for: Duration,
    jitter: Jitter,
) -> Duration {
    // The whole wait without a token, the shortest one with a token. Counted from the start of the failed request.
    let shortest = backoff
        .next_wait_up_to(MAX_BACKOFF_WITHOUT_TOKEN, jitter)
        .saturating_sub(took)
        .max(MIN_BACKOFF);
    // Without a usable token, `usable_for` is zero.
    let with_token = backoff.next_wait(jitter).min(usable_for);
    with_token.max(shortest)
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::UnixTime;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The waits after failures in a row.
    fn waits<const N: usize>(took: Duration, usable_for: Duration) -> [u128; N] {
        let mut backoff = Backoff::new(BackoffRules::DEFAULT);
        let longest = Jitter::from_bits(0);
        [(); N].map(|()| {
            let wait = backoff_after(&backoff, took, usable_for, longest);
            let now = Moment::new(UnixTime::from_secs(1_000_000), Duration::ZERO);
            backoff.failed(now, wait, None);
            wait.as_millis()
        })
    }

    #[test]
    fn backoff_doubles_up_to_60_s_while_a_token_is_usable() {
        let waits = waits(Duration::ZERO, secs(3600));
        let expected = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
        assert_eq!(waits, expected);
    }

    #[test]
    fn backoff_is_at_most_5_s_without_a_usable_token() {
        let expected = [1_000, 2_000, 4_000, 5_000, 5_000, 5_000];
        assert_eq!(waits(Duration::ZERO, Duration::ZERO), expected);
        // The token expires before the backoff of a minute ends.
        let waits: [u128; 8] = waits(Duration::ZERO, secs(20));
        assert_eq!(waits[4..], [16_000, 20_000, 20_000, 20_000]);
    }

    #[test]
    fn backoff_without_a_usable_token_counts_from_the_start_of_the_request() {
        for (took, last) in [(0, 5_000), (3, 2_000), (5, 500), (60, 500)] {
            let waits: [u128; 5] = waits(secs(took), Duration::ZERO);
            assert_eq!(waits[4], last, "{took}");
        }
    }
}
