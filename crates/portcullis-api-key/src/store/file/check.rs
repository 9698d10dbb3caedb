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

/// Held during a check, so that only `State::died` can change the snapshot at the same time.
pub(super) struct Checker(Mutex<Watched>);

struct Watched {
    file: WatchedFile,
    /// The stamp at the last read, and how many reads in a row had found it before. Counts only the reads of the
    /// watch, which are an interval apart: `None` after a `reload`, or after a read that failed before parsing.
    seen: Option<(Stamp, u32)>,
}

/// Checks the file at intervals. A check blocks.
pub(super) async fn watch(task: Task<Snapshot>, checker: Arc<Checker>) -> Infallible {
    // A descriptor may be free only for moments.
    const RETRY_INTERVAL: Duration = Duration::from_millis(50);

    let interval = task.state().settings.interval;
    let mut pause = interval;
    loop {
        tokio::time::sleep(pause).await;
        // Caught here, because the catch in `supervise` would end the watch. `is_checking` stays set until a later check
        // ends, so the keys can become stale.
        let outcome = catch_unwind(AssertUnwindSafe(|| checker.check(&task, false)));
        pause = match outcome {
            Ok(Err(error)) if error.is_out_of_descriptors() => interval.min(RETRY_INTERVAL),
            _ => interval,
        };
    }
}

impl Checker {
    /// Reads the file for the first time.
    pub(super) fn load(settings: Settings) -> Result<(Self, Snapshot), KeyFileError> {
        let mut watched = Watched {
            file: WatchedFile::new("API key file", &settings.path, MAX_BYTES),
            seen: None,
        };
        // Taken before the read, since a change after it may be missed.
        let now = settings.clock.now();
        let records = watched.read_if_changed(&settings, false)?;
        let keys = to_map(records.unwrap_or_default(), &KeyMap::default());
        let snapshot = Snapshot {
            keys: Arc::new(keys),
            // The worker's monotonic clock starts at zero.
            confirmed_at: Moment::new(now, Duration::ZERO),
            settings: Arc::new(settings),
            is_checking: false,
            is_dead: false,
            is_out_of_descriptors: false,
            failure: None,
            warnings: watched.file.warnings().to_vec(),
            was_stale: false,
        };
        Ok((Self(Mutex::new(watched)), snapshot))
    }

    /// Checks the file, and reads it if it changed or if `is_forced`.
    pub(super) fn check(
        &self,
        shared: &Shared<Snapshot>,
        is_forced: bool,
    ) -> Result<(), KeyFileError> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = shared.state().settings.clone();
        if shared.state().is_dead {
            let source = io::Error::other("its checks stopped: restart the service");
            return Err(KeyFileError::cannot_watch(&settings.path, source));
        }
        shared.update(|snapshot| snapshot.is_checking = true);
        // Before the read, as in `load`.
        let now = shared.now();
        let read = watched.read_if_changed(&settings, is_forced);

        let mut next = Snapshot::clone(&shared.state());
        next.is_checking = false;
        next.warnings = watched.file.warnings().to_vec();
        let mut events = Vec::new();
        let outcome = match read.map_err(KeyFileError::after_first_read) {
            // The content that could not be parsed is unchanged. A failure before parsing clears `seen`.
            Ok(None) if next.failure.is_some() => Ok(()),
            Ok(records) => {
                let keys = records.map(|records| to_map(records, &next.keys));
                if let Some(keys) = keys.filter(|keys| !is_same(keys, &next.keys)) {
                    let changes = Changes::between(&next.keys, &keys, now.wall());
                    next.keys = Arc::new(keys);
                    events.push(Event::Loaded(changes));
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
    /// Reads the file, or returns `None` if its stamp has been the same for at least [`TIME_RESOLUTION`].
    fn read_if_changed(
        &mut self,
        settings: &Settings,
        is_forced: bool,
    ) -> Result<Option<Vec<KeyRecord>>, KeyFileError> {
        let path = &settings.path;
        let cannot_read = |source| KeyFileError::cannot_read(path, source);
        // Taken, so that the file is read at the next check if this one is forced or fails before parsing.
        let before = self.seen.take();
        if let Some((stamp, same_stamp_reads)) = before
            && !is_forced
            && settings.interval.saturating_mul(same_stamp_reads) >= TIME_RESOLUTION
            && self.file.stamp().map_err(cannot_read)? == stamp
        {
            self.seen = before;
            return Ok(None);
        }
        let contents = check_trust(path, self.file.read(), settings.accept_writable_by_everyone)?;
        let stamp = contents.stamp();
        let same_stamp_reads = match before {
            Some((seen, reads)) if seen == stamp => reads.saturating_add(1),
            _ => 0,
        };
        self.seen = (!is_forced).then_some((stamp, same_stamp_reads));
        parse(path, &contents).map(Some)
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
            checker.check(worker, true).expect("a key file");
            worker.update(|snapshot| {
                snapshot.died(Death::Panicked);
            });
            for _ in 0..2 {
                let error = checker.check(worker, true).expect_err("no check follows");
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
            let check = |is_forced| {
                checker.check(worker, is_forced).expect("a key file");
                let watched = checker.0.lock().expect("not poisoned");
                watched.seen.map(|(_, same_stamp_reads)| same_stamp_reads)
            };
            assert_eq!(check(false), Some(1));
            for _ in 0..3 {
                assert_eq!(check(true), None);
            }
            assert_eq!(check(false), Some(0));
        });
    }
}
