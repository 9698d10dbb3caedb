use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use portcullis_core::{ConfigError, SharedClock, system_clock};

use super::{
    error::KeyFileError, read::WritableByEveryone, shared::Shared, status::FileStoreStatus,
    watcher::Watcher,
};
use crate::{ApiKeyId, KeyRecord, KeyStore, Lookup, StoreError};

/// How long a revocation may take to be seen, whatever the interval.
pub(super) const REVOCATION_BOUND: Duration = Duration::from_secs(5);

/// Keys in a TOML file that is watched: what [`KeyFile`](crate::KeyFile) and `portcullis keys` write.
///
/// A thread of the store's own looks at the file every second, also where it is a symlink that is swapped, as
/// Kubernetes does; dropping the last clone ends it. Requests read a published snapshot and never wait.
///
/// What changes in the file holds within 5 s. A file that is broken or gone never replaces keys that were read: they
/// serve on, [`status`](Self::status) and the log say what is wrong, and ids that are not among them get 503. After 15
/// min all keys get 503, since one may have been revoked without our knowing.
///
/// A file that is mounted by itself, as `docker run -v "$PWD/keys.toml:/keys.toml"` does, stays the same when it is
/// replaced where it is mounted from. The store then counts as unable to read it. Mount the directory instead.
///
/// A file that every user of the machine may write is refused. The log warns about one that every user may read.
///
/// ```no_run
/// use portcullis_api_key::{ApiKeys, FileStore};
///
/// let store = FileStore::watch("keys.toml")?;
/// let keys = ApiKeys::new(store.clone());
/// println!("{} keys", store.status().keys);
/// # Ok::<_, portcullis_api_key::KeyFileError>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    shared: Arc<Shared>,
    _watcher: Arc<Watcher>,
}

impl FileStore {
    /// Reads the file and watches it, with all defaults. It blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the file cannot be read now: a service that never had keys must not start.
    pub fn watch(path: impl Into<PathBuf>) -> Result<Self, KeyFileError> {
        Self::builder(path).build()
    }

    /// Starts a store over the file at `path` with settings of its own.
    pub fn builder(path: impl Into<PathBuf>) -> FileStoreBuilder {
        FileStoreBuilder {
            path: path.into(),
            writable: WritableByEveryone::Refused,
            interval: Duration::from_secs(1),
            outage_limit: Duration::from_secs(15 * 60),
            clock: system_clock(),
        }
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> FileStoreStatus {
        self.shared.status()
    }

    /// All records, the oldest first, with the last use that this process saw.
    #[must_use]
    pub fn list(&self) -> Vec<KeyRecord> {
        self.shared.list()
    }

    /// Looks at the file now, instead of at the next interval, and reads it even if nothing seems to have changed. It
    /// blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the file is broken or gone; the keys serve on.
    pub fn reload(&self) -> Result<(), KeyFileError> {
        self.shared.reload()
    }

    /// Blocks until the status is as `wanted`, at most for `timeout`, and says whether it is.
    pub fn wait_for(
        &self,
        timeout: Duration,
        wanted: impl FnMut(&FileStoreStatus) -> bool,
    ) -> bool {
        self.shared.wait_for(timeout, wanted)
    }
}

impl KeyStore for FileStore {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        Lookup::Ready(self.shared.lookup(id))
    }

    fn doubt(&self) -> Option<StoreError> {
        self.shared.doubt()
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
pub struct FileStoreBuilder {
    path: PathBuf,
    writable: WritableByEveryone,
    interval: Duration,
    outage_limit: Duration,
    clock: SharedClock,
}

impl FileStoreBuilder {
    /// Sets how often the file is looked at; every second by default, at most every 4 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets for how long keys are accepted while the file cannot be read; 15 min by default.
    pub fn outage_limit(mut self, limit: Duration) -> Self {
        self.outage_limit = limit;
        self
    }

    /// Sets what tells the time; the system's clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Accepts a file that every user of the machine may write. By default it is refused: a user who can write it can
    /// make keys. For file systems without permissions.
    pub fn dangerous_accept_writable_by_everyone(mut self) -> Self {
        self.writable = WritableByEveryone::Accepted;
        self
    }

    /// Reads the file and watches it. It blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the file cannot be read now, every user may write it, or the interval is zero or longer than 4 s.
    pub fn build(self) -> Result<FileStore, KeyFileError> {
        // The rest of the bound is for reading.
        const LONGEST: Duration = Duration::from_secs(4);
        if self.interval.is_zero() || self.interval > LONGEST {
            let problem = "it must be more than nothing and at most 4 s, so that a revocation is seen within 5 s";
            return Err(ConfigError::new("interval", problem).into());
        }
        let shared = Arc::new(Shared::load(
            self.path.clone(),
            self.writable,
            self.interval,
            self.outage_limit,
            self.clock,
        )?);
        let watcher = Watcher::start(shared.clone(), self.interval, Shared::look)
            .map_err(KeyFileError::read(&self.path))?;
        Ok(FileStore {
            shared,
            _watcher: Arc::new(watcher),
        })
    }
}
