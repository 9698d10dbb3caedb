use std::{fmt, sync::Arc, time::Duration};

use portcullis_core::clock::Moment;
use portcullis_worker::Worker;
use tokio::time::timeout;

use super::{
    feed::{Feed, Trust},
    flight,
    flush::Flush,
    push::Push,
    shared::Shared,
    status::CachedStoreStatus,
};
use crate::{
    format::ApiKeyId,
    record::KeyRecord,
    source::{Bus, BusMessage},
    store::{KeyStore, Lookup, StoreError},
};

/// A store that answers over IO, such as a database, with a cache of its keys in this process.
///
/// A key that was used before is answered from memory. A change, such as a revocation, takes effect within milliseconds if a
/// [`Bus`](crate::Bus) delivers, otherwise within about a second. Two bounds hold whatever fails: while the store can be reached,
/// a revoked key is accepted for at most 5 s (`reachable_bound`); while it cannot, for at most 15 min (`unreachable_bound`), and
/// then every key gets 503. A clock that is set and a machine that sleeps count as time that has passed.
///
/// | the key | the store can be reached | it cannot |
/// |---|---|---|
/// | was used before | answered from memory | answered from memory until the bound |
/// | exists, and was not used before | one query, shared by all who wait for it | 503 |
/// | does not exist, and the bus delivers | 401 without a query | 503 |
/// | does not exist, and the bus does not deliver | a query, remembered for 5 s; 503 beyond 200 queries a second | 503 |
///
/// While the bus delivers, a key that another instance creates is unknown here until its message arrives, or until the next
/// poll if the message is lost.
///
/// A store that was restored from a backup would revive revoked keys, so all keys get 503 until an operator runs
/// `portcullis keys confirm-restore`.
///
/// Clones share the cache. Its tasks stop when the last clone is dropped.
#[derive(Clone)]
pub struct CachedStore(Arc<Inner>);

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) sync: Worker<Feed>,
    pub(super) push: Option<Worker<Push>>,
    pub(super) flush: Worker<Flush>,
    pub(super) bus: Option<Arc<dyn Bus>>,
}

impl CachedStore {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Takes over all changes that the store has now, instead of waiting for the next poll.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, waits for the confirmation of a restore, or the task that reads it has stopped.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let sync = &self.0.sync;
        let ended = sync.run_once().await;
        ended.map_err(|ended| StoreError::new(ended.to_string()))?;
        let feed = sync.state();
        feed.trust(sync.now())?;
        match &feed.failure {
            Some(failure) => Err(failure.error.clone()),
            None => Ok(()),
        }
    }

    /// The state of the cache.
    #[must_use]
    pub fn status(&self) -> CachedStoreStatus {
        let Inner {
            shared,
            sync,
            push,
            flush,
            ..
        } = &*self.0;
        let now = sync.now();
        let push = push.as_ref().map(|push| push.state().status(now));
        CachedStoreStatus::of(shared, &sync.state(), push, &flush.state(), now)
    }

    /// Records the uses of keys in the store now, instead of within 10 s.
    ///
    /// # Errors
    ///
    /// When the store cannot be written: the uses are kept, and recorded later. When the task that records them has stopped.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        let flush = &self.0.flush;
        let ended = flush.run_once().await;
        ended.map_err(|ended| StoreError::new(ended.to_string()))?;
        let failure = flush.state().failure.clone();
        failure.map_or(Ok(()), Err)
    }

    /// Records the uses of keys a last time, and stops the tasks. From then on, keys are read from the store and later refused.
    ///
    /// # Errors
    ///
    /// As [`flush_uses`](Self::flush_uses): the uses since the last record are lost. The tasks are stopped nevertheless.
    pub async fn shut_down(&self) -> Result<(), StoreError> {
        let flushed = self.flush_uses().await;
        if let Some(push) = &self.0.push {
            push.stop().await;
        }
        self.0.sync.stop().await;
        self.0.flush.stop().await;
        flushed
    }

    /// Takes over a change that this process made, and tells the other instances. A failure is no failure of the change: the
    /// polls of all instances see it.
    pub(super) async fn take_over_own(&self, changed: Option<&KeyRecord>) {
        let shared = &self.0.shared;
        if let Some(record) = changed {
            shared.known.insert(&record.id);
            shared.verdicts.apply(record);
        }
        // The log has the error of a refresh.
        let is_refreshed = self.refresh().await.is_ok();
        let position = self.0.sync.state().position.revision;
        // Without a refresh, the number of the change may be unknown, but it is higher.
        self.publish(if is_refreshed {
            position
        } else {
            position.saturating_add(1)
        })
        .await;
    }

    async fn publish(&self, revision: u64) {
        const LIMIT: Duration = Duration::from_secs(2);

        let Some(bus) = &self.0.bus else { return };
        let too_slow = || StoreError::new(format!("no answer within {LIMIT:?}"));
        let published = timeout(LIMIT, bus.publish(BusMessage::Changed(revision))).await;
        if let Err(error) = published.unwrap_or_else(|_| Err(too_slow())) {
            tracing::warn!(
                bus = bus.name(),
                %error,
                "bus did not take the news of a changed API key: other instances see the change when they poll, within about a \
                 second"
            );
        }
    }
}

impl KeyStore for CachedStore {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        let Inner { shared, sync, .. } = &*self.0;
        let (now, feed) = (sync.now(), sync.state());
        let trust = match feed.trust(now) {
            Ok(trust) => trust,
            Err(refusal) => return Lookup::Ready(Err(refusal)),
        };
        let bound = shared.settings.reachable_bound;
        let suits = |read| trust != Trust::Overdue || now.duration_since(read) <= bound;
        match shared.verdicts.get(id, suits) {
            Some(key) => Lookup::Ready(Ok(Some(key))),
            None => self.0.look_up_in_store(id, &feed, trust, now),
        }
    }

    fn doubt(&self) -> Option<StoreError> {
        let sync = &self.0.sync;
        sync.state().doubt(sync.now())
    }
}

impl Inner {
    #[cold]
    fn look_up_in_store(&self, id: &ApiKeyId, feed: &Feed, trust: Trust, now: Moment) -> Lookup {
        let Self {
            shared, sync, push, ..
        } = self;
        let misses = shared.verdicts.misses();
        let is_known = shared.known.contains(id);
        if !is_known {
            if let Some(doubt) = feed.doubt(now) {
                return Lookup::Ready(Err(doubt));
            }
            let hears_of_keys = |push: &Worker<Push>| push.state().hears(feed, now);
            if trust == Trust::Fresh && push.as_ref().is_some_and(hears_of_keys) {
                return Lookup::Ready(Ok(None));
            }
        }
        if misses.is_absent(id, now) {
            return Lookup::Ready(feed.doubt(now).map_or(Ok(None), Err));
        }
        if let Some(flight) = shared.verdicts.flight(id, now) {
            return Lookup::Pending(flight::wait_for(flight, sync.clone()));
        }
        if !is_known && !misses.take_query(now) {
            return Lookup::Ready(Err(StoreError::new(format!(
                "more than {} unknown ids a second were looked up in the key store {} (`miss_limit`): someone tries ids, or \
                 the bus that tells of new keys does not deliver",
                shared.settings.miss_limit, shared.name
            ))));
        }
        let flight = flight::begin(shared, sync, id, now);
        Lookup::Pending(flight::wait_for(flight, sync.clone()))
    }
}

impl fmt::Debug for CachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
