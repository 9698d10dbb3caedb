//! How long to wait after failures.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use portcullis_core::clock::{Deadline, Moment};

/// The limits of a [`Backoff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffRules {
    /// The wait after a first failure, doubled by each further one. 1 s by default.
    pub first: Duration,
    /// The longest wait, apart from `Retry-After`. 60 s by default.
    pub longest: Duration,
    /// The longest `Retry-After` (RFC 9110 §10.2.3) that is honoured. 5 min by default.
    pub longest_retry_after: Duration,
}

impl BackoffRules {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(60),
        longest_retry_after: Duration::from_secs(5 * 60),
    };
}

/// Exponential backoff with jitter after failures of a server. It lasts at least as long as the server's
/// `Retry-After`, of which at most [`longest_retry_after`](BackoffRules::longest_retry_after) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    rules: BackoffRules,
    failures: u32,
    /// When the server may be asked again.
    end: Option<Deadline>,
    retry_after_end: Option<Deadline>,
}

impl Backoff {
    /// The backoff of a server that has not failed yet.
    pub const fn new(rules: BackoffRules) -> Self {
        Self {
            rules,
            failures: 0,
            end: None,
            retry_after_end: None,
        }
    }

    /// The failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The wait after the next failure, without `Retry-After`: [`first`](BackoffRules::first), doubled by each failure up to
    /// [`longest`](BackoffRules::longest), then shortened by up to a half.
    pub fn next_wait(&self, jitter: Jitter) -> Duration {
        self.next_wait_up_to(self.rules.longest, jitter)
    }

    /// As [`next_wait`](Self::next_wait), with `limit` in place of [`longest`](BackoffRules::longest).
    pub fn next_wait_up_to(&self, limit: Duration, jitter: Jitter) -> Duration {
        let doubled = self.rules.first.saturating_mul(1 << self.failures.min(31));
        jitter.shorten(doubled.min(limit))
    }

    /// Notes a failure. `wait` is [`next_wait`](Self::next_wait) or a time derived from it; `retry_after` is the server's.
    pub fn failed(&mut self, now: Moment, wait: Duration, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or_default();
        let retry_after = asked.min(self.rules.longest_retry_after);
        self.failures = self.failures.saturating_add(1);
        let until = |wait| Deadline::after(now, wait);
        self.end = Some(until(wait.max(retry_after)));
        self.retry_after_end = Some(until(retry_after));
    }

    /// Notes a success.
    pub fn succeeded(&mut self) {
        *self = Self::new(self.rules);
    }

    /// How much longer to wait; zero when the server may be asked.
    pub fn left(&self, now: Moment) -> Duration {
        self.end.map_or(Duration::ZERO, |end| end.left(now))
    }

    /// What is left of the server's `Retry-After`; zero without one. A caller that cannot wait may ignore the rest of the
    /// backoff, but not `Retry-After`.
    pub fn retry_after_left(&self, now: Moment) -> Duration {
        self.retry_after_end
            .map_or(Duration::ZERO, |end| end.left(now))
    }
}

/// Randomness for waits, so that the services of a fleet do not send requests in step. Callers pass it in, as they pass
/// the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// The middle of the range.
    pub const MIDDLE: Self = Self(0.5);

    /// Random jitter.
    pub fn random() -> Self {
        // The seeds of the standard library's hash maps are random enough to keep a fleet out of step.
        Self::from_bits(RandomState::new().hash_one(0))
    }

    /// Jitter from 64 random bits.
    pub fn from_bits(bits: u64) -> Self {
        // The upper 32 bits: a fraction in [0, 1) that f64 holds exactly.
        Self(f64::from((bits >> 32) as u32) / (f64::from(u32::MAX) + 1.0))
    }

    /// `time`, lengthened or shortened by up to 10 %.
    pub fn spread(self, time: Duration) -> Duration {
        scale(time, 0.9 + self.0 * 0.2)
    }

    /// `time`, shortened by up to a half.
    pub fn shorten(self, time: Duration) -> Duration {
        scale(time, 1.0 - self.0 / 2.0)
    }
}

fn scale(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::UnixTime;

    use super::*;

    const LONGEST_WAITS: Jitter = Jitter(0.0);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(seconds: u64) -> Moment {
        Moment::new(UnixTime::from_secs(1_000_000 + seconds), secs(seconds))
    }

    fn fail(backoff: &mut Backoff, now: Moment, retry_after: Option<Duration>, jitter: Jitter) {
        let wait = backoff.next_wait(jitter);
        backoff.failed(now, wait, retry_after);
    }

    #[test]
    fn wait_doubles_from_1_s_to_60_s_until_a_success() {
        let mut backoff = Backoff::new(BackoffRules::DEFAULT);
        assert_eq!(backoff.left(at(0)), Duration::ZERO);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            fail(&mut backoff, at(0), None, LONGEST_WAITS);
            assert_eq!(backoff.left(at(0)), secs(expected));
            assert_eq!(backoff.left(at(expected)), Duration::ZERO);
            assert_eq!(backoff.retry_after_left(at(0)), Duration::ZERO);
        }
        for _ in 0..100 {
            fail(&mut backoff, at(0), None, Jitter::from_bits(u64::MAX));
        }
        assert_eq!(backoff.failures(), 108);
        let left = backoff.left(at(0)).as_secs_f64();
        assert!(
            (30.0..30.1).contains(&left),
            "half at most is taken: {left}"
        );
        assert_eq!(backoff.next_wait_up_to(secs(5), LONGEST_WAITS), secs(5));
        backoff.succeeded();
        fail(&mut backoff, at(0), None, LONGEST_WAITS);
        assert_eq!((backoff.failures(), backoff.left(at(0))), (1, secs(1)));
    }

    #[test]
    fn retry_after_is_honoured_up_to_5_min() {
        for (asked, waits, retry_after) in [
            (0, 1, 0),
            (1, 1, 1),
            (120, 120, 120),
            (300, 300, 300),
            (86_400, 300, 300),
        ] {
            let mut backoff = Backoff::new(BackoffRules::DEFAULT);
            fail(&mut backoff, at(0), Some(secs(asked)), LONGEST_WAITS);
            assert_eq!(backoff.left(at(0)), secs(waits), "{asked}");
            assert_eq!(
                backoff.retry_after_left(at(0)),
                secs(retry_after),
                "{asked}"
            );
        }
    }

    #[test]
    fn jitter_spreads_by_10_percent_and_shortens_by_half() {
        for (bits, spread, shortened) in [(0, 90, 100), (1 << 63, 100, 75), (u64::MAX, 110, 50)] {
            let jitter = Jitter::from_bits(bits);
            assert_eq!(
                jitter.spread(secs(100)).as_secs_f64().round(),
                f64::from(spread)
            );
            assert_eq!(
                jitter.shorten(secs(100)).as_secs_f64().round(),
                f64::from(shortened)
            );
        }
        assert_eq!(Jitter::from_bits(1 << 63), Jitter::MIDDLE);
        assert_ne!(Jitter::random(), Jitter::random());
    }

    #[test]
    fn end_of_time_does_not_panic() {
        let end = Moment::new(UnixTime::from_duration(Duration::MAX), Duration::MAX);
        let rules = BackoffRules {
            first: Duration::MAX,
            longest: Duration::MAX,
            longest_retry_after: Duration::MAX,
        };
        let mut backoff = Backoff::new(rules);
        fail(&mut backoff, end, Some(Duration::MAX), Jitter::MIDDLE);
        assert_eq!(backoff.left(end), Duration::ZERO);
    }
}
