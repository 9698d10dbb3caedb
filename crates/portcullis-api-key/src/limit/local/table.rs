use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::Duration};

use super::counter::Counter;
use crate::limit::rate::Limit;

/// Counters by subject, a bounded number.
pub(super) struct Table<K> {
    counters: HashMap<K, Counter>,
    most: usize,
    /// The number of counters at which those with a whole burst are dropped.
    sweep_at: usize,
}

/// Smaller tables are not swept.
const LEAST_SWEEP: usize = 64;

impl<K: Eq + Hash> Table<K> {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            counters: HashMap::new(),
            most,
            sweep_at: LEAST_SWEEP.min(most),
        }
    }

    /// Counts a request, or returns the wait until one is within the limit.
    pub(super) fn count<Q>(
        &mut self,
        subject: &Q,
        limit: Limit,
        now: Duration,
    ) -> Result<(), Duration>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(counter) = self.counters.get_mut(subject) {
            counter.set_limit(limit, now);
            return counter.count(now);
        }
        self.make_room(now);
        let counter = self.counters.entry(subject.to_owned());
        counter.or_insert(Counter::new(limit, now)).count(now)
    }

    /// Drops counters that a new one equals. If most are still in use, also drops the eighth that is closest to that.
    fn make_room(&mut self, now: Duration) {
        if self.counters.len() < self.sweep_at {
            return;
        }
        self.counters.retain(|_, counter| counter.full_at() > now);
        let keep = self.most - self.most.div_ceil(8);
        if let Some(excess) = self.counters.len().checked_sub(keep + 1) {
            let mut times: Vec<_> = self.counters.values().map(Counter::full_at).collect();
            let (_, &mut last, _) = times.select_nth_unstable(excess);
            self.counters.retain(|_, counter| counter.full_at() > last);
        }
        self.sweep_at = (self.counters.len() * 2).clamp(LEAST_SWEEP.min(self.most), self.most);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.counters.len()
    }
}
