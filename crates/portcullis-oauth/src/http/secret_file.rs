//! Reading files that hold a secret.

use std::{io, path::Path};

use portcullis_core::Secret;

/// The most of a file that is read.
pub(crate) const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// All of a regular file of at most 64 KiB, as a secret. It blocks while it reads.
///
/// # Errors
///
/// When the file cannot be read, is not a regular file, or is longer.
pub fn read_secret_file(path: &Path) -> io::Result<Secret> {
    let contents = portcullis_file::read(path, MAX_SECRET_BYTES)?;
    Ok(Secret::new(contents.into_bytes()))
}
