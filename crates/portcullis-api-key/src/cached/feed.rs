//! What the instance knows of the store, as a snapshot that requests read.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, UnixTime};
use portcullis_worker::{Death, State};

use super::settings::Settings;
use crate::{source::Position, store::StoreError};

#[derive(Clone)]
pub(super) struct Feed {
    pub(super) settings: Arc<Settings>,
    /// The store's name.
    pub(super) store: Arc<str>,
    /// The position up to which all changes were taken over.
    pub(super) position: Position,
    /// When the sync that confirmed this began.
    pub(super) synced: Moment,
    /// The number of that sync.
    pub(super) synced_number: u64,
    /// `None` if the last sync succeeded.
    pub(super) failure: Option<SyncFailure>,
    /// Whether the store has answered the sync under way, which may take a while longer.
    pub(super) is_answering: bool,
    /// A restore of the store that no operator has confirmed.
    pub(super) restore: Option<Restore>,
    pub(super) is_dead: bool,
    pub(super) was_stale: bool,
}

#[derive(Clone)]
pub(super) struct SyncFailure {
    pub(super) error: StoreError,
    pub(super) since: UnixTime,
}

#[derive(Clone, Copy)]
pub(super) struct Restore {
    /// How many restores were confirmed when it was noticed.
    pub(super) confirmed_before: u64,
    /// Whether the store was told of it.
    pub(super) is_reported: bool,
}

#[derive(Clone)]
pub(super) enum Event {
    Loaded { keys: usize },
    Failed,
    Recovered,
    Stale,
    Restored,
    RestoreGone,
    Revoked(Arc<str>),
}

/// How far cached verdicts can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Changes are known up to a moment ago.
    Fresh,
    /// The store has not been asked for changes in time, though it may be reachable: the machine slept, a clock was set, or a
    /// sync takes long. Each key must be read from the store.
    Overdue,
    /// The store cannot be reached.
    Outage,
}

impl Feed {
    /// The state before the store was read.
    pub(super) fn new(settings: Arc<Settings>, store: Arc<str>) -> Self {
        Self {
            synced: Moment::new(settings.clock.now(), Duration::ZERO),
            settings,
            store,
            position: Position {
                revision: 0,
                mark: 0,
                restores: 0,
            },
            synced_number: 0,
            failure: None,
            is_answering: false,
            restore: None,
            is_dead: false,
            was_stale: false,
        }
    }

    #[inline]
    pub(super) fn trust(&self, now: Moment) -> Result<Trust, StoreError> {
        if self.restore.is_some() {
            return Err(self.unconfirmed());
        }
        let age = now.duration_since(self.synced);
        if age <= self.settings.reachable_bound {
            Ok(Trust::Fresh)
        } else if !self.is_store_failing() {
            Ok(Trust::Overdue)
        } else if age <= self.settings.unreachable_bound {
            Ok(Trust::Outage)
        } else {
            Err(self.stale())
        }
    }

    /// Whether the store failed when it was last asked. A task that died proves nothing about the store.
    pub(super) fn is_store_failing(&self) -> bool {
        self.failure.is_some() && !self.is_answering && !self.is_dead
    }

    pub(super) fn is_stale(&self, now: Moment) -> bool {
        self.failure.is_some() && now.duration_since(self.synced) > self.settings.unreachable_bound
    }

    /// Why unknown ids and wrong secrets cannot be told from keys that were created or changed lately.
    pub(super) fn doubt(&self, now: Moment) -> Option<StoreError> {
        if let Err(refusal) = self.trust(now) {
            return Some(refusal);
        }
        let failure = self.failure.as_ref()?;
        Some(StoreError::new(format!(
            "the key store {} cannot be read ({}), and may have new or changed keys: see that it can be reached",
            self.store, failure.error
        )))
    }

    #[cold]
    fn unconfirmed(&self) -> StoreError {
        StoreError::new(format!(
            "the key store {} seems restored from a backup, so that revoked keys may be valid again: check the keys, and run \
             `portcullis keys confirm-restore`",
            self.store
        ))
    }

    #[cold]
    fn stale(&self) -> StoreError {
        StoreError::new(format!(
            "the key store {} could not be read for longer than {:?} (`unreachable_bound`): see that it can be reached",
            self.store, self.settings.unreachable_bound
        ))
    }

    /// Notes that a sync failed.
    pub(super) fn fail(&mut self, error: StoreError, now: UnixTime) -> Option<Event> {
        let before = self.failure.as_ref();
        let is_new = before.is_none_or(|before| before.error != error);
        let since = before.map_or(now, |before| before.since);
        self.failure = Some(SyncFailure { error, since });
        is_new.then_some(Event::Failed)
    }
}

impl State for Feed {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        self.is_dead = true;
        let error = StoreError::new("the task that reads its changes stopped: restart the service");
        self.fail(error, self.settings.clock.now());
        Event::Failed
    }

    fn log(&self, event: &Event) {
        let store = &*self.store;
        match event {
            Event::Loaded { keys } => tracing::info!(store, keys, "API key store read"),
            Event::Recovered => {
                tracing::info!(
                    store,
                    "API key store can be read again: all changes are in force"
                );
            }
            Event::Failed => {
                let error = self
                    .failure
                    .as_ref()
                    .map(|failure| failure.error.to_string());
                tracing::error!(
                    store,
                    error,
                    "API key store cannot be read: changes such as revocations are not seen. Keys that were used before are \
                     accepted until {:?} after the last success, other keys get 503: see that the store can be reached",
                    self.settings.unreachable_bound
                );
            }
            Event::Stale => tracing::error!(
                store,
                "API key store could not be read for longer than {:?} (`unreachable_bound`): every API key gets 503 until it can \
                 be reached again",
                self.settings.unreachable_bound
            ),
            Event::Restored => tracing::error!(
                store,
                revision = self.position.revision,
                "API key store seems restored from a backup: its last changes are gone, and revoked keys may be valid again. \
                 Every API key gets 503 until you confirm: revoke again the keys that this log names as revoked since the \
                 backup, then run `portcullis keys confirm-restore`"
            ),
            Event::RestoreGone => {
                tracing::warn!(
                    store,
                    "API key store is no longer refused: the restore was confirmed, or undone"
                );
            }
            Event::Revoked(ids) => tracing::info!(store, ids = &**ids, "API keys revoked"),
        }
    }
}
