//! The snapshot that requests read.

use std::sync::Arc;

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Death, State};

use super::{settings::Settings, status::FileStoreStatus};
use crate::{
    format::ApiKeyId,
    store::{key_map::KeyMap, key_store::StoreError},
    stored::StoredKey,
};

const UNREADABLE: &str = "the key is not among those read before, and the key file cannot be read now: see the status of the store";

#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Arc<KeyMap>,
    /// When the file was last found to hold these keys.
    pub(super) confirmed_at: Moment,
    /// A check that hangs or panics leaves this set, so its keys become stale too.
    pub(super) is_checking: bool,
    /// As of the last check.
    pub(super) status: FileStoreStatus,
}

#[derive(Clone)]
pub(super) enum Event {
    Loaded,
    Recovered,
    Failed,
    Stale,
}

impl Snapshot {
    pub(super) fn lookup(
        &self,
        id: &ApiKeyId,
        now: impl FnOnce() -> Moment,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        if self.is_stale(now) {
            return Err(StoreError::new(
                "the key file has not been read for too long: see the status of the store",
            ));
        }
        match self.keys.get(id) {
            Some(key) => Ok(Some(key.clone())),
            None => self.doubt().map_or(Ok(None), Err),
        }
    }

    pub(super) fn doubt(&self) -> Option<StoreError> {
        self.is_failing().then(|| StoreError::new(UNREADABLE))
    }

    pub(super) fn is_failing(&self) -> bool {
        self.status.last_error.is_some()
    }

    /// Whether the keys could not be confirmed for longer than the limit.
    pub(super) fn is_stale(&self, now: impl FnOnce() -> Moment) -> bool {
        (self.is_checking || self.is_failing())
            && now().duration_since(self.confirmed_at) > self.settings.outage_limit
    }

    /// Notes a failure, which is an event if the error is new.
    pub(super) fn fail(&mut self, error: String, since: UnixTime) -> Option<Event> {
        self.status.failing_since.get_or_insert(since);
        let is_new = self.status.last_error.as_ref() != Some(&error);
        self.status.last_error = Some(error);
        is_new.then_some(Event::Failed)
    }

    pub(super) fn status(&self, now: impl FnOnce() -> Moment) -> FileStoreStatus {
        FileStoreStatus {
            is_stale: self.is_stale(now),
            ..self.status.clone()
        }
    }
}

impl State for Snapshot {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        let path = self.settings.path.display();
        let error = format!("checks of {path} stopped: restart the service");
        self.fail(error, self.settings.clock.now());
        Event::Failed
    }

    fn log(&self, event: &Event) {
        let path = self.settings.path.display();
        match event {
            Event::Loaded => tracing::info!(%path, keys = self.keys.len(), "API keys loaded"),
            Event::Recovered => {
                tracing::info!(%path, "API key file can be used again: changes are seen");
            }
            Event::Failed => {
                let error = self.status.last_error.as_deref();
                let limit = self.settings.outage_limit.as_secs();
                tracing::error!(
                    error,
                    "API key file cannot be used: changes such as revocations are not seen, and the keys read before are \
                     accepted for {limit} s"
                );
            }
            Event::Stale => tracing::error!(
                %path,
                "API key file has been unusable for too long: every API key gets 503 until the file is repaired"
            ),
        }
    }
}
