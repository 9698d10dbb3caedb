//! How often requests may cause a fetch of an issuer's keys.

use std::time::Duration;

/// The limits of a [`FetchBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetRules {
    /// How many fetches may be signalled at once, after a quiet time. 2 by default: a key that appears while the set
    /// is being replaced needs a second look.
    pub burst: u32,
    /// How long it takes to earn one more. 10 s by default: while strangers spend the budget, a key that has replaced
    /// another is found within that time.
    pub refill: Duration,
}

impl Default for BudgetRules {
    fn default() -> Self {
        Self {
            burst: 2,
            refill: Duration::from_secs(10),
        }
    }
}

impl BudgetRules {
    /// Sets both limits.
    #[must_use]
    pub const fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill }
    }
}

/// What is left of the fetches that requests may signal.
///
/// A value, so that an owner can keep it in an atomic: taking from it gives the next one. All it remembers is when it
/// will be full again, so that within any time `t` no more than `burst + t / refill` fetches can be taken, whatever
/// became of them. Times are those of a monotonic clock, counted from any fixed moment.
///
/// ```
/// use std::time::Duration;
/// use portcullis_worker::{BudgetRules, FetchBudget};
///
/// let rules = BudgetRules::default();
/// let at = Duration::from_secs;
/// let first = FetchBudget::default().take(&rules, at(100)).ok_or("full at first")?;
/// let second = first.take(&rules, at(101)).ok_or("one is left")?;
/// assert_eq!(second.take(&rules, at(109)), None, "10 s after it was last full, one more");
/// assert!(second.take(&rules, at(110)).is_some());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchBudget {
    full_at_millis: u64,
}

impl FetchBudget {
    /// What is left after one fetch is taken at `now`; `None` if there is none to take.
    #[must_use]
    pub fn take(self, rules: &BudgetRules, now: Duration) -> Option<Self> {
        let (now, refill) = (millis(now), millis(rules.refill).min(LONGEST_REFILL));
        let full_at_millis = self.full_at_millis.max(now).saturating_add(refill);
        let debt = full_at_millis - now;
        (debt <= refill.saturating_mul(rules.burst.into())).then_some(Self { full_at_millis })
    }

    /// From when on one can be taken; `None` if never.
    #[must_use]
    pub fn available_at(self, rules: &BudgetRules) -> Option<Duration> {
        let refill = millis(rules.refill).min(LONGEST_REFILL);
        let credit = refill.saturating_mul(rules.burst.checked_sub(1)?.into());
        Some(Duration::from_millis(
            self.full_at_millis.saturating_sub(credit),
        ))
    }

    /// When the budget is full again, in milliseconds. This is all of its state.
    #[must_use]
    pub const fn to_millis(self) -> u64 {
        self.full_at_millis
    }

    /// The budget that [`to_millis`](Self::to_millis) was read from.
    #[must_use]
    pub const fn from_millis(full_at_millis: u64) -> Self {
        Self { full_at_millis }
    }
}

/// A century, in milliseconds: as good as never, and no sum of a few overflows. Were one to saturate, what is owed would
/// no longer be told from what may be.
const LONGEST_REFILL: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at each of these seconds; which were granted?
    fn granted(rules: BudgetRules, at: &[u64]) -> Vec<u64> {
        let mut budget = FetchBudget::default();
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
    fn two_at_once_then_one_for_each_10_s_since_it_was_last_full() {
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
    fn no_spray_exceeds_the_bound() {
        let spray: Vec<u64> = (0..600).flat_map(|second| [second; 20]).collect();
        assert_eq!(granted(BudgetRules::default(), &spray).len(), 2 + 599 / 10);
    }

    #[test]
    fn it_is_known_when_the_next_can_be_taken() {
        let rules = BudgetRules::default();
        let mut budget = FetchBudget::default();
        for now in [100, 100, 110, 120, 200, 201, 210] {
            let now = Duration::from_secs(now);
            let next = budget.available_at(&rules).expect("there is a budget");
            assert!(next <= now, "{next:?} {now:?}");
            budget = budget.take(&rules, now).expect("it is available");
            let next = budget.available_at(&rules).expect("there is a budget");
            assert!(budget.take(&rules, next.max(now)).is_some());
            if let Some(before) = next
                .checked_sub(Duration::from_millis(1))
                .filter(|it| *it >= now)
            {
                assert_eq!(budget.take(&rules, before), None);
            }
        }
        let never = BudgetRules::new(0, Duration::from_secs(10));
        assert_eq!(budget.available_at(&never), None);
    }

    #[test]
    fn limits_at_the_edge_do_not_panic() {
        let never = BudgetRules::new(0, Duration::from_secs(30));
        assert_eq!(granted(never, &[0, 100]), [0; 0]);
        let huge = BudgetRules::new(u32::MAX, Duration::MAX);
        assert_eq!(granted(huge, &[0]), [0]);
        let free = BudgetRules::new(1, Duration::ZERO);
        assert_eq!(granted(free, &[3, 3, 3]), [3, 3, 3]);
        assert!(
            FetchBudget::from_millis(u64::MAX)
                .take(&BudgetRules::default(), Duration::MAX)
                .is_some()
        );
    }

    #[test]
    fn the_state_survives_an_atomic() {
        let budget = FetchBudget::default().take(&BudgetRules::default(), Duration::from_secs(7));
        let budget = budget.expect("full");
        assert_eq!(FetchBudget::from_millis(budget.to_millis()), budget);
        assert_eq!(budget.to_millis(), 17_000);
    }

    #[test]
    fn a_budget_that_is_never_refilled_ends() {
        for refill in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            let rules = BudgetRules::new(2, refill);
            let mut budget = FetchBudget::default();
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
