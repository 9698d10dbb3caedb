//! The snapshot that requests read, and the looks at the file that replace it.

use std::{
    mem,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use portcullis_core::{SharedClock, UnixTime};
use portcullis_file::{Contents, Stamp, WatchedFile};

use super::{
    error::KeyFileError,
    read::{self, WritableByEveryone},
    status::FileStoreStatus,
    watch::REVOCATION_BOUND,
};
use crate::{
    ApiKeyId, KeyRecord, StoreError, StoredKey,
    store::index::{self, KeyIndex},
};

/// Some file systems tell times apart only every 2 s: for so long a file that seems unchanged is read all the same.
const COARSEST_TIMES: Duration = Duration::from_secs(2);

const UNREADABLE: &str = "the key is not among those read before, and the key file cannot be read now: see the status of the store";

pub(super) struct Shared {
    path: PathBuf,
    writable: WritableByEveryone,
    clock: SharedClock,
    outage_limit: Duration,
    interval: Duration,
    /// How many looks at an unchanged stamp it takes until the stamp is believed.
    quiet_looks: u32,
    keys: ArcSwap<KeyIndex>,
    /// Whether the keys may be out of date: while the file is being looked at, and after that went wrong. A look that
    /// hangs or panics leaves it set. Only then does a lookup read the clock.
    in_doubt: AtomicBool,
    /// Whether the last look went wrong.
    failing: AtomicBool,
    /// When the file was last found to hold these keys, in milliseconds since the epoch.
    confirmed_at: AtomicU64,
    /// How many looks of the thread began since then: they tell time too, should the clock be set back.
    looks_since: AtomicU32,
    /// The file and what the last look saw. Held while the file is read; never by a request.
    watched: Mutex<Watched>,
    /// Held for a moment; never by a request.
    status: Mutex<FileStoreStatus>,
    looked: Condvar,
}

struct Watched {
    file: WatchedFile,
    seen: Option<Seen>,
}

/// A state of the file that was read.
struct Seen {
    stamp: Stamp,
    /// At how many looks the stamp was the same.
    quiet: u32,
    hash: [u8; 32],
    broken: bool,
}

/// What may spare a look the reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Stamp,
    Nothing,
}

/// What a look found.
enum Found {
    New(KeyIndex),
    Unchanged,
    /// What was malformed before has not changed.
    StillBroken,
}

impl Shared {
    /// Reads the file for the first time.
    pub(super) fn load(
        path: PathBuf,
        writable: WritableByEveryone,
        interval: Duration,
        outage_limit: Duration,
        clock: SharedClock,
    ) -> Result<Self, KeyFileError> {
        let now = clock.now();
        let watched = Watched {
            file: WatchedFile::new(&path, read::LARGEST_BYTES),
            seen: None,
        };
        let shared = Self {
            path,
            writable,
            clock,
            outage_limit,
            interval,
            quiet_looks: u32::try_from(COARSEST_TIMES.as_nanos().div_ceil(interval.as_nanos()))
                .unwrap_or(u32::MAX),
            keys: ArcSwap::default(),
            in_doubt: AtomicBool::new(true),
            failing: AtomicBool::new(false),
            confirmed_at: AtomicU64::new(0),
            looks_since: AtomicU32::new(0),
            watched: Mutex::new(watched),
            status: Mutex::new(FileStoreStatus {
                keys: 0,
                loaded_at: now,
                checked_at: now,
                last_error: None,
                failing_since: None,
                warnings: Vec::new(),
                is_stale: false,
                revocation_bound: REVOCATION_BOUND,
                outage_limit,
            }),
            looked: Condvar::new(),
        };
        shared.reload()?;
        Ok(shared)
    }

    /// Looks whether the file has changed.
    pub(super) fn look(&self) {
        let mut watched = lock(&self.watched);
        let looks = self.looks_since.load(Ordering::Relaxed);
        self.looks_since
            .store(looks.saturating_add(1), Ordering::Relaxed);
        // What goes wrong is in the status and the log.
        let _ = self.settle(|| self.read_if_changed(&mut watched, Trust::Stamp));
    }

