//! Whether a request may cause a fetch: single flight, and a budget.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use portcullis_jwt::{BudgetRules, FetchBudget};

/// What the fetching task is doing, and what is left of the budget, in one word: requests decide without a lock, and
/// of many at once exactly one takes from the budget.
#[derive(Debug)]
pub(crate) struct Gate {
    /// [`FetchBudget::to_millis`], shifted, and the state below it.
    word: AtomicU64,
    rules: BudgetRules,
}

const IDLE: u64 = 0;
const SIGNALLED: u64 = 1;
const FETCHING: u64 = 2;
const STATE: u64 = 0b11;
const STATE_BITS: u32 = 2;

/// The answer to a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A fetch will begin; the task is to be woken.
    Started,
    /// A fetch will begin, as another request has signalled.
    Awaited,
    /// A fetch is under way, and has been since before this signal.
    UnderWay,
    /// The budget is spent.
    Refused,
}

impl Gate {
    pub(crate) fn new(rules: BudgetRules) -> Self {
        Self {
            word: AtomicU64::new(IDLE),
            rules,
        }
    }

    /// Asks for a fetch at `now`. It takes from the budget only if none is to be had otherwise.
    pub(crate) fn signal(&self, now: Duration) -> Signal {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            match word & STATE {
                SIGNALLED => return Signal::Awaited,
                FETCHING => return Signal::UnderWay,
                _ => {}
            }
            let budget = FetchBudget::from_millis(word >> STATE_BITS);
            let Some(left) = budget.take(&self.rules, now) else {
                return Signal::Refused;
            };
            let next = (left.to_millis() << STATE_BITS) | SIGNALLED;
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Signal::Started,
                Err(found) => word = found,
            }
        }
    }

    pub(crate) fn is_signalled(&self) -> bool {
        self.word.load(Ordering::Acquire) & STATE == SIGNALLED
    }

    /// A fetch begins, for whatever reason.
    pub(crate) fn begin(&self) {
        self.set(FETCHING);
    }

    /// The fetch has ended, and its result is published.
    pub(crate) fn end(&self) {
        self.set(IDLE);
    }

    fn set(&self, state: u64) {
        let change = |word| Some((word & !STATE) | state);
        // Always succeeds, as the change is never refused.
        let _ = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_flight_takes_from_the_budget_once() {
        let gate = Gate::new(BudgetRules::default());
        assert_eq!(gate.signal(at(0)), Signal::Started);
        assert!(gate.is_signalled());
        assert_eq!(gate.signal(at(0)), Signal::Awaited);
        gate.begin();
        assert!(!gate.is_signalled());
        assert_eq!(gate.signal(at(1)), Signal::UnderWay);
        gate.end();
        assert_eq!(gate.signal(at(2)), Signal::Started);
        gate.begin();
        gate.end();
        assert_eq!(gate.signal(at(3)), Signal::Refused);
        gate.begin();
        assert_eq!(
            gate.signal(at(3)),
            Signal::UnderWay,
            "a fetch that is due anyway costs nothing"
        );
        gate.end();
        assert_eq!(gate.signal(at(30)), Signal::Started);
    }

    #[test]
    fn of_many_threads_one_starts() {
        for _ in 0..50 {
            let gate = Gate::new(BudgetRules::default());
            let started: usize = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            (0..100)
                                .filter(|_| gate.signal(at(0)) == Signal::Started)
                                .count()
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum()
            });
            assert_eq!(started, 1);
            gate.begin();
            gate.end();
            assert_eq!(gate.signal(at(0)), Signal::Started, "one of two was taken");
        }
    }
}
