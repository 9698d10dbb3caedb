//! The snapshot that requests read.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Death, State};

use super::{settings::Settings, status::FileStoreStatus};
use crate::{
    format::ApiKeyId,
    store::{key_map::KeyMap, key_store::StoreError},
    stored::StoredKey,
};

/// The longest time until a revocation is seen, whatever the interval.
const REVOCATION_BOUND: Duration = Duration::from_secs(5);

const UNREADABLE: &str = "the key is not among those read before, and the key file cannot be read now: see the status of the store";

#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Arc<KeyMap>,
    pub(super) loaded_at: UnixTime,
    /// When the file was last found to hold these keys.
    pub(super) confirmed_at: Moment,
    /// A check that hangs or panics leaves this set, so its keys become stale too.
    pub(super) is_checking: bool,
    pub(super) failure: Option<Failure>,
    pub(super) warnings: Vec<&'static str>,
    /// Whether the task has died, so that a later success of `reload` must not hide the failure.
    pub(super) is_unwatched: bool,
}

#[derive(Clone)]
pub(super) struct Failure {
    pub(super) error: String,
    pub(super) since: UnixTime,
    /// Whether the log says that the keys are stale.
    pub(super) is_stale: bool,
}

#[derive(Clone)]
pub(super) enum Event {
    Loaded,
    Recovered,
    Failed,
    Stale,
}

impl Snapshot {
    /// `now` is called only after a failure and during a check.
    pub(super) fn lookup(
        &self,
        id: &ApiKeyId,
        now: impl FnOnce() -> Moment,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let found = self.keys.get(id).cloned();
        if self.is_unconfirmed() {
            if self.is_stale(now()) {
                return Err(StoreError::new(
                    "the key file has been unreadable for too long: see the status of the store",
                ));
            }
            if found.is_none() {
                return self.doubt().map_or(Ok(None), Err);
            }
        }
        Ok(found)
    }

    pub(super) fn doubt(&self) -> Option<StoreError> {
        let is_failing = self.failure.is_some();
        is_failing.then(|| StoreError::new(UNREADABLE))
    }

    pub(super) fn is_stale(&self, now: Moment) -> bool {
        let unconfirmed_for = now.duration_since(self.confirmed_at);
        self.is_unconfirmed() && unconfirmed_for > self.settings.outage_limit
    }

    fn is_unconfirmed(&self) -> bool {
        self.is_checking || self.failure.is_some()
    }

    pub(super) fn status(&self, now: Moment) -> FileStoreStatus {
        let failure = self.failure.as_ref();
        FileStoreStatus {
            keys: self.keys.len(),
            loaded_at: self.loaded_at,
            checked_at: self.confirmed_at.wall(),
            last_error: failure.map(|failure| failure.error.clone()),
            failing_since: failure.map(|failure| failure.since),
            is_stale: self.is_stale(now),
            warnings: self.warnings.clone(),
            revocation_bound: REVOCATION_BOUND,
            outage_limit: self.settings.outage_limit,
        }
    }
}

impl State for Snapshot {
    type Event = Event;

    fn died(&mut self, death: Death) -> Event {
        let why = match death {
            Death::RuntimeEnded => "its runtime has ended",
            _ => "its task panicked",
        };
        let path = self.settings.path.display();
        self.is_unwatched = true;
        self.failure = Some(Failure {
            error: format!("{path} is no longer checked: {why}: restart the service"),
            since: self.settings.clock.now(),
            is_stale: false,
        });
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
                let error = self.failure.as_ref().map(|failure| &*failure.error);
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
