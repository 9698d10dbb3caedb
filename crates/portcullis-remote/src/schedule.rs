//! When an issuer's keys are fetched next, and how long those at hand may serve.

use std::time::Duration;

use portcullis_worker::Jitter;

/// The limits of a [`RefreshSchedule`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshRules {
    /// The least lifetime a set is given, whatever the issuer says. 5 min by default: some issuers forbid caching,
    /// and keys do not change by the request.
    pub shortest_lifetime: Duration,
    /// The longest lifetime a set is given, whatever the issuer says. 1 h by default: a withdrawn key must go.
    pub longest_lifetime: Duration,
    /// The lifetime of a set when the issuer says nothing. 10 min by default.
    pub default_lifetime: Duration,
    /// How long past its lifetime a set serves while no newer can be had. 6 h by default.
    pub stale_limit: Duration,
    /// The wait after a first failure, doubled by each further one. 1 s by default.
    pub first_backoff: Duration,
    /// The longest wait after failures. 60 s by default.
    pub longest_backoff: Duration,
    /// The longest `Retry-After` (RFC 9110 §10.2.3) that is honoured. 5 min by default.
    pub longest_retry_after: Duration,
    /// How often the issuer's metadata is read again. 1 h by default.
    pub discovery_interval: Duration,
}

impl Default for RefreshRules {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            shortest_lifetime: minutes(5),
            longest_lifetime: minutes(60),
            default_lifetime: minutes(10),
            stale_limit: minutes(6 * 60),
            first_backoff: Duration::from_secs(1),
            longest_backoff: minutes(1),
            longest_retry_after: minutes(5),
            discovery_interval: minutes(60),
        }
    }
}

/// After how many failed fetches in a row the issuer's metadata is read again: its keys may have moved.
const FAILURES_BEFORE_DISCOVERY: u32 = 2;

/// The schedule of one issuer's keys: what happened and when goes in, when to act comes out.
///
/// Times are those of a monotonic clock, counted from any fixed moment: no jump of the wall clock moves them.
///
/// ```
/// use std::time::Duration;
/// use portcullis_remote::{RefreshRules, RefreshSchedule};
/// use portcullis_worker::Jitter;
///
/// let now = Duration::from_secs(1000);
/// let mut schedule = RefreshSchedule::new(RefreshRules::default(), now);
/// assert_eq!(schedule.due_at(), now);
///
/// schedule.fetched(now, Some(Duration::from_secs(600)), Jitter::NONE);
/// assert_eq!(schedule.due_at(), now + Duration::from_secs(480), "80 % of the lifetime");
/// assert_eq!(schedule.stale_in(now), Some(Duration::from_secs(600 + 6 * 3600)));
/// ```
#[derive(Clone, Debug)]
pub struct RefreshSchedule {
    rules: RefreshRules,
    due_at: Duration,
    not_before: Duration,
    failures: u32,
    loaded: Option<Loaded>,
    discovered_at: Option<Duration>,
}

/// The set at hand.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    at: Duration,
    /// How old it was then, and what the clock has missed since: only a set that was kept over a restart was not new.
    age: Duration,
    lifetime: Duration,
}

impl RefreshSchedule {
    /// The schedule of keys that are not there yet: they are due at once.
    #[must_use]
    pub fn new(rules: RefreshRules, now: Duration) -> Self {
        Self {
            rules,
            due_at: now,
            not_before: now,
            failures: 0,
            loaded: None,
            discovered_at: None,
        }
    }

    /// When to fetch next, if nothing calls for it earlier.
    #[must_use]
    pub fn due_at(&self) -> Duration {
        self.due_at
    }

    /// From when on the issuer is willing to be asked: it may have answered `Retry-After`.
    #[must_use]
    pub fn not_before(&self) -> Duration {
        self.not_before
    }

