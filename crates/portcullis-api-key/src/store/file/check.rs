//! The snapshot that requests read, and the checks of the file that replace it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use portcullis_core::{SharedClock, UnixTime};
use portcullis_file::{Stamp, WatchedFile};

use super::{
    error::KeyFileError,
    read::{MAX_BYTES, check_trust, parse},
    status::FileStoreStatus,
};
use crate::{
    format::ApiKeyId,
    record::KeyRecord,
    store::{
        key_map::{self, KeyMap},
        key_store::StoreError,
    },
    stored::StoredKey,
};

/// The longest time until a revocation is seen, whatever the interval.
const REVOCATION_BOUND: Duration = Duration::from_secs(5);

/// The coarsest file times: some file systems record only even seconds.
const COARSEST_TIMES: Duration = Duration::from_secs(2);

const UNREADABLE: &str = "the key is not among those read before, and the key file cannot be read now: see the status of the store";

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) accept_writable_by_everyone: bool,
    pub(super) interval: Duration,
    pub(super) outage_limit: Duration,
    pub(super) clock: SharedClock,
}

pub(super) struct Shared {
    settings: Settings,
    snapshot: ArcSwap<Snapshot>,
    /// Held during a check, so that `snapshot` has one writer; never by a request.
    watched: Mutex<Watched>,
}

/// What requests read.
#[derive(Clone)]
struct Snapshot {
    keys: Arc<KeyMap>,
    loaded_at: UnixTime,
    /// When the file was last found to hold these keys.
    confirmed_at: UnixTime,
    /// The number of periodic checks begun since then. They measure time when the clock is set back.
    unconfirmed_checks: u32,
    /// A check that hangs or panics leaves this set, so its keys become stale too.
    is_checking: bool,
    failure: Option<Failure>,
    warnings: Vec<&'static str>,
}

#[derive(Clone)]
struct Failure {
    error: String,
    since: UnixTime,
    is_stale: bool,
}

struct Watched {
    file: WatchedFile,
    /// The stamp at the last reading, and at how many checks in succession it was the same.
    seen: Option<(Stamp, u32)>,
}

