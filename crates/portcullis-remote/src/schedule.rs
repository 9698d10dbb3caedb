//! When an issuer's keys are fetched, and how long the keys at hand may serve.

use std::time::Duration;

use portcullis_core::clock::{ClockOffset, Deadline, Moment};
use portcullis_worker::{Backoff, BackoffRules, Jitter};

/// When keys are fetched, and how long they serve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshRules {
    /// The shortest lifetime of a key set, whatever the issuer says. 5 min by default: some issuers forbid caching.
    pub shortest_lifetime: Duration,
    /// The longest lifetime of a key set, whatever the issuer says. 1 h by default: a withdrawn key must go.
    pub longest_lifetime: Duration,
    /// The lifetime of a key set when the issuer does not say. 10 min by default.
    pub default_lifetime: Duration,
    /// How long the issuer is left alone after failures; see [`BackoffRules`] for the defaults.
    pub backoff: BackoffRules,
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
            backoff: BackoffRules::DEFAULT,
            discovery_interval: minutes(60),
        }
    }
}

/// After this many failed fetches in a row the metadata is read again: the keys may have moved.
const FAILURES_BEFORE_DISCOVERY: u32 = 2;

/// A jump forward by this much may be a machine that slept: keys may have been withdrawn since.
const SLEEP: Duration = Duration::from_secs(60);

/// The schedule of one issuer's keys: events and times in, times out.
#[derive(Clone, Debug)]
pub(crate) struct RefreshSchedule {
    rules: RefreshRules,
    /// How long past its lifetime a set serves.
    pub(crate) stale_limit: Duration,
    /// The failures since the last success, and how long the issuer is left alone.
    pub(crate) backoff: Backoff,
    /// When to fetch next, unless a request asks for it earlier.
    pub(crate) due_at: Deadline,
    loaded: Option<Loaded>,
    pub(crate) discovered_at: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Loaded {
    at: Moment,
    /// Its age at that moment. Zero unless it came from disk or a clock jumped since.
    age: Duration,
    lifetime: Duration,
}

impl RefreshSchedule {
    pub(crate) fn new(rules: RefreshRules, stale_limit: Duration, now: Moment) -> Self {
        Self {
            backoff: Backoff::new(rules.backoff),
            rules,
            stale_limit,
            due_at: Deadline::after(now, Duration::ZERO),
            loaded: None,
            discovered_at: None,
        }
    }

    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.loaded.map(|loaded| loaded.lifetime)
    }

    /// How long ago the set at hand was fetched or confirmed.
    pub(crate) fn age(&self, now: Moment) -> Option<Duration> {
        self.loaded
            .map(|loaded| now.duration_since(loaded.at).saturating_add(loaded.age))
    }

    pub(crate) fn largest_age(&self) -> Option<Duration> {
        Some(self.lifetime()?.saturating_add(self.stale_limit))
    }

    /// How much longer the set at hand may serve; zero when it no longer may, `None` without a set.
    pub(crate) fn stale_in(&self, now: Moment) -> Option<Duration> {
        Some(self.largest_age()?.saturating_sub(self.age(now)?))
    }

    pub(crate) fn discovery_is_due(&self, now: Moment) -> bool {
        let is_old = self
            .discovered_at
            .is_none_or(|at| now.duration_since(at) >= self.rules.discovery_interval);
        is_old || self.backoff.failures() >= FAILURES_BEFORE_DISCOVERY
    }

    /// Notes that a set was fetched that may be kept for `max_age` (RFC 9111 §5.2.2.1), if the issuer said so.
    pub(crate) fn fetched(&mut self, now: Moment, max_age: Option<Duration>, jitter: Jitter) {
        let lifetime = self.clamp(max_age.unwrap_or(self.rules.default_lifetime));
        self.loaded = Some(Loaded {
            at: now,
            age: Duration::ZERO,
            lifetime,
        });
        self.backoff.succeeded();
        self.due_at = Deadline::after(now, jitter.spread(lifetime / 10 * 8));
    }

    /// Notes a 304. Without a new `max_age` the old lifetime holds (RFC 9111 §4.3.4).
    pub(crate) fn confirmed(&mut self, now: Moment, max_age: Option<Duration>, jitter: Jitter) {
        self.fetched(now, max_age.or(self.lifetime()), jitter);
    }

