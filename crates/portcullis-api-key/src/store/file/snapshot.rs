//! The snapshot that requests read.

use std::{path::PathBuf, sync::Arc, time::Duration};

use portcullis_core::clock::{Moment, SharedClock, UnixTime};
use portcullis_worker::{Death, State};

use super::{changes::Changes, time::to_rfc3339};
use crate::{
    format::ApiKeyId,
    store::key_store::StoreError,
    stored::{KeyMap, StoredKey},
};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) accept_writable_by_everyone: bool,
    pub(super) interval: Duration,
    pub(super) outage_limit: Duration,
    pub(super) clock: SharedClock,
}

impl Settings {
    /// The time within which a revocation must be seen.
    pub(super) const REVOCATION_BOUND: Duration = Duration::from_secs(5);
    /// How long a check may take before unknown ids are in doubt: the bound is the longest interval plus such a check.
    pub(super) const LONGEST_READ: Duration = Duration::from_secs(1);
    pub(super) const MAX_INTERVAL: Duration =
        Self::REVOCATION_BOUND.saturating_sub(Self::LONGEST_READ);
}

/// The state of a [`FileStore`](crate::FileStore), for readiness and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStoreStatus {
    /// The number of keys, revoked and expired ones included.
    pub keys: usize,
    /// When the file was last found to hold these keys.
    pub confirmed_at: UnixTime,
    /// The error of the last check of the file; `None` if the check succeeded.
    pub last_error: Option<String>,
    /// The kind of `last_error`, such as "missing" or "malformed", for endpoints that strangers can read.
    pub reason: Option<&'static str>,
    /// Since when checks fail: later changes of the file, such as revocations, are not seen.
    pub failing_since: Option<UnixTime>,
    /// While checks fail, until when the keys read before are accepted.
    pub accepted_until: Option<UnixTime>,
    /// What the operator should change about the file's permissions or mount.
    pub warnings: Vec<&'static str>,
    /// Whether the keys were not confirmed for longer than the outage limit, or for 5 s if the process has no free file
    /// descriptor. Then every key gets 503.
    pub is_stale: bool,
}

#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Arc<KeyMap>,
    /// When the file was last found to hold these keys.
    pub(super) confirmed_at: Moment,
    /// When the check under way began. A check that hangs or panics leaves it set, so the keys become stale as after a failure.
    pub(super) checking_since: Option<Moment>,
    /// Whether the watch has died. The keys are then never confirmed again.
    pub(super) is_dead: bool,
    /// Whether a check since `confirmed_at` failed for lack of a free file descriptor.
    pub(super) is_out_of_descriptors: bool,
    /// `None` if the last check succeeded.
    pub(super) failure: Option<CheckFailure>,
    pub(super) warnings: Vec<&'static str>,
    pub(super) was_stale: bool,
}

