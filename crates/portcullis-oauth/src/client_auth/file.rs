//! Reading credentials from files.

use std::{
    fmt, io, mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portcullis_core::Secret;
use portcullis_file::{Contents, WatchedFile};

use crate::{FetchError, FetchErrorKind};

const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A file with a credential of the client, which is read whenever one is needed. Clones share what was warned of.
#[derive(Clone)]
pub(super) struct CredentialFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Remembers its mount from one read to the next.
    file: Mutex<WatchedFile>,
    is_private: bool,
    /// What the operator should change, as of the last time that it was read.
    warnings: Mutex<Vec<&'static str>>,
}

impl CredentialFile {
    /// A file that nobody else should read.
    pub(super) fn private(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), true)
    }

    /// A file that everyone may read.
    pub(super) fn public(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), false)
    }

    fn new(path: PathBuf, is_private: bool) -> Self {
        Self(Arc::new(Inner {
            file: Mutex::new(WatchedFile::new(&path, MAX_FILE_BYTES)),
            path,
            is_private,
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
        let warnings = self.warned().clone();
        warnings
            .iter()
            .map(|warning| format!("{path}: {warning}"))
            .collect()
    }

    fn read_now(&self) -> io::Result<Secret> {
        let contents = lock(&self.0.file).read()?;
        self.warn(&contents);
        Ok(Secret::new(contents.into_bytes()))
    }

    /// Tells the log of each warning once, as long as it lasts.
    fn warn(&self, contents: &Contents) {
        let warnings = match self.0.is_private {
            true => contents.warnings_of_private(),
            false => contents.warnings(),
        };
        let before = mem::replace(&mut *self.warned(), warnings.clone());
        for warning in warnings.iter().filter(|new| !before.contains(new)) {
            tracing::warn!(path = %self.path().display(), "file of a client's credential: {warning}");
        }
    }

    fn warned(&self) -> MutexGuard<'_, Vec<&'static str>> {
        lock(&self.0.warnings)
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
