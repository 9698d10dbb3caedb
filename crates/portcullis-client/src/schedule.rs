//! When a token is renewed, when it is not handed out any more, and when to ask again after a failure. Times in,
//! times out.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use portcullis_core::UnixTime;
use portcullis_worker::Jitter;

/// The life of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Before it was asked for: the server counts from later on.
    pub(crate) obtained_at: UnixTime,
    /// 80 % of its lifetime later, more or less.
    pub(crate) refresh_at: UnixTime,
    /// When it is renewed though nobody asks for it: `refresh_at`, but not right after it was obtained.
    pub(crate) idle_refresh_at: UnixTime,
    /// Before it expires, so that it does not on its way.
    pub(crate) withheld_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    /// A clock that tells less than this was set back: how old the token is cannot be told then.
    serves_from: UnixTime,
}

/// The most that a token is withheld before it expires.
const LONGEST_WITHHELD: Duration = Duration::from_secs(30);

/// A server whose tokens live for seconds is not asked more often than this while nobody asks for a token.
const SHORTEST_IDLE: Duration = Duration::from_secs(5);

impl Life {
    pub(crate) fn new(obtained_at: UnixTime, lifetime: Duration, jitter: Jitter) -> Self {
        let expires_at = obtained_at.saturating_add(lifetime);
        let withheld = (lifetime / 10).min(LONGEST_WITHHELD);
        let withheld_at = expires_at.saturating_sub(withheld);
        let refresh_at = obtained_at.saturating_add(jitter.spread(lifetime / 10 * 8));
        Self {
            obtained_at,
            // One that is not due is live: who knows the one need not ask the other.
            refresh_at: refresh_at.min(withheld_at),
            idle_refresh_at: refresh_at
                .min(withheld_at)
                .max(obtained_at.saturating_add(SHORTEST_IDLE)),
            withheld_at,
            expires_at,
            serves_from: obtained_at.saturating_sub(TOLERANCE),
        }
    }

    /// Whether it may be handed out. A clock that was set back makes no token young again.
    #[inline]
    pub(crate) fn is_live(&self, now: UnixTime) -> bool {
        self.serves_from <= now && now < self.withheld_at
    }

    #[inline]
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        now < self.serves_from || self.refresh_at <= now
    }

    /// Whether it is due though nobody asks for it.
    pub(crate) fn is_due_idle(&self, now: UnixTime) -> bool {
        now < self.serves_from || self.idle_refresh_at <= now
    }
}

/// By how much a clock may be corrected before its past is in doubt.
const TOLERANCE: Duration = Duration::from_secs(5);

/// How long the server is left alone after failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    failed_at: UnixTime,
    until: UnixTime,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// While calls fail for want of a token, the end of an outage must be noticed soon.
const LONGEST_WITHOUT_TOKEN: Duration = Duration::from_secs(5);
/// The shortest pause, used when the attempt itself took as long as the backoff.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) asked_at: UnixTime,
    pub(crate) failed_at: UnixTime,
    /// What the server asks for.
    pub(crate) retry_after: Option<Duration>,
    /// Until when there is a token all the same.
    pub(crate) serves_until: Option<UnixTime>,
}

impl Backoff {
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// After one more failure: twice as long as after the last, and no less than the server asks for. From the moment
    /// that there is no token, no longer than 5 s after the last attempt began.
    pub(crate) fn failed(self, failure: Failure, jitter: Jitter) -> Self {
        let Failure {
            asked_at,
            failed_at,
            retry_after,
            serves_until,
        } = failure;
        let backoff = FIRST.saturating_mul(1 << self.failures.min(31));
        let usual = failed_at.saturating_add(jitter.shorten(backoff.min(LONGEST)));
        let without_token = asked_at
            .min(failed_at)
            .saturating_add(jitter.shorten(backoff.min(LONGEST_WITHOUT_TOKEN)))
            .max(failed_at.saturating_add(SHORTEST))
            .max(serves_until.unwrap_or_default());
        let wait = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        Self {
            failures: self.failures.saturating_add(1),
            failed_at,
            until: usual.min(without_token).max(failed_at.saturating_add(wait)),
        }
    }

    /// How much longer the server is to be left alone; `None` when it may be asked.
    pub(crate) fn left(&self, now: UnixTime) -> Option<Duration> {
        // A clock that was set back would make this longer than it was meant to be.
        let is_running = self.failures > 0 && self.failed_at <= now && now < self.until;
        is_running.then(|| self.until.duration_since(now))
    }
}

