use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
};
use portcullis_worker::{Worker, current_runtime};
use tokio::runtime::Builder;

use super::{
    changes::Changes,
    check::{Checker, watch},
    error::KeyFileError,
    snapshot::{Event, FileStoreStatus, Settings, Snapshot},
};
use crate::{
    format::ApiKeyId,
    record::KeyRecord,
    store::key_store::{KeyStore, Lookup, StoreError},
    stored::{self, KeyMap},
};

/// Keys in a TOML file that is watched. [`KeyFile`](crate::KeyFile) and `portcullis keys` write such a file.
///
/// A thread checks the file every second, through symbolic links too, and a change takes effect within 5 s. The thread
/// stops when the last clone is dropped, and does not depend on the service's runtime. Requests read a snapshot.
///
/// While the file is malformed or missing, the keys that were read before stay accepted. Unknown ids and wrong secrets get
/// 503, and [`status`](Self::status) and the log report the problem. After 15 min every key gets 503, since it may have been
/// revoked. If the process has no free file descriptor to read the file, every key gets 503 after 5 s.
///
/// A file that is itself a mount point counts as unreadable once it is replaced on the host: mount its directory instead.
/// A file that every user of the machine may write is rejected. The log warns if every user may read the file.
#[derive(Clone)]
pub struct FileStore {
    worker: Worker<Snapshot>,
    checker: Arc<Checker>,
}

impl FileStore {
    /// Reads the file and watches it, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`FileStoreBuilder::start`]: a service must not start without its keys.
    pub async fn watch(path: impl Into<PathBuf>) -> Result<Self, KeyFileError> {
        Self::builder(path).start().await
    }

    /// Builds a store over the file at `path`.
    pub fn builder(path: impl Into<PathBuf>) -> FileStoreBuilder {
        FileStoreBuilder(Settings {
            path: path.into(),
            accept_writable_by_everyone: false,
            interval: Duration::from_secs(1),
            outage_limit: Duration::from_secs(15 * 60),
            clock: system_clock(),
        })
    }

    /// The state of the store.
    #[must_use]
    pub fn status(&self) -> FileStoreStatus {
        self.worker.state().status(|| self.worker.now())
    }

    /// All records, the oldest first, with the last use that this process saw since the record changed in the file.
    #[must_use]
    pub fn list(&self) -> Vec<KeyRecord> {
        stored::list(&self.worker.state().keys)
    }

    /// Reads the file now, even if it seems unchanged, instead of waiting for the next check. The call blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the file is malformed or cannot be read: the keys read before stay accepted, up to the
    /// [`outage_limit`](FileStoreBuilder::outage_limit). Also when the task that watches the file has died.
    pub fn reload(&self) -> Result<(), KeyFileError> {
        self.checker.reload(&self.worker)
    }
}

impl KeyStore for FileStore {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        Lookup::Ready(self.worker.state().lookup(id, || self.worker.now()))
    }

    fn doubt(&self) -> Option<StoreError> {
        self.worker.state().doubt(|| self.worker.now())
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Builds a [`FileStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FileStoreBuilder(Settings);

impl FileStoreBuilder {
    /// Sets how often the file is checked; 1 s by default, 4 s at the longest.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.0.interval = interval;
        self
    }

    /// Sets how long keys are accepted while the file is missing, unreadable or malformed; 15 min by default. Without a free
    /// file descriptor, the limit is 5 s at most.
    pub fn outage_limit(mut self, limit: Duration) -> Self {
        self.0.outage_limit = limit;
        self
    }

    /// Sets the clock; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.0.clock = clock;
        self
    }

    /// Accepts a file that every user of the machine may write, for file systems without permissions.
    pub fn dangerous_accept_writable_by_everyone(mut self) -> Self {
        self.0.accept_writable_by_everyone = true;
        self
    }

    /// Reads the file and watches it on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the file is malformed, cannot be read, or may be written by every user. When the interval is zero or longer than
    /// 4 s. When the call is outside of a tokio runtime, or the thread that watches the file cannot be started.
    pub async fn start(self) -> Result<FileStore, KeyFileError> {
        let Settings { path, interval, .. } = self.0.clone();
        if interval.is_zero() || interval > Settings::MAX_INTERVAL {
            let problem = format!(
                "it is {interval:?}, but must be > 0 and <= {} s, so that a revocation is seen within {} s",
                Settings::MAX_INTERVAL.as_secs(),
                Settings::REVOCATION_BOUND.as_secs()
            );
            return Err(ConfigError::new("interval", problem).into());
        }
        let runtime = current_runtime("FileStoreBuilder::start")?;
        let started = runtime.spawn_blocking(move || start(self.0)).await;
        started.map_err(|panic| KeyFileError::cannot_watch(&path, io::Error::other(panic)))?
    }
}

fn start(settings: Settings) -> Result<FileStore, KeyFileError> {
    let (path, clock) = (settings.path.clone(), settings.clock.clone());
    let (checker, snapshot) = Checker::load(settings)?;
    let checker = Arc::new(checker);
    let runtime = Builder::new_current_thread().enable_time().build();
    let cannot_watch = |source| KeyFileError::cannot_watch(&path, source);
    let runtime = runtime.map_err(cannot_watch)?;
    let (worker, task) = Worker::new(snapshot, clock, runtime.handle().clone());
    let keys = worker.state().keys.clone();
    let changes = Changes::between(&KeyMap::default(), &keys, worker.now().wall());
    worker.announce(Event::Loaded(changes));
    let task_checker = checker.clone();
    let spawned = task.spawn_thread(runtime, |task| watch(task, task_checker));
    spawned.map_err(cannot_watch)?;
    Ok(FileStore { worker, checker })
}
