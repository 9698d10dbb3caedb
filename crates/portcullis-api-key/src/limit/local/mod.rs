//! Limits in this process.

mod counter;
mod table;
mod timeline;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use portcullis_core::clock::UnixTime;

use super::limiter::{LimitCheck, LimitDecision, LimitSubject, Limiter, Quota};
use crate::format::ApiKeyId;
use table::Table;
use timeline::Timeline;

/// Counts in this process, so each instance of a service has limits of its own. `portcullis-redis` has a limiter for all together.
///
/// The algorithm is GCRA, a leaky bucket: as many requests as the burst pass at once, after that the limit's share of time must
/// pass for each. A subject needs about 150 bytes from its first request until its whole burst is available again. If there are too
/// many subjects (100,000 by default), those closest to that are dropped, and start anew with a whole burst.
///
/// The limit of the key is counted before that of the owner. A request that only the owner's limit refuses counts against the key.
pub struct LocalLimiter {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

/// A part of the subjects, so that threads rarely wait for each other.
struct Shard {
    timeline: Timeline,
    keys: Table<ApiKeyId>,
    owners: Table<String>,
}

impl LocalLimiter {
    /// A limiter for up to 100,000 subjects: keys and owners.
    #[must_use]
    pub fn new() -> Self {
        Self::with_most_subjects(100_000)
    }

