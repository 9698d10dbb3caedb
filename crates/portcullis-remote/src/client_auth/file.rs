//! Reading credentials from files.

use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use portcullis_core::Secret;

use crate::{FetchError, FetchErrorKind};

/// The most of a file that is read.
const MAX_BYTES: u64 = 64 * 1024;

/// All of a file, off the runtime's threads.
pub(super) async fn read(path: &Arc<Path>) -> Result<Secret, FetchError> {
    let shared = path.clone();
    let reading = tokio::task::spawn_blocking(move || read_secret_file(&shared));
    let content = reading
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the runtime is ending")));
    content.map_err(|error| unusable(path, &error))
}

/// Why a file's content is no credential.
pub(super) fn unusable(path: &Path, why: &dyn std::fmt::Display) -> FetchError {
    let path = path.display();
    failed(format!(
        "the client's credential cannot be read from {path}: {why}"
    ))
}

pub(super) fn failed(message: String) -> FetchError {
    FetchError::new(FetchErrorKind::Credential, message)
}

/// All of a regular file of at most 64 KiB, as a secret. It blocks while it reads.
///
/// # Errors
///
/// When the file cannot be read, is no regular file, or is longer.
pub fn read_secret_file(path: &Path) -> io::Result<Secret> {
    // Opening a pipe waits for whoever writes to it, perhaps for ever.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    // With room for all of it: growing would leave copies behind.
    let mut bytes = Vec::with_capacity(metadata.len().min(MAX_BYTES) as usize + 1);
    std::fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    let content = Secret::new(bytes);
    if content.expose().len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it has more than {MAX_BYTES} bytes"
        )));
    }
    Ok(content)
}
