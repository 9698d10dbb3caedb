//! Reading credentials from files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portcullis_core::Secret;
use portcullis_file::WatchedFile;

use crate::{FetchError, FetchErrorKind};

const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The name of such a file in the log.
const WHAT: &str = "file of a client's credential";

/// A file with a credential of the client, which is read whenever one is needed. Clones share what was warned of.
#[derive(Clone)]
pub(super) struct CredentialFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Remembers its mount from one read to the next.
    file: Mutex<WatchedFile>,
    /// A copy of the file's, so that a read that hangs does not block the status.
    warnings: Mutex<Vec<&'static str>>,
}

impl CredentialFile {
    /// A file that nobody else should read.
    pub(super) fn private(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::new(WatchedFile::new(WHAT, &path, MAX_FILE_BYTES), path)
    }

    /// A file that everyone may read.
    pub(super) fn public(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::new(WatchedFile::new(WHAT, &path, MAX_FILE_BYTES).public(), path)
    }

    fn new(file: WatchedFile, path: PathBuf) -> Self {
        Self(Arc::new(Inner {
            path,
            file: Mutex::new(file),
            warnings: Mutex::default(),
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// All of the file, off the runtime's threads.
    pub(super) async fn read(&self) -> Result<Secret, FetchError> {
        let file = self.clone();
        let reading = tokio::task::spawn_blocking(move || file.read_now());
        let content = reading
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the runtime is ending")));
        content.map_err(|error| self.unusable(&error))
    }

    /// Why the file's content is no credential.
    pub(super) fn unusable(&self, why: &dyn fmt::Display) -> FetchError {
        let path = self.path().display();
        failed(format!(
            "the client's credential cannot be read from {path}: {why}"
        ))
    }

    /// What the operator should change about the file, as of the last time that it was read.
    pub(super) fn warnings(&self) -> Vec<String> {
        let path = self.path().display();
        let warnings = lock(&self.0.warnings).clone();
        warnings
            .iter()
            .map(|warning| format!("{path}: {warning}"))
            .collect()
    }

    fn read_now(&self) -> io::Result<Secret> {
        let mut file = lock(&self.0.file);
        let contents = file.read()?;
        *lock(&self.0.warnings) = file.warnings().to_vec();
        Ok(Secret::new(contents.into_bytes()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CredentialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.path()).finish()
    }
}

pub(super) fn failed(message: String) -> FetchError {
    FetchError::new(FetchErrorKind::Credential, message)
}