#[derive(Clone)]
pub(super) struct CheckFailure {
    error: String,
    reason: &'static str,
    /// When the first of the failed checks in a row began.
    since: UnixTime,
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
        now: impl Fn() -> Moment,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        if self.is_stale(&now) {
            let (path, limit) = (self.settings.path.display(), self.current_limit());
            return Err(StoreError::new(format!(
                "the key file {path} has been unusable for longer than {limit:?} (`outage_limit`, at most 5 s without free file \
                 descriptors): correct the error in the log, or see whether its file system answers"
            )));
        }
        match self.keys.get(id) {
            Some(key) => Ok(Some(key.clone())),
            None => self.doubt(now).map_or(Ok(None), Err),
        }
    }

    pub(super) fn doubt(&self, now: impl FnOnce() -> Moment) -> Option<StoreError> {
        let (reason, advice) = match &self.failure {
            Some(failure) => (failure.reason, "correct the error in the log"),
            None => {
                let (begun, now) = (self.checking_since?, now());
                let is_late = now.duration_since(self.confirmed_at) > Settings::REVOCATION_BOUND;
                if !is_late || now.duration_since(begun) <= Settings::LONGEST_READ {
                    return None;
                }
                ("a check does not end", "see if its file system answers")
            }
        };
        Some(StoreError::new(format!(
            "the key file {} cannot be used now ({reason}), and may have new or changed keys that were not read: {advice}",
            self.settings.path.display()
        )))
    }

    /// How long keys are accepted after they were last confirmed. The limit is short for a lack of descriptors: callers can
    /// cause it, and a revoked key must not profit from it.
    fn current_limit(&self) -> Duration {
        match self.is_out_of_descriptors {
            true => (self.settings.outage_limit).min(Settings::REVOCATION_BOUND),
            false => self.settings.outage_limit,
        }
    }

    fn accepted_until(&self) -> UnixTime {
        (self.confirmed_at.wall()).saturating_add(self.current_limit())
    }

    /// Whether the last confirmation is older than the limit, and a check is under way or the last one failed.
    pub(super) fn is_stale(&self, now: impl FnOnce() -> Moment) -> bool {
        (self.checking_since.is_some() || self.failure.is_some())
            && now().duration_since(self.confirmed_at) > self.current_limit()
    }

    /// Notes the failure of a check, which is an event if the error is new.
    pub(super) fn fail(
        &mut self,
        error: String,
        reason: &'static str,
        now: UnixTime,
    ) -> Option<Event> {
        let before = self.failure.as_ref();
        let is_new = before.is_none_or(|before| before.error != error);
        let since = before.map_or(now, |before| before.since);
        self.failure = Some(CheckFailure {
            error,
            reason,
            since,
        });
        is_new.then_some(Event::Failed)
    }

    pub(super) fn status(&self, now: impl FnOnce() -> Moment) -> FileStoreStatus {
        let failure = self.failure.as_ref();
        FileStoreStatus {
            keys: self.keys.len(),
            confirmed_at: self.confirmed_at.wall(),
            last_error: failure.map(|failure| failure.error.clone()),
            reason: failure.map(|failure| failure.reason),
            failing_since: failure.map(|failure| failure.since),
            accepted_until: failure.map(|_| self.accepted_until()),
            warnings: self.warnings.clone(),
            is_stale: self.is_stale(now),
        }
    }
}

impl State for Snapshot {
    type Event = Event;

    fn died(&mut self, _: Death) -> Event {
        let path = self.settings.path.display();
        let error =
            format!("the task that checks the API key file {path} stopped: restart the service");
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
                let error = self.failure.as_ref().map(|failure| &*failure.error);
                let until = to_rfc3339(UnixTime::from_secs(self.accepted_until().as_secs()));
                tracing::error!(
                    %path, error,
                    "API key file cannot be used: changes such as revocations are not seen, and the keys read before are \
                     accepted until {until}, then every API key is refused with 503: correct the error"
                );
            }
            Event::Stale => tracing::error!(
                %path,
                "API key file has been unusable for longer than {:?} (`outage_limit`, at most 5 s without free file descriptors): every API \
                 key is refused with 503 until it is usable again: correct the error that was logged before", self.current_limit()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::SystemClock;

    use super::*;

    #[test]
    fn unknown_id_is_in_doubt_while_a_check_does_not_end() {
        let start = UnixTime::from_secs(1_000);
        let settings = Settings {
            path: "keys.toml".into(),
            accept_writable_by_everyone: false,
            interval: Duration::from_secs(2),
            outage_limit: Duration::from_secs(900),
            clock: Arc::new(SystemClock),
        };
        let mut snapshot = Snapshot {
            settings: Arc::new(settings),
            keys: Arc::default(),
            confirmed_at: Moment::new(start, Duration::ZERO),
            checking_since: None,
            is_dead: false,
            is_out_of_descriptors: false,
            failure: None,
            warnings: Vec::new(),
            was_stale: false,
        };
        let id = ApiKeyId::random().expect("random numbers");
        let is_doubted = |snapshot: &Snapshot, age| {
            let age = Duration::from_secs(age);
            let found = snapshot.lookup(&id, || Moment::new(start.saturating_add(age), age));
            found.is_err()
        };
        assert!(!is_doubted(&snapshot, 60));
        for (begun, doubted_from) in [(0, 6), (4, 6), (8, 10)] {
            let age = Duration::from_secs(begun);
            snapshot.checking_since = Some(Moment::new(start.saturating_add(age), age));
            assert!(!is_doubted(&snapshot, doubted_from - 1), "{begun}");
            assert!(is_doubted(&snapshot, doubted_from), "{begun}");
        }
    }
}
