use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

use portcullis_core::{clock::Moment, lock};
use portcullis_worker::{Budget, BudgetRules};

use crate::format::ApiKeyId;

/// The ids that the store did not have a moment ago, and the limit of queries for unknown ids.
///
/// They are kept apart from the verdicts, so that no spray of unknown ids evicts a key.
pub(super) struct Misses {
    rules: BudgetRules,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    budget: Budget,
    /// Callers choose the ids, so the hash resists collision attacks.
    absent: HashMap<ApiKeyId, Moment>,
    /// The ids by age. An id that was forgotten and noted again is in it twice.
    ages: VecDeque<(ApiKeyId, Moment)>,
}

impl Misses {
    /// How long the answer that the store does not have an id is used.
    const LIFETIME: Duration = Duration::from_secs(5);
    /// The most ids that are kept.
    const MAX: usize = 16_384;

    pub(super) fn new(per_second: u32) -> Self {
        let rules = match per_second {
            0 => BudgetRules::new(0, Duration::from_secs(1)),
            // A tenth of a second's queries at once.
            _ => BudgetRules::new(
                (per_second / 10).max(1),
                Duration::from_secs(1) / per_second,
            ),
        };
        Self {
            rules,
            state: Mutex::default(),
        }
    }

    /// Whether the store did not have the id within the last 5 s.
    pub(super) fn is_absent(&self, id: &ApiKeyId, now: Moment) -> bool {
        let state = lock(&self.state);
        (state.absent.get(id)).is_some_and(|read| now.duration_since(*read) < Self::LIFETIME)
    }

    /// Notes that the store did not have the id at `read`.
    pub(super) fn note(&self, id: &ApiKeyId, read: Moment) {
        let mut state = lock(&self.state);
        state.absent.insert(*id, read);
        state.ages.push_back((*id, read));
        while let Some((oldest, age)) = state.ages.front().copied()
            && (state.ages.len() > Self::MAX || read.duration_since(age) >= Self::LIFETIME)
        {
            state.ages.pop_front();
            if state.absent.get(&oldest) == Some(&age) {
                state.absent.remove(&oldest);
            }
        }
    }

    /// Forgets the id, which the store has now.
    pub(super) fn forget(&self, id: &ApiKeyId) {
        lock(&self.state).absent.remove(id);
    }

    pub(super) fn clear(&self) {
        let mut state = lock(&self.state);
        state.absent.clear();
        state.ages.clear();
    }

    /// Whether another unknown id may be looked up in the store.
    pub(super) fn take_query(&self, now: Moment) -> bool {
        let mut state = lock(&self.state);
        match state.budget.take(&self.rules, now.monotonic()) {
            Some(left) => {
                state.budget = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::UnixTime;

    use super::*;

    fn at(millis: u64) -> Moment {
        let time = Duration::from_millis(millis);
        Moment::new(UnixTime::from_secs(1_000).saturating_add(time), time)
    }

    fn id() -> ApiKeyId {
        ApiKeyId::random().expect("random numbers")
    }

    #[test]
    fn absent_id_is_forgotten_after_5_s_or_when_it_appears() {
        let misses = Misses::new(200);
        let (one, two) = (id(), id());
        misses.note(&one, at(0));
        misses.note(&two, at(4_000));
        assert!(misses.is_absent(&one, at(4_999)));
        assert!(!misses.is_absent(&one, at(5_000)));
        misses.forget(&two);
        assert!(!misses.is_absent(&two, at(4_000)));
        misses.note(&id(), at(6_000));
        assert_eq!(lock(&misses.state).absent.len(), 1);
    }

    #[test]
    fn spray_of_absent_ids_takes_bounded_memory() {
        let misses = Misses::new(200);
        for _ in 0..3 * Misses::MAX {
            misses.note(&id(), at(0));
        }
        let state = lock(&misses.state);
        assert_eq!(state.absent.len(), Misses::MAX);
        assert_eq!(state.ages.len(), Misses::MAX);
    }

    #[test]
    fn queries_are_capped() {
        let misses = Misses::new(200);
        let taken = (0..30_000).filter(|millis| misses.take_query(at(*millis)));
        assert_eq!(taken.count(), 20 + 29_999 / 5);
        let none = Misses::new(0);
        assert!(!none.take_query(at(0)) && !none.take_query(at(100_000)));
    }
}