    /// Notes that a set was read from disk, unless it may no longer serve: then returns `false`. The next fetch stays due.
    pub(crate) fn restored(&mut self, now: Moment, lifetime: Duration, age: Duration) -> bool {
        let before = self.loaded.replace(Loaded {
            at: now,
            age,
            lifetime: self.clamp(lifetime),
        });
        let may_serve = self.stale_in(now).is_some_and(|left| !left.is_zero());
        if !may_serve {
            self.loaded = before;
        }
        may_serve
    }

    /// Notes that a fetch failed, and how long the issuer asked to be left alone.
    pub(crate) fn failed(&mut self, now: Moment, retry_after: Option<Duration>, jitter: Jitter) {
        let wait = self.backoff.next_wait(jitter);
        self.backoff.failed(now, wait, retry_after);
        self.due_at = Deadline::after(now, self.backoff.left(now));
    }

    /// Records the age that the set has now, which no later jump may reduce. After a jump ahead of at
    /// least [`SLEEP`], a fetch is due at once, or when `Retry-After` ends.
    pub(crate) fn clock_jumped(&mut self, now: Moment, jump: ClockOffset) {
        if let Some(age) = self.age(now)
            && let Some(loaded) = &mut self.loaded
        {
            (loaded.at, loaded.age) = (now, age);
        }
        if matches!(jump, ClockOffset::Ahead(by) if by >= SLEEP) {
            let allowed = Deadline::after(now, self.backoff.retry_after_left(now));
            self.due_at = self.due_at.earlier(allowed);
        }
    }

