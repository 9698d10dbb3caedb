//! The checks of the file.

use std::{
    convert::Infallible,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use portcullis_core::clock::Moment;
use portcullis_file::{Stamp, WatchedFile};
use portcullis_worker::{Shared, Task};

use super::{
    changes::Changes,
    error::KeyFileError,
    read::{MAX_BYTES, check_trust, parse},
    snapshot::{Event, Settings, Snapshot},
};
use crate::{
    record::KeyRecord,
    stored::{KeyMap, StoredKey},
};

/// The coarsest resolution of file times: some file systems record only even seconds.
const TIME_RESOLUTION: Duration = Duration::from_secs(2);

/// Checks the file and updates the snapshot. The mutex is locked during a check, so only `State::died` can change the
/// snapshot at the same time.
pub(super) struct Checker(Mutex<Watched>);

struct Watched {
    file: WatchedFile,
    /// The last read, if it reached the parser and was not forced by `reload`. The next check reads the file if it is `None`.
    last_read: Option<LastRead>,
}

#[derive(Clone, Copy)]
struct LastRead {
    stamp: Stamp,
    /// How many checks in a row had read a file with the same stamp before.
    earlier_reads: u32,
    is_malformed: bool,
}

enum Found {
    Keys(Vec<KeyRecord>),
    SameKeys,
    StillMalformed,
}

/// Checks the file at intervals. It blocks its thread during a check.
pub(super) async fn watch(task: Task<Snapshot>, checker: Arc<Checker>) -> Infallible {
    // A file descriptor may become free only for a moment.
    const RETRY_INTERVAL: Duration = Duration::from_millis(50);

    let interval = task.state().settings.interval;
    let mut pause = interval;
    loop {
        tokio::time::sleep(pause).await;
        // A check that panics must not end the watch. It leaves `checking_since` set, so the keys can become stale.
        let outcome = catch_unwind(AssertUnwindSafe(|| checker.check(&task)));
        pause = match outcome {
            Ok(Err(error)) if error.is_out_of_descriptors() => interval.min(RETRY_INTERVAL),
            _ => interval,
        };
    }
}

impl Checker {
    pub(super) fn load(settings: Settings) -> Result<(Self, Snapshot), KeyFileError> {
        let mut watched = Watched {
            file: WatchedFile::new("API key file", &settings.path, MAX_BYTES),
            last_read: None,
        };
        // Before the read: the keys are confirmed up to here, and the read may miss a later change.
        let now = settings.clock.now();
        let keys = to_map(watched.read(&settings)?, &KeyMap::default());
        let snapshot = Snapshot {
            keys: Arc::new(keys),
            // The worker's monotonic clock starts at zero.
            confirmed_at: Moment::new(now, Duration::ZERO),
            settings: Arc::new(settings),
            checking_since: None,
            is_dead: false,
            is_out_of_descriptors: false,
            failure: None,
            warnings: watched.file.warnings().to_vec(),
            was_stale: false,
        };
        Ok((Self(Mutex::new(watched)), snapshot))
    }

    /// Checks the file, and reads it if it may have changed.
    pub(super) fn check(&self, shared: &Shared<Snapshot>) -> Result<(), KeyFileError> {
        self.check_with(shared, Watched::read_if_changed)
    }

    /// Reads the file, also if it seems unchanged.
    pub(super) fn reload(&self, shared: &Shared<Snapshot>) -> Result<(), KeyFileError> {
        self.check_with(shared, |watched, settings| {
            let records = watched.read(settings);
            // `earlier_reads` counts only reads that are an interval apart.
            watched.last_read = None;
            records.map(Found::Keys)
        })
    }

    fn check_with(
        &self,
        shared: &Shared<Snapshot>,
        read: impl FnOnce(&mut Watched, &Settings) -> Result<Found, KeyFileError>,
    ) -> Result<(), KeyFileError> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = shared.state().settings.clone();
        if shared.state().is_dead {
            let source = io::Error::other("the task that checks it stopped: restart the service");
            return Err(KeyFileError::cannot_watch(&settings.path, source));
        }
        // Before the read, as in `load`.
        let now = shared.now();
        shared.update(|snapshot| _ = snapshot.checking_since.get_or_insert(now));
        let found = read(&mut watched, &settings);

        let mut next = Snapshot::clone(&shared.state());
        next.checking_since = None;
        next.warnings = watched.file.warnings().to_vec();
        let mut events = Vec::new();
        let outcome = match found.map_err(KeyFileError::after_first_read) {
            Ok(Found::StillMalformed) => Ok(()), // The last failure stays.
            Ok(found @ (Found::Keys(_) | Found::SameKeys)) => {
                if let Found::Keys(records) = found {
                    let keys = to_map(records, &next.keys);
                    if !is_same(&keys, &next.keys) {
                        let changes = Changes::between(&next.keys, &keys, now.wall());
                        next.keys = Arc::new(keys);
                        events.push(Event::Loaded(changes));
                    }
                }
                next.confirmed_at = now;
                next.is_out_of_descriptors = false;
                events.extend(next.failure.take().map(|_| Event::Recovered));
                Ok(())
            }
            Err(error) => {
                next.is_out_of_descriptors |= error.is_out_of_descriptors();
                events.extend(next.fail(error.one_line(), error.reason(), now.wall()));
                Err(error)
            }
        };
        let is_stale = next.is_stale(|| shared.now());
        if is_stale && !next.was_stale {
            events.push(Event::Stale);
        }
        next.was_stale = is_stale;
        shared.update(|snapshot| {
            if !snapshot.is_dead {
                *snapshot = next.clone();
            }
        });
        for event in events {
            shared.announce(event);
        }
        outcome
    }
}

