//! A rate limit, for runs that requests cause.

use std::time::Duration;

/// The limits of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetRules {
    /// How many may be taken at once from a full budget. 2 by default, for an issuer's keys: a key that appears while the
    /// set is being replaced needs a second fetch.
    pub burst: u32,
    /// How long it takes to earn one more. 10 s by default: a new key is found within that time, even while strangers spend
    /// the budget.
    pub refill: Duration,
}

impl Default for BudgetRules {
    fn default() -> Self {
        Self::new(2, Duration::from_secs(10))
    }
}

impl BudgetRules {
    /// Sets `burst` and `refill`.
    pub const fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill }
    }

    /// `refill`, limited to a century, so that sums of times do not overflow.
    fn refill(&self) -> Duration {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        self.refill.min(CENTURY)
    }
}

/// A rate limit (token bucket): within any time `t`, at most `burst + t / refill` are taken. [`take`](Self::take) does not
/// change the budget: it returns the budget that is left. Times are those of a monotonic clock, from any fixed point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// When the budget is full again. This is its whole state.
    full_at: Duration,
}

impl Budget {
    /// The budget that is left after one is taken at `now`; `None` if it is spent.
    #[must_use]
    pub fn take(self, rules: &BudgetRules, now: Duration) -> Option<Self> {
        let refill = rules.refill();
        let full_at = self.full_at.max(now).saturating_add(refill);
        let debt = full_at - now;
        (debt <= refill.saturating_mul(rules.burst)).then_some(Self { full_at })
    }

    /// How long after `now` one can be taken; `None` if never.
    pub fn available_in(self, rules: &BudgetRules, now: Duration) -> Option<Duration> {
        let credit = rules.refill().saturating_mul(rules.burst.checked_sub(1)?);
        Some(self.full_at.saturating_sub(credit).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which one was granted.
    fn granted(rules: BudgetRules, at: &[u64]) -> Vec<u64> {
        let mut budget = Budget::default();
        let mut granted = Vec::new();
        for &second in at {
            if let Some(left) = budget.take(&rules, Duration::from_secs(second)) {
                budget = left;
                granted.push(second);
            }
        }
        granted
    }

    #[test]
    fn two_at_once_then_one_for_each_10_s() {
        let cases: &[(&[u64], &[u64])] = &[
            (&[0, 0, 0], &[0, 0]),
            (&[5, 6, 14, 15, 16], &[5, 6, 15]),
            (&[0, 7, 9, 10, 19, 20, 21], &[0, 7, 10, 20]),
            // The second is taken late: the clock of the refill still runs from when the budget left full.
            (&[0, 9, 10, 11], &[0, 9, 10]),
            // Full again after a quiet time, and never fuller than that.
            (&[0, 1, 20, 20, 20], &[0, 1, 20, 20]),
            (
                &[0, 1, 100_000, 100_000, 100_000],
                &[0, 1, 100_000, 100_000],
            ),
        ];
        for (at, expected) in cases {
            assert_eq!(granted(BudgetRules::default(), at), *expected, "{at:?}");
        }
    }

    #[test]
    fn spray_stays_within_the_bound() {
        let spray: Vec<u64> = (0..600).flat_map(|second| [second; 20]).collect();
        assert_eq!(granted(BudgetRules::default(), &spray).len(), 2 + 599 / 10);
    }

    #[test]
    fn budget_tells_when_the_next_can_be_taken() {
        let rules = BudgetRules::default();
        let mut budget = Budget::default();
        for now in [100, 100, 110, 120, 200, 201, 210] {
            let now = Duration::from_secs(now);
            assert_eq!(budget.available_in(&rules, now), Some(Duration::ZERO));
            budget = budget.take(&rules, now).expect("it is available");
            let wait = budget.available_in(&rules, now).expect("there is a budget");
            assert!(budget.take(&rules, now + wait).is_some());
            if let Some(less) = wait.checked_sub(Duration::from_millis(1)) {
                assert_eq!(budget.take(&rules, now + less), None);
            }
        }
        let never = BudgetRules::new(0, Duration::from_secs(10));
        assert_eq!(budget.available_in(&never, Duration::ZERO), None);
    }

    #[test]
    fn extreme_limits_do_not_panic() {
        let never = BudgetRules::new(0, Duration::from_secs(30));
        assert_eq!(granted(never, &[0, 100]), [0; 0]);
        let huge = BudgetRules::new(u32::MAX, Duration::MAX);
        assert_eq!(granted(huge, &[0]), [0]);
        let free = BudgetRules::new(1, Duration::ZERO);
        assert_eq!(granted(free, &[3, 3, 3]), [3, 3, 3]);
        assert!(
            Budget::default()
                .take(&BudgetRules::default(), Duration::MAX)
                .is_some()
        );
    }

    #[test]
    fn budget_without_refill_ends() {
        for refill in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            let rules = BudgetRules::new(2, refill);
            let mut budget = Budget::default();
            let mut taken = 0;
            for second in 0..100 {
                if let Some(left) = budget.take(&rules, Duration::from_secs(second)) {
                    (budget, taken) = (left, taken + 1);
                }
            }
            assert_eq!(taken, 2);
        }
    }
}
