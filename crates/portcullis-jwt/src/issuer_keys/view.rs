//! The keys as they are now, and what a token that was verified before is held to.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::{ArcSwap, Guard};
use portcullis_core::UnixTime;

use portcullis_jose::KeySet;

/// The keys of one issuer, for as long as someone else has them kept fresh.
#[derive(Clone)]
pub(crate) struct KeyView(Arc<Published>);

struct Published {
    snapshot: ArcSwap<KeySnapshot>,
    /// The snapshot's epoch, and the nanosecond it is stale from, beside it: all that a token needs which was verified
    /// before. They follow the snapshot before whoever publishes it is told that it is in place.
    epoch: AtomicU64,
    stale_at: AtomicU64,
}

impl KeyView {
    pub(super) fn new(snapshot: KeySnapshot) -> Self {
        Self(Arc::new(Published {
            epoch: AtomicU64::new(snapshot.epoch),
            stale_at: AtomicU64::new(stale_nanosecond(&snapshot)),
            snapshot: ArcSwap::from_pointee(snapshot),
        }))
    }

    /// The keys as they are now.
    pub(super) fn snapshot(&self) -> Guard<Arc<KeySnapshot>> {
        self.0.snapshot.load()
    }

    /// The epoch of the keys as they are now, or of those that are just being replaced.
    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Whether the keys are those of `epoch` still, and not too old.
    #[inline]
    pub(crate) fn are_current(&self, epoch: u64, now: UnixTime) -> bool {
        // The limit first: whoever sees a new one then sees the epoch that was stored before it. The other way round,
        // old keys that had gone stale could be taken for current by the limit of those that replace them.
        let stale_at = self.0.stale_at.load(Ordering::Acquire);
        nanoseconds(now) < stale_at && self.0.epoch.load(Ordering::Acquire) == epoch
    }

    pub(super) fn publish(&self, snapshot: KeySnapshot) {
        let (epoch, stale_at) = (snapshot.epoch, stale_nanosecond(&snapshot));
        self.0.snapshot.store(Arc::new(snapshot));
        // The epoch before the limit: see `are_current`.
        self.0.epoch.store(epoch, Ordering::Release);
        self.0.stale_at.store(stale_at, Ordering::Release);
    }
}

/// Never, for keys that do not grow stale; ever since, for those that have expired.
fn stale_nanosecond(snapshot: &KeySnapshot) -> u64 {
    if snapshot.has_expired {
        return 0;
    }
    snapshot.stale_at.map_or(u64::MAX, nanoseconds)
}

/// Past the year 2554, that year's.
fn nanoseconds(time: UnixTime) -> u64 {
    let since_epoch = time.as_duration();
    since_epoch
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(since_epoch.subsec_nanos().into())
}

/// What is known of an issuer's keys at one moment.
#[derive(Clone, Debug, Default)]
pub struct KeySnapshot {
    pub(super) keys: Option<Arc<KeySet>>,
    pub(super) loaded_at: Option<UnixTime>,
    pub(super) stale_at: Option<UnixTime>,
    /// Whether they are stale whatever the wall clock says.
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

    pub(super) fn set_limits(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.loaded_at = Some(loaded_at);
        self.stale_at = Some(stale_at);
        self.has_expired = false;
    }

    /// The keys; `None` until the first were loaded.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySet> {
        self.keys.as_deref()
    }

    /// When the keys were last fetched or confirmed.
    #[must_use]
    pub fn loaded_at(&self) -> Option<UnixTime> {
        self.loaded_at
    }

    /// From when on the keys must not be used any more; `None` for keys that never grow stale.
    #[must_use]
    pub fn stale_at(&self) -> Option<UnixTime> {
        self.stale_at
    }

    /// Whether the keys are too old to be used.
    #[must_use]
    pub fn is_stale(&self, now: UnixTime) -> bool {
        self.has_expired || self.stale_at.is_some_and(|stale_at| now >= stale_at)
    }

    /// Moves whenever a key enters, leaves, or changes under its `kid`. What was concluded from an earlier epoch no
    /// longer holds.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the last attempt to fetch the keys failed.
    #[must_use]
    pub fn last_fetch_failed(&self) -> bool {
        self.last_fetch_failed
    }
}
