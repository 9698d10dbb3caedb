//! Uses of keys, on their way to the store.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use portcullis_core::lock;

use crate::{
    source::KeyUse,
    stored::{StoredKey, UseSink},
};

/// The keys that were used since their uses were last taken.
pub(super) struct UseQueue {
    keys: Mutex<Vec<Arc<StoredKey>>>,
    /// Read before the lock is taken, so that requests do not wait for it once the queue is full.
    is_full: AtomicBool,
    dropped: AtomicU64,
    max: usize,
}

impl UseQueue {
    pub(super) fn new(max: usize) -> Self {
        Self {
            keys: Mutex::default(),
            is_full: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            max,
        }
    }

    /// The uses since the last call, and how many could not be counted for lack of room.
    pub(super) fn take(&self) -> (Vec<KeyUse>, u64) {
        let keys = std::mem::take(&mut *lock(&self.keys));
        self.is_full.store(false, Ordering::Relaxed);
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let take = |key: &Arc<StoredKey>| {
            let (count, last_used_at) = key.take_uses()?;
            Some(KeyUse {
                id: key.record().id,
                last_used_at,
                count,
                new_digest: key.replaced_digest(),
            })
        };
        (keys.iter().filter_map(take).collect(), dropped)
    }
}

impl UseSink for UseQueue {
    fn add(&self, key: &Arc<StoredKey>) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let mut keys = lock(&self.keys);
        keys.push(key.clone());
        if keys.len() >= self.max {
            self.is_full.store(true, Ordering::Relaxed);
        }
        true
    }
}

impl fmt::Debug for UseQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseQueue").finish_non_exhaustive()
    }
}
