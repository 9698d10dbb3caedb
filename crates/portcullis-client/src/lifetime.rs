//! When a token is renewed and expires, and when to retry after a failure. Pure: times are passed in.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use portcullis_core::UnixTime;
use portcullis_worker::Jitter;

/// The times of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// The moment before the request: the server counts from a later one.
    pub(crate) obtained_at: UnixTime,
    /// When a token in use is renewed: after 80 % of its lifetime, with jitter.
    pub(crate) refresh_at: UnixTime,
    /// When an unused token is renewed: `refresh_at`, but not before `MIN_IDLE_REFRESH`.
    pub(crate) idle_refresh_at: UnixTime,
    /// When it is no longer handed out: before `expires_at`, so that it does not expire in transit.
    pub(crate) usable_until: UnixTime,
    pub(crate) expires_at: UnixTime,
    /// An earlier time means that the clock was set back, and the age of the token is unknown.
    usable_from: UnixTime,
}

/// How long before its expiry a token is no longer handed out, at most.
const MAX_EXPIRY_MARGIN: Duration = Duration::from_secs(30);

/// Limits the requests for an unused token whose lifetime is a few seconds.
const MIN_IDLE_REFRESH: Duration = Duration::from_secs(5);

/// A clock correction up to this size does not invalidate a token.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

impl Lifetime {
    pub(crate) fn new(obtained_at: UnixTime, lifetime: Duration, jitter: Jitter) -> Self {
        let expires_at = obtained_at.saturating_add(lifetime);
        let usable_until = expires_at.saturating_sub((lifetime / 10).min(MAX_EXPIRY_MARGIN));
        // A token that is not due must be usable: `TokenSource::current` relies on it.
        let refresh_at = obtained_at
            .saturating_add(jitter.spread(lifetime / 10 * 8))
            .min(usable_until);
        Self {
            obtained_at,
            refresh_at,
            idle_refresh_at: refresh_at.max(obtained_at.saturating_add(MIN_IDLE_REFRESH)),
            usable_until,
            expires_at,
            usable_from: obtained_at.saturating_sub(CLOCK_TOLERANCE),
        }
    }

    /// Whether the token may be handed out. Setting the clock back does not make an old token usable.
    #[inline]
    pub(crate) fn is_usable(&self, now: UnixTime) -> bool {
        self.usable_from <= now && now < self.usable_until
    }

    /// Whether a token in use is due for renewal.
    #[inline]
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        now < self.usable_from || self.refresh_at <= now
    }

    /// Whether an unused token is due for renewal.
    pub(crate) fn is_due_idle(&self, now: UnixTime) -> bool {
        now < self.usable_from || self.idle_refresh_at <= now
    }
}

/// How long not to ask the server after failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    failed_at: UnixTime,
    until: UnixTime,
}

const INITIAL: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(60);
/// While calls fail for want of a token, the end of an outage must be noticed soon.
const MAX_WITHOUT_TOKEN: Duration = Duration::from_secs(5);
/// Applies when the failed request took as long as the backoff.
const MIN: Duration = Duration::from_millis(500);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// A failed request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) started_at: UnixTime,
    pub(crate) failed_at: UnixTime,
    pub(crate) retry_after: Option<Duration>,
    /// Until when the previous token is usable, if there is one.
    pub(crate) usable_until: Option<UnixTime>,
}

impl Backoff {
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// The backoff after one more failure: twice as long as the last, and at least `Retry-After`. Without a usable token
    /// it ends 5 s after the failed request started.
    pub(crate) fn failed(self, failure: Failure, jitter: Jitter) -> Self {
        let Failure {
            started_at,
            failed_at,
            retry_after,
            usable_until,
        } = failure;
        let backoff = INITIAL.saturating_mul(1 << self.failures.min(31));
        let usual = failed_at.saturating_add(jitter.shorten(backoff.min(MAX)));
        let without_token = started_at
            .min(failed_at)
            .saturating_add(jitter.shorten(backoff.min(MAX_WITHOUT_TOKEN)))
            .max(failed_at.saturating_add(MIN))
            .max(usable_until.unwrap_or_default());
        let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        Self {
            failures: self.failures.saturating_add(1),
            failed_at,
            until: usual
                .min(without_token)
                .max(failed_at.saturating_add(retry_after)),
        }
    }

    /// The time left; `None` when the server may be asked.
    pub(crate) fn left(&self, now: UnixTime) -> Option<Duration> {
        // Setting the clock back must not extend the backoff.
        let is_running = self.failures > 0 && self.failed_at <= now && now < self.until;
        is_running.then(|| self.until.duration_since(now))
    }
}

