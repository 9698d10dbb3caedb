//! Snapshots of an issuer's keys.

use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::clock::UnixTime;
use portcullis_jose::KeySet;

/// The current snapshot, replaced by the publisher.
pub(crate) type SnapshotCell = Arc<ArcSwap<KeySnapshot>>;

/// The keys of an issuer at one moment.
#[derive(Clone, Debug, Default)]
pub struct KeySnapshot {
    pub(super) keys: Option<Arc<KeySet>>,
    pub(super) loaded_at: Option<UnixTime>,
    pub(super) stale_at: Option<UnixTime>,
    /// Set once past the limit by the monotonic clock; setting the wall clock back does not clear it.
    pub(super) has_expired: bool,
    pub(super) epoch: u64,
    pub(super) last_fetch_failed: bool,
}

impl KeySnapshot {
    pub(super) fn fixed(keys: KeySet) -> Self {
        Self {
            keys: Some(Arc::new(keys)),
            epoch: 1,
            ..Self::default()
        }
    }

    pub(super) fn set_times(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.loaded_at = Some(loaded_at);
        self.stale_at = Some(stale_at);
        self.has_expired = false;
    }

    /// The keys; `None` until the first set was loaded.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySet> {
        self.keys.as_deref()
    }

    /// When the keys were last fetched or confirmed.
    #[must_use]
    pub fn loaded_at(&self) -> Option<UnixTime> {
        self.loaded_at
    }

    /// When the keys become stale and must not be used any more; `None` for keys that never do.
    #[must_use]
    pub fn stale_at(&self) -> Option<UnixTime> {
        self.stale_at
    }

    /// Whether the keys are too old to be used at `now`.
    #[must_use]
    pub fn is_stale(&self, now: UnixTime) -> bool {
        self.has_expired || self.stale_at.is_some_and(|stale_at| now >= stale_at)
    }

    /// A counter that increases whenever a key is added, removed, or changed under its `kid`. A conclusion from an earlier
    /// epoch is outdated.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the last fetch of the keys failed.
    #[must_use]
    pub fn last_fetch_failed(&self) -> bool {
        self.last_fetch_failed
    }
}
