//! One shard of the shared level: a bounded map with second-chance eviction.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
};

use foldhash::fast::RandomState;
use portcullis_core::clock::UnixTime;

use super::{entry::Entry, limits::CacheStatus};

/// How many used entries `make_room` with `may_evict` passes over before it evicts a used one.
const MAX_PASSED_OVER: usize = 16;

/// How many entries `make_room` without `may_evict` passes over before it gives up: few, since a token that is sent only
/// once must be cheap.
const MAX_PASSED_OVER_FOR_EXPIRED: usize = 2;

pub(super) struct Shard {
    slots: HashMap<u64, Slot, RandomState>,
    /// The `slots`, in the order in which they are considered for eviction.
    queue: VecDeque<Queued>,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
    /// At each position (`hash % len`), a tag of the last token that asked for a place while the shard was full: the upper
    /// half of its hash, with the lowest bit set. 0 for no token.
    attempts: Box<[u32]>,
}

struct Queued {
    hash: u64,
    /// Copied from the entry that created the slot, so that a search for expired entries reads the queue alone.
    expires_at: UnixTime,
}

struct Slot {
    entry: Arc<Entry>,
    bytes: usize,
    /// Whether the entry was a hit since it was last considered for eviction.
    used: bool,
}

impl Shard {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        /// So that a cache with few tokens does not reallocate.
        const INITIAL_CAPACITY: usize = 16;

        let capacity = max_entries.min(INITIAL_CAPACITY);
        Self {
            slots: HashMap::with_capacity_and_hasher(capacity, RandomState::default()),
            queue: VecDeque::with_capacity(capacity),
            bytes: 0,
            max_entries,
            max_bytes,
            attempts: vec![0; max_entries].into(),
        }
    }

    pub(super) fn get(
        &mut self,
        hash: u64,
        is_hit: impl FnOnce(&Entry) -> bool,
    ) -> Option<Arc<Entry>> {
        let slot = self.slots.get_mut(&hash)?;
        if !is_hit(&slot.entry) {
            return None;
        }
        slot.used = true;
        Some(slot.entry.clone())
    }

    /// Inserts the entry if there is room for it. While the shard is full, the first attempt of a token evicts only expired
    /// entries near the front of the queue. Its second attempt may also evict valid entries; so tokens that are sent only
    /// once evict no valid entry.
    ///
    /// The caller drops the `evicted` entries after it has unlocked the shard.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        bytes: usize,
        now: UnixTime,
        evicted: &mut Vec<Arc<Entry>>,
        entry: impl FnOnce() -> Arc<Entry>,
    ) {
        // The token was verified again, or another token has the same hash: replace the entry if the new one fits.
        if let Some(slot) = self.slots.get_mut(&hash) {
            let total = self.bytes - slot.bytes + bytes;
            if total <= self.max_bytes {
                self.bytes = total;
                slot.bytes = bytes;
                evicted.push(mem::replace(&mut slot.entry, entry()));
            }
            return;
        }
        if bytes > self.max_bytes {
            return;
        }
        if !self.has_room(bytes) {
            let may_evict = self.record_attempt(hash);
            if !self.make_room(bytes, now, may_evict, evicted) {
                return;
            }
        }
        let entry = entry();
        self.bytes += bytes;
        let expires_at = entry.verified.validity.end;
        self.queue.push_back(Queued { hash, expires_at });
        let slot = Slot {
            entry,
            bytes,
            used: false,
        };
        self.slots.insert(hash, slot);
    }

    pub(super) fn status(&self) -> CacheStatus {
        CacheStatus {
            entries: self.slots.len(),
            bytes: self.bytes,
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.slots.len() < self.max_entries && self.bytes + bytes <= self.max_bytes
    }

    /// Evicts entries from the front of the queue until there is room: expired entries, and with `may_evict` also unused
    /// entries and at most one used entry. Returns whether there is room. Evicted entries stay evicted if there is none.
    fn make_room(
        &mut self,
        bytes: usize,
        now: UnixTime,
        may_evict: bool,
        evicted: &mut Vec<Arc<Entry>>,
    ) -> bool {
        let (mut passed_over, mut evicted_used) = (0, false);
        let max_passed_over = match may_evict {
            true => MAX_PASSED_OVER,
            false => MAX_PASSED_OVER_FOR_EXPIRED,
        };
        while !self.has_room(bytes) {
            let has_searched_enough = passed_over >= max_passed_over.min(self.queue.len());
            if has_searched_enough && (evicted_used || !may_evict) {
                return false;
            }
            evicted_used |= has_searched_enough;
            let Some(next) = self.queue.pop_front() else {
                return false;
            };
            let has_expired = next.expires_at <= now;
            let evict =
                has_searched_enough || has_expired || may_evict && !self.clear_used(next.hash);
            if !evict {
                passed_over += 1;
                self.queue.push_back(next);
            } else if let Some(slot) = self.slots.remove(&next.hash) {
                self.bytes -= slot.bytes;
                evicted.push(slot.entry);
            }
        }
        true
    }

    /// Clears the `used` of a slot, and returns what it was.
    fn clear_used(&mut self, hash: u64) -> bool {
        let slot = self.slots.get_mut(&hash);
        slot.is_some_and(|slot| mem::take(&mut slot.used))
    }

    /// Records that the token asked for a place. Returns whether the last attempt at its position was for the same token.
    fn record_attempt(&mut self, hash: u64) -> bool {
        let position = hash as usize % self.attempts.len();
        let tag = (hash >> 32) as u32 | 1; // never 0
        mem::replace(&mut self.attempts[position], tag) == tag
    }
}
