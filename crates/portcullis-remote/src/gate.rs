//! Whether a request may cause a fetch: single flight, and a budget.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use portcullis_worker::{BudgetRules, FetchBudget};

/// What the fetching task is doing, and what is left of the budget, in one word: requests decide without a lock, and
/// of many at once exactly one takes from the budget.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The [`FetchBudget::to_millis`] of unknown keys, shifted, and the state below it.
    word: AtomicU64,
    /// The [`FetchBudget::to_millis`] of bad signatures, which anyone can send at any time.
    of_bad_signatures: AtomicU64,
    rules: BudgetRules,
}

/// Why a request asks for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There is no key to judge the token by.
    UnknownKey,
    /// The key is there and did not make the signature.
    BadSignature,
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
            of_bad_signatures: AtomicU64::new(0),
            rules,
        }
    }

    /// Asks for a fetch at `now`. It takes from the budget of `cause` only if none is to be had otherwise.
    pub(crate) fn signal(&self, cause: Cause, now: Duration) -> Signal {
        let mut word = self.word.load(Ordering::Acquire);
        let mut is_paid = false;
        loop {
            match word & STATE {
                SIGNALLED => return Signal::Awaited,
                FETCHING => return Signal::UnderWay,
                _ => {}
            }
            let next = match cause {
                Cause::UnknownKey => FetchBudget::from_millis(word >> STATE_BITS)
                    .take(&self.rules, now)
                    .map(|left| (left.to_millis() << STATE_BITS) | SIGNALLED),
                Cause::BadSignature => {
                    is_paid = is_paid || self.take_for_bad_signature(now);
                    is_paid.then_some(word | SIGNALLED)
                }
            };
            let Some(next) = next else {
                return Signal::Refused;
            };
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Signal::Started,
                Err(found) => word = found,
            }
        }
    }

    fn take_for_bad_signature(&self, now: Duration) -> bool {
        let take = |millis| {
            let left = FetchBudget::from_millis(millis).take(&self.rules, now)?;
            Some(left.to_millis())
        };
        self.of_bad_signatures
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .is_ok()
    }

    /// From when on an unknown key can start a fetch; `None` if never. Zero while a fetch is under way.
    pub(crate) fn available_at(&self) -> Option<Duration> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE != IDLE {
            return Some(Duration::ZERO);
        }
        FetchBudget::from_millis(word >> STATE_BITS).available_at(&self.rules)
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
    use super::{
        Cause::{BadSignature, UnknownKey},
        *,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_flight_takes_from_the_budget_once() {
        let gate = Gate::new(BudgetRules::default());
        assert_eq!(gate.signal(UnknownKey, at(0)), Signal::Started);
        assert!(gate.is_signalled());
        assert_eq!(gate.signal(UnknownKey, at(0)), Signal::Awaited);
        gate.begin();
        assert!(!gate.is_signalled());
        assert_eq!(gate.signal(UnknownKey, at(1)), Signal::UnderWay);
        gate.end();
        assert_eq!(gate.signal(UnknownKey, at(2)), Signal::Started);
        gate.begin();
        gate.end();
        assert_eq!(gate.signal(UnknownKey, at(3)), Signal::Refused);
        gate.begin();
        assert_eq!(
            gate.signal(UnknownKey, at(3)),
            Signal::UnderWay,
            "a fetch that is due anyway costs nothing"
        );
        gate.end();
        assert_eq!(gate.available_at(), Some(at(10)));
        assert_eq!(gate.signal(UnknownKey, at(9)), Signal::Refused);
        assert_eq!(gate.signal(UnknownKey, at(10)), Signal::Started);
        assert_eq!(gate.available_at(), Some(at(0)), "one is under way");
    }

    #[test]
    fn bad_signatures_do_not_spend_what_unknown_keys_need() {
        let gate = Gate::new(BudgetRules::default());
        let fetch = |cause, second| {
            let signal = gate.signal(cause, at(second));
            if signal == Signal::Started {
                gate.begin();
                gate.end();
            }
            signal
        };
        for _ in 0..2 {
            assert_eq!(fetch(BadSignature, 0), Signal::Started);
        }
        assert_eq!(fetch(BadSignature, 9), Signal::Refused);
        for _ in 0..2 {
            assert_eq!(fetch(UnknownKey, 9), Signal::Started);
        }
        assert_eq!(fetch(UnknownKey, 9), Signal::Refused);
        assert_eq!(fetch(BadSignature, 10), Signal::Started);
        assert_eq!(
            fetch(UnknownKey, 18),
            Signal::Refused,
            "nor the other way round"
        );
        assert_eq!(fetch(UnknownKey, 19), Signal::Started);
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
                                .filter(|_| gate.signal(UnknownKey, at(0)) == Signal::Started)
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
            assert_eq!(
                gate.signal(UnknownKey, at(0)),
                Signal::Started,
                "one of two was taken"
            );
        }
    }
}
