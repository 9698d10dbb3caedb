//! The snapshot that requests read.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Death, State};

use super::{changes::Changes, settings::Settings, status::FileStoreStatus, time::to_toml};
use crate::{
    format::ApiKeyId,
    store::{key_map::KeyMap, key_store::StoreError},
    stored::StoredKey,
};

#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Arc<KeyMap>,
    /// `status.confirmed_at` and the monotonic time at it.
    pub(super) confirmed_at: Moment,
    /// Set during a check. One that hangs or panics leaves it set, so the keys become stale as after a failure.
    pub(super) is_checking: bool,
    /// Whether the watch has died. Then nothing confirms the keys any more.
    pub(super) is_dead: bool,
    /// Whether, since `confirmed_at`, the file could not be opened for lack of file descriptors.
    pub(super) is_out_of_descriptors: bool,
    /// As of the last check. `confirmed_at`, `accepted_until` and `is_stale` in here are replaced by
    /// [`status`](Self::status); the stored `is_stale` only detects the change.
    pub(super) status: FileStoreStatus,
}

#[derive(Clone)]
pub(super) enum Event {
    Loaded(Changes),
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
                "the key file has been unusable for longer than `outage_limit`: see the status of the store",
            ));
        }
        match self.keys.get(id) {
            Some(key) => Ok(Some(key.clone())),
            None => self.doubt().map_or(Ok(None), Err),
        }
    }

    pub(super) fn doubt(&self) -> Option<StoreError> {
        self.is_failing().then(|| {
            StoreError::new(
                "the key file cannot be used now, so a key or its new digest may be unknown: see the status of the store",
            )
        })
    }

    pub(super) fn is_failing(&self) -> bool {
        self.status.last_error.is_some()
    }

    /// How long keys that cannot be confirmed are accepted. A lack of descriptors must not extend the life of a revoked
    /// key: callers can cause it.
    fn current_limit(&self) -> Duration {
        match self.is_out_of_descriptors {
            true => (self.settings.outage_limit).min(Settings::REVOCATION_BOUND),
            false => self.settings.outage_limit,
        }
    }

    fn accepted_until(&self) -> UnixTime {
        (self.confirmed_at.wall()).saturating_add(self.current_limit())
    }

    /// Whether the keys could not be confirmed for longer than the limit.
    pub(super) fn is_stale(&self, now: impl FnOnce() -> Moment) -> bool {
        (self.is_checking || self.is_failing())
            && now().duration_since(self.confirmed_at) > self.current_limit()
    }

    /// Notes a failure, which is an event if the error is new.
    pub(super) fn fail(
        &mut self,
        error: String,
        reason: &'static str,
        since: UnixTime,
    ) -> Option<Event> {
        self.status.failing_since.get_or_insert(since);
        let is_new = self.status.last_error.as_ref() != Some(&error);
        self.status.last_error = Some(error);
        self.status.reason = Some(reason);
        is_new.then_some(Event::Failed)
    }

    pub(super) fn status(&self, now: impl FnOnce() -> Moment) -> FileStoreStatus {
        FileStoreStatus {
            confirmed_at: self.confirmed_at.wall(),
            is_stale: self.is_stale(now),
            accepted_until: self.is_failing().then(|| self.accepted_until()),
            ..self.status.clone()
        }
    }
}

impl State for Snapshot {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        let path = self.settings.path.display();
        let error = format!("checks of {path} stopped: restart the service");
        self.fail(error, "checks stopped", self.settings.clock.now());
        self.is_dead = true;
        Event::Failed
    }

    fn log(&self, event: &Event) {
        let (path, keys) = (self.settings.path.display(), self.keys.len());
        match event {
            Event::Loaded(changes) if changes.are_suspicious() => tracing::warn!(
                %path, keys, changes = changes.to_string(),
                "API keys loaded: keys disappeared that were neither revoked nor expired, or revoked keys are valid again: if \
                 that is not intended, restore the file from a backup"
            ),
            Event::Loaded(changes) => {
                tracing::info!(%path, keys, changes = changes.to_string(), "API keys loaded");
            }
            Event::Recovered => {
                tracing::info!(%path, keys, "API key file is usable again: its current keys are in force");
            }
            Event::Failed => {
                let error = self.status.last_error.as_deref();
                let until = to_toml(UnixTime::from_secs(self.accepted_until().as_secs()));
                tracing::error!(
                    %path, error,
                    "API key file cannot be used: changes such as revocations are not seen, and the keys read before are \
                     accepted until {until}, then every API key is refused with 503"
                );
            }
            Event::Stale => tracing::error!(
                %path,
                "API key file has been unusable for longer than the limit of {} s: every API key is refused with 503 until the \
                 file is usable", self.current_limit().as_secs()
            ),
        }
    }
}
