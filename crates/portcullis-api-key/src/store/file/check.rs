//! The snapshot that requests read, and the checks of the file that replace it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use portcullis_core::{Moment, SharedClock, UnixTime};
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
    started: Instant,
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
    confirmed_at: Moment,
    /// A check that hangs or panics leaves this set, so its keys become stale too.
    is_checking: bool,
    failure: Option<Failure>,
    warnings: Vec<&'static str>,
}

#[derive(Clone)]
struct Failure {
    error: String,
    since: UnixTime,
    /// Whether the log says so already.
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
        let records = watched
            .read_if_changed(&settings, true)?
            .unwrap_or_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "measures the outage limit when the clock is set back"
        )]
        let started = Instant::now();
        let now = settings.clock.now();
        let path = settings.path.display();
        tracing::info!(%path, keys = records.len(), "API keys loaded");
        let snapshot = Snapshot {
            keys: Arc::new(index(records, &KeyMap::default())),
            loaded_at: now,
            confirmed_at: Moment::new(now, Duration::ZERO),
            is_checking: false,
            failure: None,
            warnings: watched.file.warnings().to_vec(),
        };
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            watched: Mutex::new(watched),
            started,
            settings,
        })
    }

    pub(super) fn lookup(&self, id: &ApiKeyId) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let snapshot = self.snapshot.load();
        let found = snapshot.keys.get(id).cloned();
        // Only then is the clock read.
        if snapshot.is_unconfirmed() {
            if self.is_stale(&snapshot, self.now()) {
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
            checked_at: snapshot.confirmed_at.wall(),
            last_error: failure.map(|failure| failure.error.clone()),
            failing_since: failure.map(|failure| failure.since),
            is_stale: self.is_stale(&snapshot, self.now()),
            warnings: snapshot.warnings.clone(),
            revocation_bound: REVOCATION_BOUND,
            outage_limit: self.settings.outage_limit,
        }
    }

    /// The periodic check. Its outcome is in the status and the log.
    pub(super) fn check(&self) {
        let _ = self.run(false);
    }

    /// Reads the file even if its stamp did not change.
    pub(super) fn reload(&self) -> Result<(), KeyFileError> {
        self.run(true)
    }

    fn run(&self, is_forced: bool) -> Result<(), KeyFileError> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&self.snapshot.load());
        next.is_checking = true;
        self.snapshot.store(Arc::new(next.clone()));

        let read = watched.read_if_changed(&self.settings, is_forced);
        let now = self.now();
        next.is_checking = false;
        next.warnings = watched.file.warnings().to_vec();
        let outcome = match read.map_err(KeyFileError::after_a_read) {
            Ok(Some(records)) => {
                self.take(&mut next, records, now);
                self.confirm(&mut next, now);
                Ok(())
            }
            // Otherwise the file is still malformed.
            Ok(None) if next.failure.is_none() => {
                self.confirm(&mut next, now);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => {
                self.fail(&mut next, error.with_source(), now);
                Err(error)
            }
        };
        let is_stale = self.is_stale(&next, now);
        if let Some(failure) = &mut next.failure
            && is_stale
            && !failure.is_stale
        {
            failure.is_stale = true;
            tracing::error!(
                path = %self.settings.path.display(),
                "API key file has been unusable for too long: every API key gets 503 until the file is repaired"
            );
        }
        self.snapshot.store(Arc::new(next));
        outcome
    }

    fn take(&self, next: &mut Snapshot, records: Vec<KeyRecord>, now: Moment) {
        let is_known = |record: &KeyRecord| {
            let known = next.keys.get(&record.id);
            known.is_some_and(|known| known.record() == record)
        };
        if records.len() != next.keys.len() || !records.iter().all(is_known) {
            let path = self.settings.path.display();
            tracing::info!(%path, keys = records.len(), "API keys loaded");
            next.keys = Arc::new(index(records, &next.keys));
            next.loaded_at = now.wall();
        }
    }

    fn confirm(&self, next: &mut Snapshot, now: Moment) {
        next.confirmed_at = now;
        if next.failure.take().is_some() {
            let path = self.settings.path.display();
            tracing::info!(%path, "API key file can be used again: changes are seen");
        }
    }

    fn fail(&self, next: &mut Snapshot, error: String, now: Moment) {
        let failure = next.failure.get_or_insert(Failure {
            error: String::new(),
            since: now.wall(),
            is_stale: false,
        });
        if failure.error != error {
            let limit = self.settings.outage_limit.as_secs();
            tracing::error!(
                error,
                "API key file cannot be used: changes such as revocations are not seen, and the keys read before are \
                 accepted for {limit} s"
            );
            failure.error = error;
        }
    }

    fn now(&self) -> Moment {
        Moment::new(self.settings.clock.now(), self.started.elapsed())
    }

    fn is_stale(&self, snapshot: &Snapshot, now: Moment) -> bool {
        let unconfirmed_for = now.duration_since(snapshot.confirmed_at);
        snapshot.is_unconfirmed() && unconfirmed_for > self.settings.outage_limit
    }
}

impl Snapshot {
    fn is_unconfirmed(&self) -> bool {
        self.is_checking || self.failure.is_some()
    }
}

impl Watched {
    /// Reads the file, or returns `None` if its stamp has been the same for longer than the coarsest file times.
    fn read_if_changed(
        &mut self,
        settings: &Settings,
        is_forced: bool,
    ) -> Result<Option<Vec<KeyRecord>>, KeyFileError> {
        let failed = || KeyFileError::read(&settings.path);
        // Taken, so that the file is read at the next check if this one fails.
        let before = self.seen.take();
        let quiet_checks = COARSEST_TIMES
            .as_nanos()
            .div_ceil(settings.interval.as_nanos());
        if let Some((stamp, quiet)) = before
            && !is_forced
            && u128::from(quiet) >= quiet_checks
            && self.file.stamp().map_err(failed())? == stamp
        {
            self.seen = before;
            return Ok(None);
        }
        let contents = self.file.read().map_err(failed())?;
        check_trust(&contents, settings.accept_writable_by_everyone).map_err(failed())?;
        let records = parse(&settings.path, &contents);
        let stamp = contents.stamp();
        self.seen = match before {
            Some((seen, quiet)) if seen == stamp => Some((stamp, quiet.saturating_add(1))),
            _ => Some((stamp, 0)),
        };
        records.map(Some)
    }
}

/// Records that did not change keep their `StoredKey`, with its principal and last use.
fn index(records: Vec<KeyRecord>, before: &KeyMap) -> KeyMap {
    let stored = |record: KeyRecord| match before.get(&record.id) {
        Some(key) if *key.record() == record => key.clone(),
        _ => Arc::new(StoredKey::new(record)),
    };
    records
        .into_iter()
        .map(|record| (record.id, stored(record)))
        .collect()
}
