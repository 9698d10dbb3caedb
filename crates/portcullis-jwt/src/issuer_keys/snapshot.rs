//! Snapshots of an issuer's keys, and their single writer.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwap;
use portcullis_core::clock::UnixTime;
use portcullis_jose::{Algorithm, KeySet, Thumbprint};

/// The current snapshot, replaced by the publisher.
pub(crate) type SnapshotCell = Arc<ArcSwap<KeySnapshot>>;

/// The keys of an issuer at one moment.
#[derive(Clone, Debug, Default)]
pub struct KeySnapshot {
    keys: Option<Arc<KeySet>>,
    /// When the keys were last fetched or confirmed.
    pub loaded_at: Option<UnixTime>,
    /// When the keys become stale and must not be used any more; `None` for keys that never do.
    pub stale_at: Option<UnixTime>,
    /// Whether the keys stay stale even if the wall clock is set back to a time before `stale_at`; see
    /// [`KeyPublisher::set_times`].
    is_already_stale: bool,
    /// A counter that increases whenever a key is added, removed, or changed under its `kid`. A conclusion from an earlier
    /// epoch is outdated.
    pub epoch: u64,
    /// Whether the last fetch of the keys failed.
    pub last_fetch_failed: bool,
}

impl KeySnapshot {
    pub(super) fn fixed(keys: KeySet) -> Self {
        Self {
            keys: Some(Arc::new(keys)),
            epoch: 1,
            ..Self::default()
        }
    }

    /// The keys; `None` until the first set was loaded.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySet> {
        self.keys.as_deref()
    }

    /// Whether the keys are too old to be used at `now`.
    #[must_use]
    pub fn is_stale(&self, now: UnixTime) -> bool {
        self.is_already_stale || self.stale_at.is_some_and(|stale_at| now >= stale_at)
    }
}

/// Publishes an issuer's keys. Each call of [`IssuerKeys::refreshed`](super::IssuerKeys::refreshed) returns one publisher.
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
        self.0.store(Arc::new(KeySnapshot {
            keys: Some(Arc::new(keys)),
            loaded_at: Some(loaded_at),
            stale_at: Some(stale_at),
            epoch: current.epoch + u64::from(changed),
            ..KeySnapshot::default()
        }));
        changed
    }

    /// Records that the issuer confirmed the current keys.
    pub fn confirm(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| {
            snapshot.loaded_at = Some(loaded_at);
            snapshot.stale_at = Some(stale_at);
            snapshot.is_already_stale = false;
            snapshot.last_fetch_failed = false;
        });
    }

    /// Records that a fetch failed. The current keys stay.
    pub fn record_failure(&mut self) {
        self.update(|snapshot| snapshot.last_fetch_failed = true);
    }

    /// Replaces the times of the current keys, after the wall clock jumped or the operator changed the stale limit.
    ///
    /// `is_already_stale`: the keys are too old by the wall clock or the monotonic clock. They stay stale, even if the wall
    /// clock is set back later, until a set is published, the keys are confirmed, or their times are replaced again.
    pub fn set_times(&mut self, loaded_at: UnixTime, stale_at: UnixTime, is_already_stale: bool) {
        self.update(|snapshot| {
            snapshot.loaded_at = Some(loaded_at);
            snapshot.stale_at = Some(stale_at);
            snapshot.is_already_stale = is_already_stale;
        });
    }

    /// `&mut self` ensures that there is one writer, so no change is lost between load and store.
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