impl Shared {
    /// Reads the file for the first time.
    pub(super) fn load(settings: Settings) -> Result<Self, KeyFileError> {
        let mut watched = Watched {
            file: WatchedFile::new("API key file", &settings.path, MAX_BYTES),
            seen: None,
        };
        let records = watched.read(&settings)?;
        let now = settings.clock.now();
        let path = settings.path.display();
        tracing::info!(%path, keys = records.len(), "API keys loaded");
        let snapshot = Snapshot {
            keys: Arc::new(index(records, &KeyMap::default())),
            loaded_at: now,
            confirmed_at: now,
            unconfirmed_checks: 0,
            is_checking: false,
            failure: None,
            warnings: watched.file.warnings().to_vec(),
        };
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            watched: Mutex::new(watched),
            settings,
        })
    }

    pub(super) fn lookup(&self, id: &ApiKeyId) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let snapshot = self.snapshot.load();
        let found = snapshot.keys.get(id).cloned();
        // Only then is the clock read.
        if snapshot.is_unconfirmed() {
            if self.is_stale(&snapshot, self.settings.clock.now()) {
                return Err(StoreError::new(
                    "the key file has been unreadable for too long: see the status of the store",
                ));
            }
            if found.is_none() && snapshot.failure.is_some() {
                return Err(StoreError::new(UNREADABLE));
            }
        }
        Ok(found)
    }

    pub(super) fn doubt(&self) -> Option<StoreError> {
        let is_failing = self.snapshot.load().failure.is_some();
        is_failing.then(|| StoreError::new(UNREADABLE))
    }

    pub(super) fn list(&self) -> Vec<KeyRecord> {
        key_map::list(&self.snapshot.load().keys)
    }

    pub(super) fn status(&self) -> FileStoreStatus {
        let snapshot = self.snapshot.load_full();
        let failure = snapshot.failure.as_ref();
        FileStoreStatus {
            keys: snapshot.keys.len(),
            loaded_at: snapshot.loaded_at,
            checked_at: snapshot.confirmed_at,
            last_error: failure.map(|failure| failure.error.clone()),
            failing_since: failure.map(|failure| failure.since),
            is_stale: self.is_stale(&snapshot, self.settings.clock.now()),
            warnings: snapshot.warnings.clone(),
            revocation_bound: REVOCATION_BOUND,
            outage_limit: self.settings.outage_limit,
        }
    }

    /// The periodic check.
    pub(super) fn check(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot.load_full();
        let begun = Snapshot {
            unconfirmed_checks: snapshot.unconfirmed_checks.saturating_add(1),
            ..Snapshot::clone(&snapshot)
        };
        // The outcome is in the status and the log.
        let _ = self.settle(begun, &mut watched, Watched::read_if_changed);
    }

    /// Reads the file even if its stamp did not change.
    pub(super) fn reload(&self) -> Result<(), KeyFileError> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Snapshot::clone(&self.snapshot.load_full());
        self.settle(snapshot, &mut watched, |watched, settings| {
            watched.read(settings).map(Some)
        })
    }

    fn settle(
        &self,
        mut next: Snapshot,
        watched: &mut Watched,
        read: impl FnOnce(&mut Watched, &Settings) -> Result<Option<Vec<KeyRecord>>, KeyFileError>,
    ) -> Result<(), KeyFileError> {
        next.is_checking = true;
        self.snapshot.store(Arc::new(next.clone()));
        let read = read(watched, &self.settings).map_err(KeyFileError::after_a_read);
        let now = self.settings.clock.now();
        next.is_checking = false;
        next.warnings = watched.file.warnings().to_vec();
        let outcome = match read {
            Ok(Some(records)) => {
                self.take(&mut next, records, now);
                self.confirm(&mut next, now);
                Ok(())
            }
            Ok(None) if next.failure.is_none() => {
                self.confirm(&mut next, now);
                Ok(())
            }
            // What was malformed at the last check still is.
            Ok(None) => Ok(()),
            Err(error) => {
                self.fail(&mut next, &error, now);
                Err(error)
            }
        };
        self.note_staleness(&mut next, now);
        self.snapshot.store(Arc::new(next));
        outcome
    }

    fn take(&self, next: &mut Snapshot, records: Vec<KeyRecord>, now: UnixTime) {
        let keys = index(records, &next.keys);
        let is_same = keys.len() == next.keys.len()
            && keys.iter().all(|(id, key)| {
                let before = next.keys.get(id);
                before.is_some_and(|before| Arc::ptr_eq(before, key))
            });
        if !is_same {
            let path = self.settings.path.display();
            tracing::info!(%path, keys = keys.len(), "API keys loaded");
            next.keys = Arc::new(keys);
            next.loaded_at = now;
        }
    }

    fn confirm(&self, next: &mut Snapshot, now: UnixTime) {
        next.confirmed_at = now;
        next.unconfirmed_checks = 0;
        if next.failure.take().is_some() {
            let path = self.settings.path.display();
            tracing::info!(%path, "API key file can be read again: changes are seen");
        }
    }

    fn fail(&self, next: &mut Snapshot, error: &KeyFileError, now: UnixTime) {
        let error = error.with_source();
        let before = next.failure.take();
        if before.as_ref().is_none_or(|before| before.error != error) {
            let limit = self.settings.outage_limit.as_secs();
            tracing::error!(
                error,
                "API key file cannot be used: changes such as revocations are not seen, and the keys read before are \
                 accepted for {limit} s"
            );
        }
        next.failure = Some(Failure {
            error,
            since: before.as_ref().map_or(now, |before| before.since),
            is_stale: before.is_some_and(|before| before.is_stale),
        });
    }

    fn note_staleness(&self, next: &mut Snapshot, now: UnixTime) {
        let is_stale = self.is_stale(next, now);
        if let Some(failure) = &mut next.failure {
            if is_stale && !failure.is_stale {
                tracing::error!(
                    path = %self.settings.path.display(),
                    "API key file has been unusable for too long: every API key gets 503 until the file is repaired"
                );
            }
            failure.is_stale = is_stale;
        }
    }

    fn is_stale(&self, snapshot: &Snapshot, now: UnixTime) -> bool {
        // `n` checks span `n - 1` intervals.
        let checks = snapshot.unconfirmed_checks.saturating_sub(1);
        let unconfirmed_for = now
            .duration_since(snapshot.confirmed_at)
            .max(self.settings.interval.saturating_mul(checks));
        snapshot.is_unconfirmed() && unconfirmed_for > self.settings.outage_limit
    }
}

impl Snapshot {
    fn is_unconfirmed(&self) -> bool {
        self.is_checking || self.failure.is_some()
    }
}

impl Watched {
    /// Reads the file unless its stamp has been the same for longer than the coarsest file times. `None` if it is as at the
    /// last check.
    fn read_if_changed(
        &mut self,
        settings: &Settings,
    ) -> Result<Option<Vec<KeyRecord>>, KeyFileError> {
        let quiet_checks = COARSEST_TIMES
            .as_nanos()
            .div_ceil(settings.interval.as_nanos());
        if let Some((seen, quiet)) = self.seen
            && u128::from(quiet) >= quiet_checks
        {
            // Cleared, so that the file is read at the next check if this fails.
            self.seen = None;
            let stamp = self.file.stamp();
            let stamp = stamp.map_err(KeyFileError::read(&settings.path))?;
            if stamp == seen {
                self.seen = Some((seen, quiet));
                return Ok(None);
            }
        }
        self.read(settings).map(Some)
    }

    fn read(&mut self, settings: &Settings) -> Result<Vec<KeyRecord>, KeyFileError> {
        let before = self.seen.take();
        let trusted = self.file.read().and_then(|contents| {
            check_trust(&contents, settings.accept_writable_by_everyone)?;
            Ok(contents)
        });
        let contents = trusted.map_err(KeyFileError::read(&settings.path))?;
        let records = parse(&settings.path, &contents);
        let stamp = contents.stamp();
        self.seen = match before {
            Some((seen, quiet)) if seen == stamp => Some((stamp, quiet.saturating_add(1))),
            _ => Some((stamp, 0)),
        };
        records
    }
}

/// Records that did not change keep their `StoredKey`, with its principal and last use.
fn index(records: Vec<KeyRecord>, before: &KeyMap) -> KeyMap {
    let stored = |record: KeyRecord| match before.get(&record.id()) {
        Some(key) if *key.record() == record => key.clone(),
        _ => Arc::new(StoredKey::new(record)),
    };
    records
        .into_iter()
        .map(|record| (record.id(), stored(record)))
        .collect()
}
