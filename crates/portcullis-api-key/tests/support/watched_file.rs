//! A key file and a store that watches it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use portcullis_api_key::{ApiKeys, FileStore, FileStoreBuilder, IssuedKey, KeyFile, NewKey};
use tempfile::TempDir;

use super::{ManualClock, send_key};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Wired {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) file: KeyFile,
    pub(crate) clock: ManualClock,
}

impl Wired {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.toml");
        let clock = ManualClock::new();
        let file = KeyFile::at(&path).clock(Arc::new(clock.clone()));
        Self {
            directory,
            path,
            file,
            clock,
        }
    }

    pub(crate) fn create(&self, owner: &str) -> IssuedKey {
        self.file.create(NewKey::new(owner)).expect("made")
    }

    pub(crate) async fn watch(&self, interval: Duration) -> (FileStore, ApiKeys) {
        self.start(FileStore::builder(&self.path).interval(interval))
            .await
    }

    /// Starts a store with the clock of the file, and a scheme that uses it.
    pub(crate) async fn start(&self, store: FileStoreBuilder) -> (FileStore, ApiKeys) {
        let clock = Arc::new(self.clock.clone());
        let store = store.clock(clock.clone()).start().await;
        let store = store.expect("a valid file");
        let keys = ApiKeys::builder(store.clone()).clock(clock);
        (store, keys.build().expect("valid settings"))
    }

    /// A store with so long an interval that only `reload` checks the file.
    pub(crate) async fn watch_by_hand(&self) -> (FileStore, ApiKeys) {
        self.watch(Duration::from_secs(4)).await
    }
}

/// Waits until the store meets the condition.
pub(crate) async fn until(store: &FileStore, mut is_met: impl FnMut(&FileStore) -> bool) {
    let waiting = async {
        while !is_met(store) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waited.expect("the condition in time");
}

pub(crate) async fn status(keys: &ApiKeys, key: &IssuedKey) -> u16 {
    send_key(keys, key.key().expose()).await.status.as_u16()
}