    /// How many attempts have failed since the last that did not.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The lifetime of the set at hand.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.loaded.map(|loaded| loaded.lifetime)
    }

    /// How long ago the set at hand was fetched or confirmed.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.loaded
            .map(|loaded| now.saturating_sub(loaded.at).saturating_add(loaded.age))
    }

    /// How much longer the set at hand may serve; zero when it no longer may.
    #[must_use]
    pub fn stale_in(&self, now: Duration) -> Option<Duration> {
        let limit = self.lifetime()?.saturating_add(self.rules.stale_limit);
        Some(limit.saturating_sub(self.age(now)?))
    }

    /// Whether the issuer's metadata is to be read before the keys.
    #[must_use]
    pub fn discovery_is_due(&self, now: Duration) -> bool {
        let is_old = self
            .discovered_at
            .is_none_or(|at| now.saturating_sub(at) >= self.rules.discovery_interval);
        is_old || self.failures >= FAILURES_BEFORE_DISCOVERY
    }

    /// Notes that the issuer's metadata was read.
    pub fn discovered(&mut self, now: Duration) {
        self.discovered_at = Some(now);
    }

    /// Notes that a set was fetched, that may be kept for `max_age` (RFC 9111 §5.2.2.1) if the issuer said so.
    pub fn fetched(&mut self, now: Duration, max_age: Option<Duration>, jitter: Jitter) {
        let lifetime = max_age.unwrap_or(self.rules.default_lifetime);
        self.renew(now, lifetime, jitter);
    }

    /// Notes that the issuer confirmed the set at hand (304). Without a new `max_age` the old lifetime holds
    /// (RFC 9111 §4.3.4).
    pub fn confirmed(&mut self, now: Duration, max_age: Option<Duration>, jitter: Jitter) {
        let lifetime = max_age
            .or(self.lifetime())
            .unwrap_or(self.rules.default_lifetime);
        self.renew(now, lifetime, jitter);
    }

    /// Notes that a set was kept over a restart. The next fetch stays due. Answers whether the set may still serve;
    /// if not, nothing changes.
    pub fn restored(&mut self, now: Duration, lifetime: Duration, age: Duration) -> bool {
        let before = self.loaded;
        self.loaded = Some(Loaded {
            at: now,
            age,
            lifetime: self.clamp(lifetime),
        });
        if self.stale_in(now).is_some_and(|left| !left.is_zero()) {
            return true;
        }
        self.loaded = before;
        false
    }

    /// Notes that an attempt failed, and how long the issuer asked to be left alone.
    pub fn failed(&mut self, now: Duration, retry_after: Option<Duration>, jitter: Jitter) {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let backoff = self
            .rules
            .first_backoff
            .saturating_mul(1 << doublings)
            .min(self.rules.longest_backoff);
        let wait = retry_after
            .unwrap_or_default()
            .min(self.rules.longest_retry_after);
        self.not_before = now.saturating_add(wait);
        self.due_at = now.saturating_add(jitter.shorten(backoff).max(wait));
    }

    /// Brings the next fetch forward, as far as the issuer allows.
    pub fn hurry(&mut self, now: Duration) {
        self.due_at = self.due_at.min(now.max(self.not_before));
    }

    /// Notes that the set at hand is older by this much than the clock of the schedule tells: the machine may have
    /// slept, and such a clock with it.
    pub fn slept(&mut self, by: Duration) {
        if let Some(loaded) = &mut self.loaded {
            loaded.age = loaded.age.saturating_add(by);
        }
    }

    /// Changes how long past its lifetime a set serves.
    pub fn set_stale_limit(&mut self, limit: Duration) {
        self.rules.stale_limit = limit;
    }

    fn renew(&mut self, now: Duration, lifetime: Duration, jitter: Jitter) {
        let lifetime = self.clamp(lifetime);
        self.loaded = Some(Loaded {
            at: now,
            age: Duration::ZERO,
            lifetime,
        });
        self.failures = 0;
        self.not_before = now;
        self.due_at = now.saturating_add(jitter.spread(lifetime / 10 * 8));
    }

    fn clamp(&self, lifetime: Duration) -> Duration {
        lifetime
            .min(self.rules.longest_lifetime)
            .max(self.rules.shortest_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(50);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn schedule() -> RefreshSchedule {
        RefreshSchedule::new(RefreshRules::default(), START)
    }

    #[test]
    fn a_lifetime_is_clamped_and_refreshed_at_80_percent() {
        for (max_age, lifetime) in [
            (None, 600),
            (Some(0), 300),
            (Some(299), 300),
            (Some(301), 301),
            (Some(3599), 3599),
            (Some(3601), 3600),
            (Some(u64::MAX), 3600),
        ] {
            let mut schedule = schedule();
            schedule.fetched(START, max_age.map(secs), Jitter::NONE);
            assert_eq!(schedule.lifetime(), Some(secs(lifetime)), "{max_age:?}");
            assert_eq!(
                schedule.due_at(),
                START + secs(lifetime) / 10 * 8,
                "{max_age:?}"
            );
            assert_eq!(
                schedule.stale_in(START),
                Some(secs(lifetime + 6 * 3600)),
                "{max_age:?}"
            );
        }
    }

    #[test]
    fn jitter_spreads_the_refresh_by_10_percent_and_no_further() {
        for (bits, least, most) in [
            (0, 432.0, 432.0),
            (u64::MAX, 527.9, 528.0),
            (1 << 63, 480.0, 480.0),
        ] {
            let mut schedule = schedule();
            schedule.fetched(Duration::ZERO, Some(secs(600)), Jitter::from_random(bits));
            let due = schedule.due_at().as_secs_f64();
            assert!((least..=most).contains(&due), "{bits}: {due}");
        }
        assert_eq!(Jitter::from_random(1 << 63), Jitter::NONE);
    }

    #[test]
    fn a_confirmed_set_keeps_its_lifetime_unless_told_otherwise() {
        let mut schedule = schedule();
        schedule.fetched(START, Some(secs(900)), Jitter::NONE);
        schedule.confirmed(START + secs(700), None, Jitter::NONE);
        assert_eq!(schedule.lifetime(), Some(secs(900)));
        assert_eq!(schedule.age(START + secs(710)), Some(secs(10)));
        schedule.confirmed(START + secs(800), Some(secs(400)), Jitter::NONE);
        assert_eq!(schedule.lifetime(), Some(secs(400)));
    }

    #[test]
    fn failures_back_off_from_1_s_to_60_s() {
        let mut schedule = schedule();
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            schedule.failed(START, None, Jitter::from_random(0));
            assert_eq!(schedule.due_at(), START + secs(expected));
        }
        for _ in 0..100 {
            schedule.failed(START, None, Jitter::from_random(u64::MAX));
        }
        let wait = (schedule.due_at() - START).as_secs_f64();
        assert!(
            (30.0..30.1).contains(&wait),
            "at most half is taken away: {wait}"
        );
        assert_eq!(schedule.failures(), 109);

        schedule.fetched(START, None, Jitter::NONE);
        schedule.failed(START, None, Jitter::from_random(0));
        assert_eq!(schedule.due_at(), START + secs(1), "a success starts anew");
    }

    #[test]
    fn retry_after_is_honoured_up_to_5_min() {
        for (retry_after, due, not_before) in [
            (0, 1, 0),
            (1, 1, 1),
            (120, 120, 120),
            (300, 300, 300),
            (86_400, 300, 300),
        ] {
            let mut schedule = schedule();
            schedule.failed(START, Some(secs(retry_after)), Jitter::from_random(0));
            assert_eq!(schedule.due_at(), START + secs(due), "{retry_after}");
            assert_eq!(
                schedule.not_before(),
                START + secs(not_before),
                "{retry_after}"
            );
        }
        let mut schedule = schedule();
        schedule.failed(START, Some(secs(120)), Jitter::NONE);
        schedule.hurry(START + secs(1));
        assert_eq!(
            schedule.due_at(),
            START + secs(120),
            "hurry does not override it"
        );
        schedule.failed(START + secs(120), None, Jitter::NONE);
        assert_eq!(schedule.not_before(), START + secs(120), "it holds once");
    }

    #[test]
    fn hurry_brings_a_fetch_forward_and_never_puts_it_off() {
        let mut schedule = schedule();
        schedule.fetched(START, None, Jitter::NONE);
        schedule.hurry(START + secs(5));
        assert_eq!(schedule.due_at(), START + secs(5));
        schedule.hurry(START + secs(9));
        assert_eq!(schedule.due_at(), START + secs(5));
    }

    #[test]
    fn a_set_serves_until_its_stale_limit() {
        let mut schedule = schedule();
        assert_eq!(schedule.stale_in(START), None, "there is none yet");
        schedule.fetched(START, Some(secs(600)), Jitter::NONE);
        let limit = secs(600 + 6 * 3600);
        schedule.failed(START + secs(480), None, Jitter::NONE);
        assert_eq!(
            schedule.stale_in(START + limit - secs(1)),
            Some(secs(1)),
            "failures do not shorten it"
        );
        assert_eq!(schedule.stale_in(START + limit), Some(Duration::ZERO));
        schedule.set_stale_limit(secs(24 * 3600));
        assert_eq!(
            schedule.stale_in(START + limit),
            Some(secs(18 * 3600)),
            "extended while running"
        );
        schedule.set_stale_limit(Duration::MAX);
        assert!(
            schedule.stale_in(Duration::MAX).is_some(),
            "and it saturates"
        );
    }

    #[test]
    fn a_kept_set_serves_within_the_limit_and_stays_due() {
        let mut schedule = schedule();
        assert!(schedule.restored(START, secs(600), secs(3600)));
        assert_eq!(schedule.due_at(), START);
        assert_eq!(schedule.age(START + secs(5)), Some(secs(3605)));
        assert_eq!(schedule.stale_in(START), Some(secs(600 + 5 * 3600)));
        for too_old in [secs(600 + 6 * 3600), Duration::MAX] {
            let mut schedule = self::schedule();
            assert!(!schedule.restored(START, secs(600), too_old));
            assert_eq!(schedule.age(START), None);
        }
        let mut schedule = self::schedule();
        assert!(
            !schedule.restored(START, Duration::MAX, secs(7 * 3600)),
            "a kept lifetime is clamped too"
        );
    }

    #[test]
    fn discovery_is_due_at_first_hourly_and_after_two_failures() {
        let mut schedule = schedule();
        assert!(schedule.discovery_is_due(START));
        schedule.discovered(START);
        assert!(!schedule.discovery_is_due(START + secs(3599)));
        assert!(schedule.discovery_is_due(START + secs(3600)));
        schedule.failed(START, None, Jitter::NONE);
        assert!(!schedule.discovery_is_due(START));
        schedule.failed(START, None, Jitter::NONE);
        assert!(schedule.discovery_is_due(START));
        schedule.discovered(START);
        schedule.fetched(START, None, Jitter::NONE);
        assert!(!schedule.discovery_is_due(START));
    }

    #[test]
    fn the_end_of_time_does_not_panic() {
        let mut schedule = schedule();
        schedule.fetched(Duration::MAX, Some(Duration::MAX), Jitter::NONE);
        schedule.failed(Duration::MAX, Some(Duration::MAX), Jitter::NONE);
        schedule.hurry(Duration::MAX);
        assert_eq!(schedule.due_at(), Duration::MAX);
    }
}