pub(crate) fn random_jitter() -> Jitter {
    Jitter::from_bits(RandomState::new().hash_one(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const START: UnixTime = UnixTime::from_secs(1_000_000);

    fn at(seconds: u64) -> UnixTime {
        START.saturating_add(secs(seconds))
    }

    #[test]
    fn token_is_renewed_at_80_percent_and_unusable_in_its_last_tenth_or_30_s() {
        for (lifetime, refresh, usable_until) in [
            (60, 48, 54),
            (300, 240, 270),
            (3600, 2880, 3570),
            (10, 8, 9),
        ] {
            let token = Lifetime::new(START, secs(lifetime), Jitter::NONE);
            assert_eq!(token.refresh_at, at(refresh), "{lifetime}");
            assert_eq!(token.usable_until, at(usable_until), "{lifetime}");
            assert_eq!(token.expires_at, at(lifetime), "{lifetime}");
            assert!(token.is_usable(START) && !token.is_due(START));
            assert!(token.is_usable(at(usable_until - 1)) && !token.is_usable(at(usable_until)));
            assert!(!token.is_due(at(refresh - 1)) && token.is_due(at(refresh)));
        }
    }

    #[test]
    fn unused_short_lived_token_is_renewed_after_5_s() {
        for (lifetime, idle) in [(1, 5), (6, 5), (10, 8), (60, 48)] {
            let token = Lifetime::new(START, secs(lifetime), Jitter::NONE);
            assert!(!token.is_due_idle(at(idle - 1)), "{lifetime}");
            assert!(token.is_due_idle(at(idle)), "{lifetime}");
            assert!(token.is_due(at(idle)), "{lifetime}");
        }
    }

    #[test]
    fn jitter_keeps_the_renewal_before_the_expiry_margin() {
        for lifetime in 1..5_000 {
            for bits in [0, u64::MAX] {
                let token = Lifetime::new(START, secs(lifetime), Jitter::from_bits(bits));
                assert!(token.refresh_at < token.usable_until, "{lifetime}");
                assert!(token.refresh_at >= START.saturating_add(secs(lifetime).mul_f64(0.7)));
            }
        }
    }

    #[test]
    fn times_saturate_at_the_maximum() {
        for left in [0, 1, 5, 29, 60] {
            let start = UnixTime::from_secs(u64::MAX - left);
            let token = Lifetime::new(start, secs(3600), Jitter::NONE);
            assert!(token.refresh_at <= token.usable_until, "{left}: {token:?}");
        }
    }

    #[test]
    fn setting_the_clock_back_makes_the_token_unusable() {
        let token = Lifetime::new(START, secs(3600), Jitter::NONE);
        let back = START.saturating_sub(secs(6));
        assert!(!token.is_usable(back) && token.is_due(back));
        assert!(
            token.is_usable(START.saturating_sub(secs(5))),
            "a small correction"
        );
    }

    /// A request that failed at once.
    fn failure(retry_after: Option<u64>, usable_until: Option<UnixTime>) -> Failure {
        Failure {
            started_at: START,
            failed_at: START,
            retry_after: retry_after.map(secs),
            usable_until,
        }
    }

    #[test]
    fn backoff_doubles_up_to_60_s_and_honours_retry_after() {
        let usable = failure(None, Some(at(3600)));
        let mut backoff = Backoff::default();
        assert_eq!(backoff.left(START), None);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff = backoff.failed(usable, Jitter::from_bits(0));
            assert_eq!(backoff.left(START), Some(secs(expected)));
            assert_eq!(backoff.left(at(expected)), None);
        }
        for (asked, waited) in [(7, 60), (120, 120), (100_000, 300)] {
            let failure = Failure {
                retry_after: Some(secs(asked)),
                ..usable
            };
            let backoff = backoff.failed(failure, Jitter::from_bits(0));
            assert_eq!(backoff.left(START), Some(secs(waited)), "{asked}");
        }
        let back = START.saturating_sub(secs(1));
        assert_eq!(backoff.left(back), None, "the clock was set back");
    }

    #[test]
    fn backoff_is_at_most_5_s_without_a_token() {
        let mut backoff = Backoff::default();
        for expected in [1, 2, 4, 5, 5, 5] {
            backoff = backoff.failed(failure(None, None), Jitter::from_bits(0));
            assert_eq!(backoff.left(START), Some(secs(expected)));
        }
        // `Retry-After` still applies.
        let asked = backoff.failed(failure(Some(30), None), Jitter::from_bits(0));
        assert_eq!(asked.left(START), Some(secs(30)));
        // The token expires before the backoff of a minute ends.
        let ends = backoff.failed(failure(None, Some(at(20))), Jitter::from_bits(0));
        assert_eq!(ends.left(START), Some(secs(20)));
        let ends = backoff.failed(failure(None, Some(at(2))), Jitter::from_bits(0));
        assert_eq!(ends.left(START), Some(secs(5)));
    }

    #[test]
    fn backoff_counts_from_the_start_of_the_request() {
        let mut backoff = Backoff::default();
        for _ in 0..4 {
            backoff = backoff.failed(failure(None, None), Jitter::from_bits(0));
        }
        for (took, left) in [(0, 5_000), (3, 2_000), (5, 500), (60, 500)] {
            let hung = Failure {
                failed_at: at(took),
                ..failure(None, None)
            };
            let backoff = backoff.failed(hung, Jitter::from_bits(0));
            let expected = Some(Duration::from_millis(left));
            assert_eq!(backoff.left(at(took)), expected, "{took}");
        }
    }
}
