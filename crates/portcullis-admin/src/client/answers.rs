//! The answers of the endpoint, and the requests to it that are under way.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use futures_util::future::{Shared, WeakShared};
use portcullis_api_key::{ApiKeyId, KeyRecord, PendingLookup, StoreError, StoredKey};
use portcullis_core::clock::{Deadline, Moment};
use portcullis_worker::{Budget, BudgetRules};

use super::Bounds;

/// SHA-256 of a whole key. Entries are found by it, so a key with another secret never finds them.
pub(super) type KeyHash = [u8; 32];
/// What all callers that present the same key wait for.
pub(super) type SharedFlight = Shared<PendingLookup>;
type Answer = Result<Option<Arc<StoredKey>>, StoreError>;

/// What to do for a key that was presented.
pub(super) enum Plan {
    /// The answer is known.
    Answer(Answer),
    /// Wait for the request that is under way.
    Join(SharedFlight),
    /// Send a request with this number.
    Begin(u64),
}

/// The answers of the endpoint.
#[derive(Default)]
pub(super) struct Answers {
    /// The keys that were active. Only who has a right secret adds one.
    keys: HashMap<ApiKeyId, Entry>,
    /// The ids of `keys`, in the order of eviction.
    order: VecDeque<ApiKeyId>,
    /// The keys that were not active, and when.
    inactive: HashMap<KeyHash, Moment>,
    /// The hashes of `inactive` by age. A hash that was noted again is in it twice.
    ages: VecDeque<(KeyHash, Moment)>,
    flights: HashMap<KeyHash, (u64, WeakShared<PendingLookup>)>,
    next_flight: u64,
    budget: Budget,
    outage: Option<Outage>,
}

struct Entry {
    key: Arc<StoredKey>,
    hash: KeyHash,
    /// When the request began that the endpoint answered last.
    checked: Moment,
}

/// The endpoint cannot be reached.
struct Outage {
    problem: StoreError,
    /// No request is sent before this time.
    retry_at: Deadline,
}

impl Answers {
    /// The most keys that are cached.
    const MAX_KEYS: usize = 65_536;
    /// The most keys that are known not to be active.
    const MAX_INACTIVE: usize = 16_384;
    /// How long the answer that a key is not active is used.
    const INACTIVE_LIFETIME: Duration = Duration::from_secs(5);
    /// At most 200 keys a second that are not cached, 20 of them at once.
    const UNKNOWN_KEYS: BudgetRules = BudgetRules::new(20, Duration::from_millis(5));
    /// The pause after a failure.
    const RETRY_DELAY: Duration = Duration::from_secs(1);

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn problem(&self) -> Option<&StoreError> {
        self.outage.as_ref().map(|outage| &outage.problem)
    }

    /// The key with this id, if it was checked within the reachable bound. The scheme compares its digest.
    pub(super) fn fresh(
        &self,
        id: &ApiKeyId,
        now: Moment,
        bounds: &Bounds,
    ) -> Option<Arc<StoredKey>> {
        let entry = self.keys.get(id)?;
        let is_fresh = now.duration_since(entry.checked) < bounds.reachable;
        is_fresh.then(|| entry.key.clone())
    }

    /// Decides what to do for a key that is not fresh.
    pub(super) fn plan(
        &mut self,
        id: &ApiKeyId,
        hash: &KeyHash,
        now: Moment,
        bounds: &Bounds,
    ) -> Plan {
        let inactive_since = self.inactive.get(hash);
        if inactive_since.is_some_and(|since| now.duration_since(*since) < Self::INACTIVE_LIFETIME)
        {
            return Plan::Answer(Ok(None));
        }
        if let Some(flight) = self
            .flights
            .get(hash)
            .and_then(|(_, flight)| flight.upgrade())
        {
            return Plan::Join(flight);
        }
        if let Some(outage) = &mut self.outage {
            if !outage.retry_at.is_reached(now) {
                let problem = outage.problem.clone();
                return Plan::Answer(self.fall_back(id, hash, problem, now, bounds));
            }
            // One request finds out whether the endpoint is back.
            outage.retry_at = Deadline::after(now, Self::RETRY_DELAY);
        }
        let is_known = self.entry(id, hash).is_some();
        if !is_known {
            match self.budget.take(&Self::UNKNOWN_KEYS, now.monotonic()) {
                Some(left) => self.budget = left,
                None => {
                    let problem = "too many unknown keys at once: more than 200 a second are not introspected";
                    return Plan::Answer(Err(StoreError::new(problem)));
                }
            }
        }
        self.next_flight += 1;
        Plan::Begin(self.next_flight)
    }

