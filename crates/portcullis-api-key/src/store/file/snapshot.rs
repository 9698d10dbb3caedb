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
    pub(super) fn lookup(
        &self,
        id: &ApiKeyId,
        now: Moment,
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
        let is_failing = self.failure.is_some();
        is_failing.then(|| StoreError::new(UNREADABLE))
    }

    /// Whether the keys were not confirmed for longer than the limit. A runtime that does not run starts no checks, which
    /// leaves no other sign. A clock that is set ahead between two checks does not count.
    pub(super) fn is_stale(&self, now: Moment) -> bool {
        let is_unconfirmed = self.is_checking || self.failure.is_some();
        let unconfirmed_for = match is_unconfirmed {
            true => now.duration_since(self.confirmed_at),
            false => now
                .monotonic()
                .saturating_sub(self.confirmed_at.monotonic()),
        };
        unconfirmed_for > self.settings.outage_limit
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
            error: format!("checks of {path} stopped because {why}: restart the service"),
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

#[cfg(test)]
mod tests {
    use portcullis_core::clock::system_clock;

    use super::*;

    #[test]
    fn keys_become_stale_when_no_check_runs() {
        let limit = Duration::from_secs(15 * 60);
        let at = |wall: u64, monotonic: u64| {
            Moment::new(UnixTime::from_secs(wall), Duration::from_secs(monotonic))
        };
        let snapshot = Snapshot {
            settings: Arc::new(Settings {
                path: "keys.toml".into(),
                accept_writable_by_everyone: false,
                interval: Duration::from_secs(1),
                outage_limit: limit,
                clock: system_clock(),
            }),
            keys: Arc::default(),
            loaded_at: UnixTime::from_secs(1_000),
            confirmed_at: at(1_000, 0),
            is_checking: false,
            failure: None,
            warnings: Vec::new(),
            is_unwatched: false,
        };
        assert!(!snapshot.is_stale(at(1_900, 900)));
        assert!(snapshot.is_stale(at(1_901, 901)));
        assert!(snapshot.is_stale(at(1_000, 901)), "the clock was set back");
        assert!(!snapshot.is_stale(at(9_000, 1)), "the clock was set ahead");
        assert!(snapshot.status(at(1_901, 901)).is_stale);
    }
}
