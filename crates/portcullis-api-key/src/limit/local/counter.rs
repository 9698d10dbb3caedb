use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};

use crate::limit::rate::Limit;

/// Counts the requests of one subject.
pub(super) struct Counter {
    limit: Limit,
    limiter: RateLimiter<NotKeyed, InMemoryState, SetTime, StateInformationMiddleware>,
    /// In nanoseconds.
    interval: u64,
    burst: NonZeroU32,
    /// When the whole burst is available again, rounded up to an interval.
    full_at: Duration,
}

/// The longest time until a burst is available again, so that governor's sums fit into 64 bits of nanoseconds: 146 years.
const LONGEST_BURST: u64 = u64::MAX / 4;

impl Counter {
    pub(super) fn new(limit: Limit, now: Duration) -> Self {
        let period = limit.period().as_nanos() as u64; // at most a day
        // Rounded up, so that no more requests pass than the limit allows.
        let interval = period.div_ceil(u64::from(limit.requests().get())).max(1);
        let most = u32::try_from(LONGEST_BURST / interval).unwrap_or(u32::MAX);
        let burst =
            NonZeroU32::new(most).map_or(limit.burst_size(), |most| most.min(limit.burst_size()));
        let quota = Quota::with_period(Duration::from_nanos(interval))
            .expect("the interval is not zero")
            .allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(quota, SetTime::new(now));
        Self {
            limit,
            limiter: limiter.with_middleware(),
            interval,
            burst,
            full_at: now,
        }
    }

    /// Applies another limit from now on. The requests that were counted still count.
    pub(super) fn set_limit(&mut self, limit: Limit, now: Duration) {
        if self.limit == limit {
            return;
        }
        let left = self.full_at.saturating_sub(now).as_nanos();
        let used = left.div_ceil(u128::from(self.interval));
        *self = Self::new(limit, now);
        let used = u32::try_from(used)
            .unwrap_or(u32::MAX)
            .min(self.burst.get());
        if let Some(used) = NonZeroU32::new(used)
            && self.limiter.check_n(used).is_ok()
        {
            self.full_at = now + Duration::from_nanos(self.interval * u64::from(used.get()));
        }
    }

    /// Counts a request, or returns the wait until one is within the limit.
    pub(super) fn count(&mut self, now: Duration) -> Result<(), Duration> {
        self.limiter.clock().set(now);
        match self.limiter.check() {
            Ok(state) => {
                let used = self.burst.get() - state.remaining_burst_capacity();
                self.full_at = now + Duration::from_nanos(self.interval * u64::from(used));
                Ok(())
            }
            Err(until) => Err(until.wait_time_from(now)),
        }
    }

    pub(super) fn full_at(&self) -> Duration {
        self.full_at
    }
}

/// A clock that shows the time that it was set to, in nanoseconds. Atomic only since governor asks for a shared clock.
#[derive(Debug)]
struct SetTime(AtomicU64);

impl SetTime {
    fn new(now: Duration) -> Self {
        Self(AtomicU64::new(nanos(now)))
    }

    fn set(&self, now: Duration) {
        self.0.store(nanos(now), Ordering::Relaxed);
    }
}

/// The timeline ends long before this saturates.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock for SetTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
