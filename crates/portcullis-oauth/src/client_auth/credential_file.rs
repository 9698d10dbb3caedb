//! Credentials in files.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use portcullis_core::{Secret, lock};
use portcullis_file::{MAX_CREDENTIAL_BYTES, WatchedFile};

use super::read_limit::ReadLimit;
use crate::{Blocking, FetchError};

const LABEL: &str = "file of a client's credential";

/// A file with a credential, read whenever the credential is needed. Clones share the warnings.
#[derive(Clone, Debug)]
pub(super) struct CredentialFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Compares the file's mount with that of the previous read.
    file: Blocking<WatchedFile>,
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
            file: Blocking::new(if is_public { file.public() } else { file }),
            warnings: Mutex::default(),
        }))
    }

    pub(super) async fn read(&self, limit: ReadLimit) -> Result<Secret, FetchError> {
        let inner = self.0.clone();
        let read = self.0.file.run(move |file| {
            let contents = file.read()?;
            *lock(&inner.warnings) = file.warnings().to_vec();
            Ok(Secret::new(contents.into_bytes()))
        });
        let read = limit.apply(read, "the volume that the file is on").await;
        let content = read.map_err(|late| self.unusable(&late))?;
        content.map_err(|error| self.unusable(&error))
    }

    pub(super) fn unusable(&self, reason: &dyn fmt::Display) -> FetchError {
        let path = self.0.path.display();
        FetchError::credential(format!(
            "cannot use the client's credential in {path}: {reason}"
        ))
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let path = self.0.path.display();
        let warnings = lock(&self.0.warnings);
        let named = warnings.iter().map(|warning| format!("{path}: {warning}"));
        named.collect()
    }
}
