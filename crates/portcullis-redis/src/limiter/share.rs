//! What an instance enforces while Redis cannot be reached.

use portcullis_api_key::{Limit, LimitDecision, LocalLimiter, Quota};
use portcullis_core::clock::UnixTime;

/// Counts in this process, with limits divided by the number of instances.
pub(super) struct Share {
    local: LocalLimiter,
    instances: u32,
}

impl Share {
    pub(super) fn new(instances: u32) -> Self {
        Self {
            local: LocalLimiter::new(),
            instances,
        }
    }

    pub(super) fn decide(&self, quotas: &[Quota<'_>], now: UnixTime) -> LimitDecision {
        let divided = quotas.iter().map(|quota| Quota {
            limit: self.share_of(quota.limit),
            ..*quota
        });
        self.local.decide(&divided.collect::<Vec<_>>(), now)
    }

    /// The limit divided by the number of instances. An instance admits at least one request in a day.
    fn share_of(&self, limit: Limit) -> Limit {
        let (requests, burst) = (limit.requests().get(), limit.burst_size().get());
        // A longer period divides exactly, but must not be longer than a day.
        Limit::new(requests, limit.period() * self.instances)
            .or_else(|_| Limit::new((requests / self.instances).max(1), limit.period()))
            .and_then(|share| share.burst((burst / self.instances).max(1)))
            .unwrap_or(limit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn shares_add_up_to_the_limit_at_most() {
        let limit = |requests, seconds| {
            Limit::new(requests, Duration::from_secs(seconds)).expect("a limit")
        };
        const DAY: u64 = 24 * 60 * 60;
        for (whole, instances, share, burst) in [
            (limit(100, 60), 1, limit(100, 60), 100),
            (limit(100, 60), 3, limit(100, 180), 33),
            (limit(2, 60), 3, limit(2, 180), 1),
            (limit(100, DAY), 3, limit(33, DAY), 33),
            (limit(2, DAY), 3, limit(1, DAY), 1),
        ] {
            let share = share.burst(burst).expect("a burst");
            assert_eq!(Share::new(instances).share_of(whole), share, "{whole}");
        }
    }
}
