use std::time::Duration;

use portcullis_core::clock::{Moment, UnixTime};

use super::{feed::Feed, flush::Flush, push::PushState, shared::Shared};

/// The state of a [`CachedStore`](crate::CachedStore), for readiness and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedStoreStatus {
    /// The store's name.
    pub store: String,
    /// The number of ids that are known, revoked and expired keys included.
    pub keys: usize,
    /// The number of keys in the cache.
    pub cached: usize,
    /// Whether the bus delivers; `None` without a bus.
    pub push: Option<PushState>,
    /// How long a revoked key may be accepted at most: the bound for a store that can be reached, or for one that cannot.
    pub bound: Duration,
    /// Whether the store could be read at the last attempt.
    pub is_reachable: bool,
    /// When the last successful sync with the store began.
    pub last_sync: UnixTime,
    /// The error of the last sync; `None` if it succeeded.
    pub last_error: Option<String>,
    /// Since when syncs fail.
    pub failing_since: Option<UnixTime>,
    /// While syncs fail, until when keys that were used before are accepted.
    pub accepted_until: Option<UnixTime>,
    /// Whether syncs fail for longer than the bound. Then every key gets 503.
    pub is_stale: bool,
    /// Whether the store seems restored from a backup, and no operator has confirmed it. Then every key gets 503.
    pub has_unconfirmed_restore: bool,
    /// Why the uses of keys could not be recorded at the last attempt.
    pub uses_error: Option<String>,
    /// How many uses were not counted, since too many keys waited to be recorded.
    pub dropped_uses: u64,
}

impl CachedStoreStatus {
    pub(super) fn of(
        shared: &Shared,
        feed: &Feed,
        push: Option<PushState>,
        flush: &Flush,
        now: Moment,
    ) -> Self {
        let settings = &feed.settings;
        let failure = feed.failure.as_ref();
        let bound = match feed.is_store_failing() {
            true => settings.unreachable_bound,
            false => settings.reachable_bound,
        };
        let accepted_until = (feed.synced.wall()).saturating_add(settings.unreachable_bound);
        Self {
            store: feed.store.to_string(),
            keys: shared.known.len(),
            cached: shared.verdicts.len(),
            push,
            bound,
            is_reachable: failure.is_none(),
            last_sync: feed.synced.wall(),
            last_error: failure.map(|failure| failure.error.to_string()),
            failing_since: failure.map(|failure| failure.since),
            accepted_until: failure.map(|_| accepted_until),
            is_stale: feed.is_stale(now),
            has_unconfirmed_restore: feed.restore.is_some(),
            uses_error: flush.failure.as_ref().map(ToString::to_string),
            dropped_uses: flush.dropped,
        }
    }
}