/// Whether no record changed: then [`to_map`] kept every `StoredKey`.
fn is_same(after: &KeyMap, before: &KeyMap) -> bool {
    let is_kept = |(id, key)| (before.get(id)).is_some_and(|old| Arc::ptr_eq(old, key));
    after.len() == before.len() && after.iter().all(is_kept)
}

/// Records that did not change keep their `StoredKey`, with its principal and last use.
fn to_map(records: Vec<KeyRecord>, before: &KeyMap) -> KeyMap {
    let stored = |record: KeyRecord| match before.get(&record.id) {
        Some(key) if *key.record() == record => key.clone(),
        _ => Arc::new(StoredKey::new(record)),
    };
    let records = records.into_iter();
    records.map(|record| (record.id, stored(record))).collect()
}

impl Watched {
    /// Skips the read if the stamp of the file has been the same for at least [`TIME_RESOLUTION`].
    fn read_if_changed(&mut self, settings: &Settings) -> Result<Found, KeyFileError> {
        let is_settled = |last: &LastRead| {
            settings.interval.saturating_mul(last.earlier_reads) >= TIME_RESOLUTION
        };
        if let Some(last) = self.last_read.filter(is_settled)
            && self.file.stamp().is_ok_and(|stamp| stamp == last.stamp)
        {
            return Ok(match last.is_malformed {
                true => Found::StillMalformed,
                false => Found::SameKeys,
            });
        }
        self.read(settings).map(Found::Keys)
    }

    fn read(&mut self, settings: &Settings) -> Result<Vec<KeyRecord>, KeyFileError> {
        let path = &settings.path;
        let last = self.last_read.take();
        let contents = check_trust(path, self.file.read(), settings.accept_writable_by_everyone)?;
        let stamp = contents.stamp();
        let earlier_reads = match last {
            Some(last) if last.stamp == stamp => last.earlier_reads.saturating_add(1),
            _ => 0,
        };
        let records = parse(path, &contents);
        self.last_read = Some(LastRead {
            stamp,
            earlier_reads,
            is_malformed: records.is_err(),
        });
        records
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis_core::clock::system_clock;
    use portcullis_worker::{Death, State, Worker};

    use super::*;

    fn check_by_hand(test: impl FnOnce(&Checker, &Worker<Snapshot>)) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.toml");
        fs::write(&path, "version = 1\n").expect("written");
        let (checker, snapshot) = Checker::load(Settings {
            path,
            accept_writable_by_everyone: true,
            interval: Duration::from_secs(1),
            outage_limit: Duration::ZERO,
            clock: system_clock(),
        })
        .expect("a key file");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let (worker, _task) = Worker::new(snapshot, system_clock(), runtime.handle().clone());
        test(&checker, &worker);
    }

    #[test]
    fn reload_does_not_confirm_keys_after_the_watch_died() {
        check_by_hand(|checker, worker| {
            checker.reload(worker).expect("a key file");
            worker.update(|snapshot| {
                snapshot.died(Death::Panicked);
            });
            for _ in 0..2 {
                let error = checker.reload(worker).expect_err("no check follows");
                assert!(error.one_line().contains("restart"), "{error:?}");
                let status = worker.state().status(|| worker.now());
                assert_eq!(status.reason, Some("checks stopped"));
                assert!(status.is_stale);
            }
        });
    }

    /// Otherwise a change within the resolution of file times could be missed.
    #[test]
    fn reload_does_not_count_as_an_interval_without_a_change() {
        check_by_hand(|checker, worker| {
            let earlier_reads = || {
                let watched = checker.0.lock().expect("not poisoned");
                watched.last_read.map(|last| last.earlier_reads)
            };
            checker.check(worker).expect("a key file");
            assert_eq!(earlier_reads(), Some(1));
            for _ in 0..3 {
                checker.reload(worker).expect("a key file");
                assert_eq!(earlier_reads(), None);
            }
            checker.check(worker).expect("a key file");
            assert_eq!(earlier_reads(), Some(0));
        });
    }
}
