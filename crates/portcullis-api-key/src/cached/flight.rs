//! Fetches of single keys.

use std::{pin::Pin, sync::Arc};

use futures_util::FutureExt;
use portcullis_core::clock::Moment;
use portcullis_worker::Worker;

use super::{
    feed::Feed,
    settings::Settings,
    shared::Shared,
    verdicts::{Fetched, Flight, Outdated},
};
use crate::{
    format::ApiKeyId,
    record::KeyRecord,
    store::{PendingLookup, StoreError},
    stored::StoredKey,
};

/// Fetches a key, or joins the fetch under way. The fetch goes on while one caller waits for it.
pub(super) fn begin(
    shared: &Arc<Shared>,
    sync: &Worker<Feed>,
    id: &ApiKeyId,
    now: Moment,
) -> Flight {
    let fetch = |number| {
        // Made here: a future that is dropped before its first poll must be forgotten too.
        let entry = Entry {
            shared: shared.clone(),
            id: *id,
            number,
            begun: now,
        };
        let sync = sync.clone();
        let fetch: Pin<Box<dyn Future<Output = Fetched> + Send>> = Box::pin(async move {
            let found = entry.fetch(&sync).await;
            Fetched { begun: now, found }
        });
        fetch.shared()
    };
    shared.verdicts.begin(id, now, fetch)
}

/// Waits for a fetch. A caller that did not poll for long, or a machine that slept, gets no outdated answer.
pub(super) fn wait_for(flight: Flight, sync: Worker<Feed>) -> PendingLookup {
    Box::pin(async move {
        let Fetched { begun, found } = flight.await;
        let (now, feed) = (sync.now(), sync.state());
        feed.trust(now)?;
        match now.duration_since(begun) <= feed.settings.reachable_bound {
            true => found,
            false => Err(StoreError::new(
                "a key was read too long ago: the service is overloaded, the machine slept, or its clock was set",
            )),
        }
    })
}

/// A fetch that is listed among the verdicts.
struct Entry {
    shared: Arc<Shared>,
    id: ApiKeyId,
    number: u64,
    begun: Moment,
}

impl Entry {
    async fn fetch(&self, sync: &Worker<Feed>) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let (id, source) = (self.id, self.shared.source.clone());
        let query = async move { source.fetch(&id).await };
        let read = match sync.within(Settings::QUERY_LIMIT, query).await {
            Some(read) => read,
            None => Err(StoreError::new(format!(
                "the key store {} did not answer within {:?}: see that it can be reached",
                self.shared.name,
                Settings::QUERY_LIMIT
            ))),
        };
        match read {
            Ok(record) => self.settle(record),
            Err(error) => self.fall_back(error, &sync.state(), sync.now()),
        }
    }

    fn settle(&self, record: Option<KeyRecord>) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let verdicts = &self.shared.verdicts;
        let settled = verdicts.settle(&self.id, self.number, record, self.begun);
        settled.map_err(|Outdated| {
            StoreError::new(
                "the key store was restored while a key was read, or the read took too long",
            )
        })
    }

    /// A key that is cached passes although it could not be read now, as in an outage.
    fn fall_back(
        &self,
        error: StoreError,
        feed: &Feed,
        now: Moment,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let is_stale = now.duration_since(feed.synced) > self.shared.settings.unreachable_bound;
        match self.shared.verdicts.get(&self.id, |_| !is_stale) {
            Some(key) => Ok(Some(key)),
            None => Err(error),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.verdicts.abandon(&self.id, self.number);
    }
}