    fn clamp(&self, lifetime: Duration) -> Duration {
        lifetime
            .min(self.rules.longest_lifetime)
            .max(self.rules.shortest_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::UnixTime;

    use super::*;

    const LIMIT: u64 = 600 + 6 * 3600;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// That many seconds after the start, by both clocks.
    fn at(seconds: u64) -> Moment {
        Moment::new(UnixTime::from_secs(1_000_000 + seconds), secs(50 + seconds))
    }

    fn schedule() -> RefreshSchedule {
        RefreshSchedule::new(RefreshRules::default(), secs(6 * 3600), at(0))
    }

    fn loaded() -> RefreshSchedule {
        let mut schedule = schedule();
        schedule.fetched(at(0), Some(secs(600)), Jitter::MIDDLE);
        schedule
    }

    #[test]
    fn lifetime_is_clamped_and_refreshed_at_80_percent() {
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
            schedule.fetched(at(0), max_age.map(secs), Jitter::MIDDLE);
            assert_eq!(schedule.lifetime(), Some(secs(lifetime)), "{max_age:?}");
            let due_in = schedule.due_at.left(at(0));
            assert_eq!(due_in, secs(lifetime) / 10 * 8, "{max_age:?}");
            let stale_in = schedule.stale_in(at(0));
            assert_eq!(stale_in, Some(secs(lifetime + 6 * 3600)), "{max_age:?}");
        }
    }

    #[test]
    fn confirmed_set_keeps_its_lifetime_unless_told_otherwise() {
        let mut schedule = schedule();
        schedule.fetched(at(0), Some(secs(900)), Jitter::MIDDLE);
        schedule.confirmed(at(700), None, Jitter::MIDDLE);
        assert_eq!(schedule.lifetime(), Some(secs(900)));
        assert_eq!(schedule.age(at(710)), Some(secs(10)));
        schedule.confirmed(at(800), Some(secs(400)), Jitter::MIDDLE);
        assert_eq!(schedule.lifetime(), Some(secs(400)));
    }

    #[test]
    fn failures_put_the_next_fetch_off_until_a_success() {
        let mut schedule = loaded();
        for waits in [1, 2, 4] {
            schedule.failed(at(480), None, Jitter::from_bits(0));
            assert_eq!(schedule.due_at.left(at(480)), secs(waits));
        }
        schedule.failed(at(480), Some(secs(120)), Jitter::MIDDLE);
        assert_eq!(schedule.due_at.left(at(480)), secs(120));
        assert_eq!(schedule.backoff.failures(), 4);
        schedule.fetched(at(600), None, Jitter::MIDDLE);
        assert_eq!(schedule.backoff.failures(), 0);
    }

    #[test]
    fn set_serves_until_its_stale_limit() {
        let mut schedule = schedule();
        assert_eq!(schedule.stale_in(at(0)), None, "there is none yet");
        schedule = loaded();
        schedule.failed(at(480), None, Jitter::MIDDLE);
        let left = schedule.stale_in(at(LIMIT - 1));
        assert_eq!(left, Some(secs(1)), "failures do not shorten it");
        assert_eq!(schedule.stale_in(at(LIMIT)), Some(Duration::ZERO));
        schedule.stale_limit = secs(24 * 3600);
        assert_eq!(schedule.stale_in(at(LIMIT)), Some(secs(18 * 3600)));
        schedule.stale_limit = Duration::MAX;
        assert!(
            schedule.stale_in(at(u64::MAX / 2)).is_some(),
            "it saturates"
        );
    }

    #[test]
    fn set_from_disk_serves_within_the_limit_and_stays_due() {
        let mut schedule = schedule();
        assert!(schedule.restored(at(0), secs(600), secs(3600)));
        assert!(schedule.due_at.is_reached(at(0)));
        assert_eq!(schedule.age(at(5)), Some(secs(3605)));
        assert_eq!(schedule.stale_in(at(0)), Some(secs(LIMIT - 3600)));
        for (lifetime, age) in [
            (secs(600), secs(LIMIT)),
            (secs(600), Duration::MAX),
            (Duration::MAX, secs(7 * 3600)),
        ] {
            let mut schedule = self::schedule();
            assert!(!schedule.restored(at(0), lifetime, age), "{age:?}");
            assert_eq!(schedule.age(at(0)), None);
        }
    }

    #[test]
    fn discovery_is_due_at_first_hourly_and_after_two_failures() {
        let mut schedule = schedule();
        assert!(schedule.discovery_is_due(at(0)));
        schedule.discovered_at = Some(at(0));
        assert!(!schedule.discovery_is_due(at(3599)));
        assert!(schedule.discovery_is_due(at(3600)));
        schedule.failed(at(0), None, Jitter::MIDDLE);
        assert!(!schedule.discovery_is_due(at(0)));
        schedule.failed(at(0), None, Jitter::MIDDLE);
        assert!(schedule.discovery_is_due(at(0)));
        schedule.fetched(at(0), None, Jitter::MIDDLE);
        assert!(!schedule.discovery_is_due(at(0)));
    }

    #[test]
    fn clock_jumps_make_no_set_younger() {
        let mut schedule = loaded();
        let slept = Moment::new(at(7200).wall(), at(10).monotonic());
        schedule.clock_jumped(slept, ClockOffset::Ahead(secs(7190)));
        assert_eq!(schedule.age(slept), Some(secs(7200)));
        assert!(schedule.due_at.is_reached(slept));
        let back = Moment::new(at(0).wall(), at(20).monotonic());
        schedule.clock_jumped(back, ClockOffset::Behind(secs(7210)));
        assert_eq!(schedule.age(back), Some(secs(7210)));

        let mut schedule = loaded();
        schedule.failed(at(0), Some(secs(120)), Jitter::MIDDLE);
        schedule.clock_jumped(at(1), ClockOffset::Ahead(secs(60)));
        let due_in = schedule.due_at.left(at(1));
        assert_eq!(due_in, secs(119), "the issuer asked to be left alone");
        let mut schedule = loaded();
        schedule.clock_jumped(at(1), ClockOffset::Ahead(secs(59)));
        assert_eq!(schedule.due_at.left(at(1)), secs(479), "no sleep");
    }

    #[test]
    fn end_of_time_does_not_panic() {
        let end = Moment::new(UnixTime::from_duration(Duration::MAX), Duration::MAX);
        let mut schedule = schedule();
        schedule.fetched(end, Some(Duration::MAX), Jitter::MIDDLE);
        schedule.failed(end, Some(Duration::MAX), Jitter::MIDDLE);
        schedule.clock_jumped(end, ClockOffset::Ahead(Duration::MAX));
        assert!(schedule.due_at.is_reached(end));
    }
}
