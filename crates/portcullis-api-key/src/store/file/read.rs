//! Reading the key file, and judging whether it may be trusted.

use std::{io, path::Path};

use portcullis_file::{Contents, UNLINKED};

use super::{document, error::KeyFileError};
use crate::KeyRecord;

/// The largest file that is read: some 200,000 keys. More belong in a database.
pub(super) const LARGEST_BYTES: u64 = 64 * 1024 * 1024;

/// Whether a file that every user of the machine may write is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WritableByEveryone {
    Refused,
    Accepted,
}

/// The file at `path`, unless it must not be trusted.
pub(super) fn read(path: &Path, writable: WritableByEveryone) -> Result<Contents, KeyFileError> {
    portcullis_file::read(path, LARGEST_BYTES)
        .and_then(|contents| trusted(contents, writable))
        .map_err(KeyFileError::read(path))
}

/// Refuses what must not be trusted: old keys whose revocation cannot be seen, and keys that anyone may have added.
pub(super) fn trusted(contents: Contents, writable: WritableByEveryone) -> io::Result<Contents> {
    if contents.is_unlinked() {
        return Err(io::Error::other(UNLINKED));
    }
    if contents.everyone_may_write() && writable == WritableByEveryone::Refused {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "every user may write it, so anyone may have added keys: check them, then `chmod o-w` the file",
        ));
    }
    Ok(contents)
}

/// The records in the file that was read from `path`.
pub(super) fn parse(path: &Path, contents: &Contents) -> Result<Vec<KeyRecord>, KeyFileError> {
    let text = contents.text().map_err(KeyFileError::read(path))?;
    document::parse(text).map_err(|problems| KeyFileError::Malformed {
        path: path.to_owned(),
        problems,
    })
}
