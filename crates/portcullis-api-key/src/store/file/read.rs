//! Which key files are read and trusted.

use std::{io, path::Path};

use portcullis_file::Contents;

use super::{document, error::KeyFileError};
use crate::record::KeyRecord;

/// The largest file that is read has about 200,000 keys. More keys belong in a database.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Rejects a file that is detached, since later revocations would not be seen, or that every user may write.
pub(super) fn check_trust(
    path: &Path,
    read: io::Result<Contents>,
    accept_writable_by_everyone: bool,
) -> Result<Contents, KeyFileError> {
    let trusted = read.and_then(|contents| {
        contents.reject_detached()?;
        if !accept_writable_by_everyone {
            contents.reject_writable_by_everyone(
                ", so anyone may have added keys: check them, then `chmod o-w` the file",
            )?;
        }
        Ok(contents)
    });
    trusted.map_err(|source| KeyFileError::cannot_read(path, source))
}

pub(super) fn parse(path: &Path, contents: &Contents) -> Result<Vec<KeyRecord>, KeyFileError> {
    let text = contents.text().map_err(|error| vec![error.to_string()]);
    let records = text.and_then(document::parse);
    records.map_err(|problems| KeyFileError::Malformed {
        path: path.to_owned(),
        problems,
    })
}
