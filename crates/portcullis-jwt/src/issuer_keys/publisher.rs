//! The single writer of an issuer's keys.

use std::{collections::BTreeSet, sync::Arc};

use portcullis_core::clock::UnixTime;
use portcullis_jose::{Algorithm, KeySet, Thumbprint};

use super::{KeySnapshot, SnapshotCell};

/// Publishes an issuer's keys. There is one for each [`IssuerKeys::refreshed`](super::IssuerKeys::refreshed).
#[derive(Debug)]
pub struct KeyPublisher(pub(super) SnapshotCell);

impl KeyPublisher {
    /// The current keys.
    #[must_use]
    pub fn current(&self) -> Arc<KeySnapshot> {
        self.0.load_full()
    }

    /// Publishes a fetched set. If the keys differ from the current ones, increases the epoch and returns `true`.
    pub fn publish(&mut self, keys: KeySet, loaded_at: UnixTime, stale_at: UnixTime) -> bool {
        let current = self.0.load();
        let changed = current
            .keys()
            .is_none_or(|current| identities(current) != identities(&keys));
        let epoch = current.epoch + u64::from(changed);
        self.0.store(Arc::new(KeySnapshot {
            keys: Some(Arc::new(keys)),
            loaded_at: Some(loaded_at),
            stale_at: Some(stale_at),
            has_expired: false,
            epoch,
            last_fetch_failed: false,
        }));
        changed
    }

    /// Records that the issuer confirmed the current keys.
    pub fn confirm(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| {
            snapshot.set_times(loaded_at, stale_at);
            snapshot.last_fetch_failed = false;
        });
    }

    /// Records that a fetch failed. The current keys stay.
    pub fn record_failure(&mut self) {
        self.update(|snapshot| snapshot.last_fetch_failed = true);
    }

    /// Replaces the times of the current keys, after the wall clock jumped or the operator changed the stale limit.
    pub fn rebase(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| snapshot.set_times(loaded_at, stale_at));
    }

    /// As [`rebase`](Self::rebase), for keys that are past their limit by the monotonic clock: they are stale, even if the
    /// wall clock is set back later, until a set is published, they are confirmed, or their times are replaced again.
    pub fn expire(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| {
            snapshot.set_times(loaded_at, stale_at);
            snapshot.has_expired = true;
        });
    }

    /// There is one writer, which `&mut self` ensures, so no change is lost between load and store.
    fn update(&mut self, change: impl FnOnce(&mut KeySnapshot)) {
        let mut next = KeySnapshot::clone(&self.0.load());
        change(&mut next);
        self.0.store(Arc::new(next));
    }
}

/// The identity of a key set: each key's `kid`, thumbprint (RFC 7638) and algorithms, in any order.
fn identities(keys: &KeySet) -> BTreeSet<(Option<&str>, Thumbprint, &[Algorithm])> {
    keys.keys()
        .map(|key| (key.kid(), key.thumbprint(), key.algorithms()))
        .collect()
}
