//! The one hand that changes an issuer's keys.

use std::{collections::BTreeSet, fmt, sync::Arc};

use arc_swap::Guard;
use portcullis_core::UnixTime;

use super::{KeySnapshot, KeyView};
use portcullis_jose::{AlgorithmSet, KeySet, Thumbprint};

/// Publishes an issuer's keys. There is one for each [`IssuerKeys::refreshed`](super::IssuerKeys::refreshed).
pub struct KeyPublisher(KeyView);

impl KeyPublisher {
    pub(super) fn new(view: KeyView) -> Self {
        Self(view)
    }

    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySnapshot> {
        Guard::into_inner(self.0.snapshot())
    }

    /// Puts a fetched set in place. The epoch moves if the keys differ from the current ones. Answers whether it did.
    pub fn publish(&mut self, keys: KeySet, loaded_at: UnixTime, stale_at: UnixTime) -> bool {
        let current = self.0.snapshot();
        let changed = current
            .keys()
            .is_none_or(|current| identities(current) != identities(&keys));
        let epoch = current.epoch + u64::from(changed);
        self.0.publish(KeySnapshot {
            keys: Some(Arc::new(keys)),
            loaded_at: Some(loaded_at),
            stale_at: Some(stale_at),
            has_expired: false,
            epoch,
            last_fetch_failed: false,
        });
        changed
    }

    /// Notes that the issuer confirmed the current keys.
    pub fn confirm(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| {
            snapshot.set_limits(loaded_at, stale_at);
            snapshot.last_fetch_failed = false;
        });
    }

    /// Notes that an attempt to fetch the keys failed. The current ones stay.
    pub fn record_failure(&mut self) {
        self.update(|snapshot| snapshot.last_fetch_failed = true);
    }

    /// Moves the limits of the current keys, after the wall clock jumped or the operator extended them.
    pub fn rebase(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| snapshot.set_limits(loaded_at, stale_at));
    }

    /// As [`rebase`](Self::rebase), where the limit is past by a clock that nobody sets: whatever the wall clock says, the
    /// keys stay stale until a set is published, they are confirmed, or their limits are moved again.
    pub fn expire(&mut self, loaded_at: UnixTime, stale_at: UnixTime) {
        self.update(|snapshot| {
            snapshot.set_limits(loaded_at, stale_at);
            snapshot.has_expired = true;
        });
    }

    /// Takes `&mut self` throughout: with one writer, nothing is lost between load and store.
    fn update(&mut self, change: impl FnOnce(&mut KeySnapshot)) {
        let mut next = KeySnapshot::clone(&self.0.snapshot());
        change(&mut next);
        self.0.publish(next);
    }
}

impl fmt::Debug for KeyPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyPublisher")
            .field(&*self.0.snapshot())
            .finish()
    }
}

/// What tells one set of keys from another: each key's name, material (RFC 7638) and algorithms, in any order.
fn identities(keys: &KeySet) -> BTreeSet<(Option<&str>, Thumbprint, AlgorithmSet)> {
    keys.keys()
        .map(|key| (key.kid(), key.thumbprint(), key.algorithms()))
        .collect()
}