    /// A limiter that counts for at most `most` keys and as many owners at the same time, and at least for one of each.
    #[must_use]
    pub fn with_most_subjects(most: usize) -> Self {
        let shards = if most >= 1_024 { 16 } else { 1 };
        let make = |_| {
            Mutex::new(Shard {
                timeline: Timeline::default(),
                keys: Table::new(most / shards),
                owners: Table::new(most / shards),
            })
        };
        Self {
            shards: (0..shards).map(make).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one request against each of the quotas. As [`check`](Limiter::check), which also decides at once.
    #[must_use]
    pub fn decide(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitDecision {
        for (quota, of) in quotas.iter().enumerate() {
            if let Err(retry_after) = self.count(of, now) {
                return LimitDecision::Exceeded { quota, retry_after };
            }
        }
        LimitDecision::Admitted
    }

    /// The wait, if the request is over the limit.
    fn count(&self, quota: &Quota<'_>, now: UnixTime) -> Result<(), Duration> {
        let hash = self.hasher.hash_one(quota.subject);
        let shard = &self.shards[hash as usize % self.shards.len()];
        // The data is consistent after a panic: a counter changes in one step.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = shard.timeline.advance(now);
        match quota.subject {
            LimitSubject::Key(id) => shard.keys.count(id, quota.limit, elapsed),
            LimitSubject::Owner(owner) => shard.owners.count(owner, quota.limit, elapsed),
        }
    }
}

impl Default for LocalLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl Limiter for LocalLimiter {
    fn check(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitCheck {
        LimitCheck::Ready(self.decide(quotas, now))
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::rate::Limit;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn limit(requests: u32, seconds: u64) -> Limit {
        Limit::new(requests, Duration::from_secs(seconds)).expect("a limit")
    }

    fn owner(name: &str, limit: Limit) -> Quota<'_> {
        Quota {
            subject: LimitSubject::Owner(name),
            limit,
        }
    }

    fn admitted(limiter: &LocalLimiter, quota: Quota<'_>, now: UnixTime, tries: u32) -> u32 {
        let passes = |_: &u32| limiter.decide(&[quota], now) == LimitDecision::Admitted;
        (0..tries).filter(passes).count() as u32
    }

    #[test]
    fn burst_is_exact_and_refills_evenly() {
        let limiter = LocalLimiter::new();
        let quota = owner("a", limit(3, 1).burst(7).expect("a burst"));
        assert_eq!(admitted(&limiter, quota, NOW, 20), 7);
        let refused = limiter.decide(&[quota], NOW);
        let wait = Duration::from_nanos(333_333_334);
        let expected = LimitDecision::Exceeded {
            quota: 0,
            retry_after: wait,
        };
        assert_eq!(refused, expected);
        let later = NOW.saturating_add(wait);
        assert_eq!(admitted(&limiter, quota, later, 20), 1);
        let much_later = later.saturating_add(Duration::from_secs(60));
        assert_eq!(admitted(&limiter, quota, much_later, 20), 7);
    }

    #[test]
    fn subjects_have_counters_of_their_own() {
        let limiter = LocalLimiter::new();
        for name in ["a", "b"] {
            assert_eq!(admitted(&limiter, owner(name, limit(2, 1)), NOW, 5), 2);
        }
        let id: ApiKeyId = "000000000000".parse().expect("an id");
        let key = Quota {
            subject: LimitSubject::Key(&id),
            limit: limit(2, 1),
        };
        assert_eq!(admitted(&limiter, key, NOW, 5), 2);
    }

    #[test]
    fn key_over_its_limit_leaves_the_quota_of_its_owner() {
        let limiter = LocalLimiter::new();
        let id: ApiKeyId = "000000000000".parse().expect("an id");
        let key = Quota {
            subject: LimitSubject::Key(&id),
            limit: limit(1, 60),
        };
        let of_owner = owner("a", limit(3, 60));
        for _ in 0..10 {
            let _ = limiter.decide(&[key, of_owner], NOW);
        }
        assert_eq!(admitted(&limiter, of_owner, NOW, 10), 2);
    }

    #[test]
    fn changed_limit_keeps_the_requests_that_were_counted() {
        let limiter = LocalLimiter::new();
        assert_eq!(admitted(&limiter, owner("a", limit(10, 60)), NOW, 4), 4);
        assert_eq!(admitted(&limiter, owner("a", limit(6, 60)), NOW, 10), 2);
    }

    #[test]
    fn clock_that_is_set_back_stops_nobody() {
        let limiter = LocalLimiter::new();
        let quota = owner("a", limit(1, 10));
        assert_eq!(admitted(&limiter, quota, NOW, 5), 1);
        let back = NOW.saturating_sub(Duration::from_secs(3600));
        assert_eq!(admitted(&limiter, quota, back, 5), 0);
        let next = back.saturating_add(Duration::from_secs(10));
        assert_eq!(admitted(&limiter, quota, next, 5), 1);
    }

    #[test]
    fn extreme_limits_do_not_overflow() {
        let limiter = LocalLimiter::new();
        let slow = limit(1, 86_400).burst(u32::MAX).expect("a burst");
        let fast = limit(u32::MAX, 1);
        for (name, limit) in [("slow", slow), ("fast", fast)] {
            assert_eq!(admitted(&limiter, owner(name, limit), NOW, 1_000), 1_000);
            let end = UnixTime::from_duration(Duration::MAX);
            assert_eq!(admitted(&limiter, owner(name, limit), end, 10), 10);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = LocalLimiter::with_most_subjects(100);
        let held = |limiter: &LocalLimiter| {
            let shard = limiter.shards[0].lock().expect("no panic");
            shard.owners.len()
        };
        let hot = owner("hot", limit(1_000, 3_600));
        admitted(&limiter, hot, NOW, 1_000);
        for n in 0..10_000 {
            let name = format!("owner {n}");
            admitted(&limiter, owner(&name, limit(10, 3_600)), NOW, 1);
            assert!(held(&limiter) <= 100, "{}", held(&limiter));
        }
        // The subject that is furthest from a whole burst is kept.
        assert_eq!(admitted(&limiter, hot, NOW, 1), 0);
    }

    #[test]
    fn subjects_with_a_whole_burst_are_dropped() {
        let limiter = LocalLimiter::with_most_subjects(1_000);
        for second in 0..1_000 {
            let name = format!("owner {second}");
            let now = NOW.saturating_add(Duration::from_secs(second));
            admitted(&limiter, owner(&name, limit(1, 1)), now, 1);
        }
        let shard = limiter.shards[0].lock().expect("no panic");
        assert!(shard.owners.len() <= 64, "{}", shard.owners.len());
    }
}