/// Another one each time.
pub(crate) fn jitter() -> Jitter {
    Jitter::from_random(RandomState::new().hash_one(0))
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
    fn a_token_is_renewed_at_80_percent_and_withheld_in_its_last_tenth_or_30_s() {
        for (lifetime, refresh, withheld) in [
            (60, 48, 54),
            (300, 240, 270),
            (3600, 2880, 3570),
            (10, 8, 9),
        ] {
            let life = Life::new(START, secs(lifetime), Jitter::NONE);
            assert_eq!(life.refresh_at, at(refresh), "{lifetime}");
            assert_eq!(life.withheld_at, at(withheld), "{lifetime}");
            assert_eq!(life.expires_at, at(lifetime), "{lifetime}");
            assert!(life.is_live(START) && !life.is_due(START));
            assert!(life.is_live(at(withheld - 1)) && !life.is_live(at(withheld)));
            assert!(!life.is_due(at(refresh - 1)) && life.is_due(at(refresh)));
        }
    }

    #[test]
    fn a_short_token_is_renewed_after_5_s_if_nobody_asks() {
        for (lifetime, idle) in [(1, 5), (6, 5), (10, 8), (60, 48)] {
            let life = Life::new(START, secs(lifetime), Jitter::NONE);
            assert!(!life.is_due_idle(at(idle - 1)), "{lifetime}");
            assert!(life.is_due_idle(at(idle)), "{lifetime}");
            assert!(life.is_due(at(idle)), "{lifetime}");
        }
    }

    #[test]
    fn jitter_keeps_the_renewal_before_the_end() {
        for lifetime in 1..5_000 {
            for bits in [0, u64::MAX] {
                let life = Life::new(START, secs(lifetime), Jitter::from_random(bits));
                assert!(life.refresh_at < life.withheld_at, "{lifetime}");
                assert!(life.refresh_at >= START.saturating_add(secs(lifetime).mul_f64(0.7)));
            }
        }
    }

    #[test]
    fn nor_does_the_end_of_time_put_it_behind() {
        for left in [0, 1, 5, 29, 60] {
            let start = UnixTime::from_secs(u64::MAX - left);
            let life = Life::new(start, secs(3600), Jitter::NONE);
            assert!(life.refresh_at <= life.withheld_at, "{left}: {life:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_token_young_again() {
        let life = Life::new(START, secs(3600), Jitter::NONE);
        let back = START.saturating_sub(secs(6));
        assert!(!life.is_live(back) && life.is_due(back));
        assert!(
            life.is_live(START.saturating_sub(secs(5))),
            "a small correction"
        );
    }

    /// An attempt that failed at once.
    fn failure(retry_after: Option<u64>, serves_until: Option<UnixTime>) -> Failure {
        Failure {
            asked_at: START,
            failed_at: START,
            retry_after: retry_after.map(secs),
            serves_until,
        }
    }

    #[test]
    fn the_backoff_doubles_up_to_a_minute_and_heeds_the_server() {
        let serves = failure(None, Some(at(3600)));
        let mut backoff = Backoff::default();
        assert_eq!(backoff.left(START), None);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff = backoff.failed(serves, Jitter::from_random(0));
            assert_eq!(backoff.left(START), Some(secs(expected)));
            assert_eq!(backoff.left(at(expected)), None);
        }
        for (asked, waited) in [(7, 60), (120, 120), (100_000, 300)] {
            let failure = Failure {
                retry_after: Some(secs(asked)),
                ..serves
            };
            let backoff = backoff.failed(failure, Jitter::from_random(0));
            assert_eq!(backoff.left(START), Some(secs(waited)), "{asked}");
        }
        let back = START.saturating_sub(secs(1));
        assert_eq!(backoff.left(back), None, "the clock was set back");
    }

    #[test]
    fn without_a_token_the_backoff_ends_within_5_s() {
        let mut backoff = Backoff::default();
        for expected in [1, 2, 4, 5, 5, 5] {
            backoff = backoff.failed(failure(None, None), Jitter::from_random(0));
            assert_eq!(backoff.left(START), Some(secs(expected)));
        }
        // What the server asks for holds all the same.
        let asked = backoff.failed(failure(Some(30), None), Jitter::from_random(0));
        assert_eq!(asked.left(START), Some(secs(30)));
        // The token at hand ends before the minute does.
        let ends = backoff.failed(failure(None, Some(at(20))), Jitter::from_random(0));
        assert_eq!(ends.left(START), Some(secs(20)));
        let ends = backoff.failed(failure(None, Some(at(2))), Jitter::from_random(0));
        assert_eq!(ends.left(START), Some(secs(5)));
    }

    #[test]
    fn the_time_that_an_attempt_took_counts() {
        let mut backoff = Backoff::default();
        for _ in 0..4 {
            backoff = backoff.failed(failure(None, None), Jitter::from_random(0));
        }
        for (took, left) in [(0, 5_000), (3, 2_000), (5, 500), (60, 500)] {
            let hung = Failure {
                failed_at: at(took),
                ..failure(None, None)
            };
            let backoff = backoff.failed(hung, Jitter::from_random(0));
            let expected = Some(Duration::from_millis(left));
            assert_eq!(backoff.left(at(took)), expected, "{took}");
        }
    }
}
