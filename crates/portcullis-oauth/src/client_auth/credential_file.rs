//! Credentials in files.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use portcullis_core::{Secret, lock};
use portcullis_file::{MAX_CREDENTIAL_BYTES, WatchedFile};

use super::read_limit::ReadLimit;
use crate::FetchError;

const LABEL: &str = "file of a client's credential";

/// A file with a credential, read whenever the credential is needed. Clones share the warnings.
#[derive(Clone, Debug)]
pub(super) struct CredentialFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Compares the file's mount with that of the previous read.
    file: Mutex<WatchedFile>,
    /// A copy of the file's warnings, so that a hanging read does not block the status.
    warnings: Mutex<Vec<&'static str>>,
}

impl CredentialFile {
    /// A file that other users should not be able to read.
    pub(super) fn private(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), false)
    }

    /// A file that every user may read.
    pub(super) fn public(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), true)
    }

    fn new(path: PathBuf, is_public: bool) -> Self {
        let file = WatchedFile::new(LABEL, &path, MAX_CREDENTIAL_BYTES);
        Self(Arc::new(Inner {
            path,
            file: Mutex::new(if is_public { file.public() } else { file }),
            warnings: Mutex::default(),
        }))
    }

    /// Reads the whole file, off the runtime's threads.
    pub(super) async fn read(&self, limit: ReadLimit) -> Result<Secret, FetchError> {
        let file = self.clone();
        let read = tokio::task::spawn_blocking(move || file.read_now());
        let read = limit.apply(read, "the volume that the file is on").await;
        let read = read.map_err(|late| self.unusable(&late))?;
        let content = read.unwrap_or_else(|_| {
            Err(io::Error::other(
                "the tokio runtime was shut down: unless the service is stopping, restart it",
            ))
        });
        content.map_err(|error| self.unusable(&error))
    }

    fn read_now(&self) -> io::Result<Secret> {
        let mut file = lock(&self.0.file);
        let contents = file.read()?;
        *lock(&self.0.warnings) = file.warnings().to_vec();
        Ok(Secret::new(contents.into_bytes()))
    }

    /// The error for a file that cannot be read, or that does not contain a credential.
    pub(super) fn unusable(&self, reason: &dyn fmt::Display) -> FetchError {
        let path = self.0.path.display();
        FetchError::credential(format!(
            "cannot use the client's credential in {path}: {reason}"
        ))
    }

    /// What an operator should change about the file, as of the last read.
    pub(super) fn warnings(&self) -> Vec<String> {
        let path = self.0.path.display();
        let warnings = lock(&self.0.warnings);
        let named = warnings.iter().map(|warning| format!("{path}: {warning}"));
        named.collect()
    }
}