    /// Reads the file whatever it looks like.
    pub(super) fn reload(&self) -> Result<(), KeyFileError> {
        let mut watched = lock(&self.watched);
        self.settle(|| self.read_if_changed(&mut watched, Trust::Nothing))
    }

    pub(super) fn lookup(&self, id: &ApiKeyId) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let found = self.keys.load().get(id).cloned();
        if self.in_doubt.load(Ordering::Acquire) {
            self.may_answer(found.is_some())?;
        }
        Ok(found)
    }

    pub(super) fn list(&self) -> Vec<KeyRecord> {
        index::list([self.keys.load_full()])
    }

    pub(super) fn status(&self) -> FileStoreStatus {
        let mut status = lock(&self.status).clone();
        status.is_stale = self.is_stale(self.clock.now());
        status
    }

    pub(super) fn wait_for(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&FileStoreStatus) -> bool,
    ) -> bool {
        let status = lock(&self.status);
        let waited = self
            .looked
            .wait_timeout_while(status, timeout, |status| !wanted(status));
        let (status, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(status);
        !timeout.timed_out()
    }

    /// Why keys may exist that `lookup` does not find.
    pub(super) fn doubt(&self) -> Option<StoreError> {
        self.failing
            .load(Ordering::Relaxed)
            .then(|| StoreError::new(UNREADABLE))
    }

    fn may_answer(&self, is_known: bool) -> Result<(), StoreError> {
        if self.is_stale(self.clock.now()) {
            return Err(StoreError::new(
                "the key file has been unreadable for too long: see the status of the store",
            ));
        }
        if !is_known && self.failing.load(Ordering::Relaxed) {
            return Err(StoreError::new(UNREADABLE));
        }
        Ok(())
    }

    fn is_stale(&self, now: UnixTime) -> bool {
        let confirmed_at = self.confirmed_at.load(Ordering::Relaxed);
        let confirmed_at = UnixTime::from_duration(Duration::from_millis(confirmed_at));
        // Between that many looks lies one interval less.
        let looks = self.looks_since.load(Ordering::Relaxed).saturating_sub(1);
        let in_doubt_for = now
            .duration_since(confirmed_at)
            .max(self.interval.saturating_mul(looks));
        self.in_doubt.load(Ordering::Acquire) && in_doubt_for > self.outage_limit
    }

    /// Takes a look, publishes what it found, and says how it went.
    fn settle(
        &self,
        look: impl FnOnce() -> Result<Found, KeyFileError>,
    ) -> Result<(), KeyFileError> {
        self.in_doubt.store(true, Ordering::Release);
        let found = look();
        let now = self.clock.now();
        match found {
            Ok(Found::StillBroken) => {
                self.note_staleness(now);
                self.looked.notify_all();
                Ok(())
            }
            Ok(Found::New(keys)) => {
                let count = keys.len();
                tracing::info!(path = %self.path.display(), keys = count, "API keys loaded");
                self.keys.store(Arc::new(keys));
                self.confirm(now, |status| {
                    status.keys = count;
                    status.loaded_at = now;
                });
                Ok(())
            }
            Ok(Found::Unchanged) => {
                self.confirm(now, |_| {});
                Ok(())
            }
            Err(error) => {
                self.fail(now, &error);
                Err(error)
            }
        }
    }

    fn confirm(&self, now: UnixTime, change: impl FnOnce(&mut FileStoreStatus)) {
        let millis = u64::try_from(now.as_duration().as_millis()).unwrap_or(u64::MAX);
        self.confirmed_at.store(millis, Ordering::Relaxed);
        self.looks_since.store(0, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
        self.in_doubt.store(false, Ordering::Release);
        let mut status = lock(&self.status);
        change(&mut status);
        status.checked_at = now;
        status.is_stale = false;
        status.failing_since = None;
        if status.last_error.take().is_some() {
            tracing::info!(path = %self.path.display(), "API key file: changes are seen again");
        }
        self.looked.notify_all();
    }

    fn fail(&self, now: UnixTime, error: &KeyFileError) {
        // Nothing serves yet: whoever builds the store gets the error, and there is nothing to tell the log.
        if self.confirmed_at.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.failing.store(true, Ordering::Relaxed);
        let mut status = lock(&self.status);
        status.failing_since.get_or_insert(now);
        let error = error.in_full();
        if status.last_error.as_ref() != Some(&error) {
            let limit = self.outage_limit.as_secs();
            tracing::error!(
                error,
                "API key file: changes such as revocations are not seen; the keys read before are accepted for {limit} s"
            );
            status.last_error = Some(error);
        }
        drop(status);
        self.note_staleness(now);
        self.looked.notify_all();
    }

    fn note_staleness(&self, now: UnixTime) {
        let is_stale = self.is_stale(now);
        let mut status = lock(&self.status);
        if is_stale && !status.is_stale {
            tracing::error!(
                path = %self.path.display(),
                "the key file has been unreadable for too long: every API key gets 503"
            );
        }
        status.is_stale = is_stale;
    }

    fn read_if_changed(&self, watched: &mut Watched, trust: Trust) -> Result<Found, KeyFileError> {
        let Watched { file, seen } = watched;
        // Taken out, so that after an error the file is read and judged anew.
        let before = seen.take();
        let stamp = file.stamp().map_err(KeyFileError::read(&self.path))?;
        let before = match before {
            Some(before) if trust == Trust::Stamp && before.is_settled(stamp, self.quiet_looks) => {
                return Ok(seen.insert(before).judged());
            }
            before => before,
        };
        let contents = file
            .read()
            .and_then(|contents| read::trusted(contents, self.writable))
            .map_err(KeyFileError::read(&self.path))?;
        self.warn(&contents);
        let stamp = contents.stamp();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, contents.bytes()).as_ref());
        match before {
            Some(before) if before.hash == hash && !(before.broken && trust == Trust::Nothing) => {
                Ok(seen.insert(before.again(stamp)).judged())
            }
            _ => {
                let records = read::parse(&self.path, &contents);
                *seen = Some(Seen {
                    stamp,
                    quiet: 0,
                    hash,
                    broken: records.is_err(),
                });
                Ok(Found::New(self.index(records?)))
            }
        }
    }

    fn warn(&self, contents: &Contents) {
        let warnings = contents.warnings_of_private();
        let before = mem::replace(&mut lock(&self.status).warnings, warnings.clone());
        for warning in warnings.iter().filter(|new| !before.contains(new)) {
            tracing::warn!(path = %self.path.display(), "API key file: {warning}");
        }
    }

    /// Keys whose records did not change stay as they are: prepared, and with their last use.
    fn index(&self, records: Vec<KeyRecord>) -> KeyIndex {
        let before = self.keys.load();
        let stored = |record: KeyRecord| match before.get(&record.id()) {
            Some(key) if *key.record() == record => key.clone(),
            _ => Arc::new(StoredKey::new(record)),
        };
        records
            .into_iter()
            .map(|record| (record.id(), stored(record)))
            .collect()
    }
}

impl Seen {
    fn is_settled(&self, stamp: Stamp, quiet_looks: u32) -> bool {
        self.stamp == stamp && self.quiet >= quiet_looks
    }

    /// The same text, found under `stamp`.
    fn again(self, stamp: Stamp) -> Self {
        let quiet = if self.stamp == stamp {
            self.quiet.saturating_add(1)
        } else {
            0
        };
        Self {
            stamp,
            quiet,
            ..self
        }
    }

    fn judged(&self) -> Found {
        if self.broken {
            Found::StillBroken
        } else {
            Found::Unchanged
        }
    }
}

/// What is guarded here is replaced whole, so that a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