    /// Notes a request that begins.
    pub(super) fn note_flight(&mut self, hash: KeyHash, number: u64, flight: &SharedFlight) {
        if let Some(weak) = flight.downgrade() {
            self.flights.insert(hash, (number, weak));
        }
    }

    /// Forgets a request that has ended, or that nobody waits for.
    pub(super) fn end_flight(&mut self, hash: &KeyHash, number: u64) {
        if self
            .flights
            .get(hash)
            .is_some_and(|(other, _)| *other == number)
        {
            self.flights.remove(hash);
        }
    }

    /// The endpoint answered that the key is active. Returns whether an outage is over, and the key.
    pub(super) fn confirm(
        &mut self,
        id: ApiKeyId,
        record: KeyRecord,
        hash: KeyHash,
        checked: Moment,
    ) -> (bool, Arc<StoredKey>) {
        // An unchanged key keeps its prepared principal.
        let unchanged = self
            .keys
            .get(&id)
            .filter(|entry| *entry.key.record() == record);
        let key = unchanged.map(|entry| entry.key.clone());
        let key = key.unwrap_or_else(|| Arc::new(StoredKey::new(record)));
        let entry = Entry {
            key: key.clone(),
            hash,
            checked,
        };
        if self.keys.insert(id, entry).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > Self::MAX_KEYS {
            if let Some(oldest) = self.order.pop_front() {
                self.keys.remove(&oldest);
            }
        }
        self.inactive.remove(&hash);
        (self.outage.take().is_some(), key)
    }

    /// The endpoint answered that the key is not active. Returns whether an outage is over.
    pub(super) fn refute(&mut self, id: &ApiKeyId, hash: KeyHash, checked: Moment) -> bool {
        if self.entry(id, &hash).is_some() {
            self.keys.remove(id);
            self.order.retain(|other| other != id);
        }
        self.inactive.insert(hash, checked);
        self.ages.push_back((hash, checked));
        while let Some((oldest, age)) = self.ages.front().copied()
            && (self.ages.len() > Self::MAX_INACTIVE
                || checked.duration_since(age) >= Self::INACTIVE_LIFETIME)
        {
            self.ages.pop_front();
            if self.inactive.get(&oldest) == Some(&age) {
                self.inactive.remove(&oldest);
            }
        }
        self.outage.take().is_some()
    }

    /// The endpoint did not answer. Returns whether an outage begins.
    pub(super) fn note_failure(&mut self, problem: StoreError, now: Moment) -> bool {
        let retry_at = Deadline::after(now, Self::RETRY_DELAY);
        self.outage.replace(Outage { problem, retry_at }).is_none()
    }

    /// The answer in an outage: a key that was active passes until the unreachable bound.
    pub(super) fn fall_back(
        &self,
        id: &ApiKeyId,
        hash: &KeyHash,
        problem: StoreError,
        now: Moment,
        bounds: &Bounds,
    ) -> Answer {
        let entry = self.entry(id, hash);
        let usable = entry.filter(|entry| now.duration_since(entry.checked) < bounds.unreachable);
        usable.map(|entry| Some(entry.key.clone())).ok_or(problem)
    }

    /// The entry of exactly this key, compared in constant time.
    fn entry(&self, id: &ApiKeyId, hash: &KeyHash) -> Option<&Entry> {
        let entry = self.keys.get(id)?;
        verify_slices_are_equal(&entry.hash, hash)
            .is_ok()
            .then_some(entry)
    }
}
