//! Reading the file whole, and noticing cheaply that it changed.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
    time::SystemTime,
};

use super::{document, error::KeyFileError};
use crate::KeyRecord;

/// The largest file that is read: some 200,000 keys. More belong in a database.
pub(super) const LARGEST_BYTES: u64 = 64 * 1024 * 1024;

/// What tells one version of the file from another without reading it. It is that of the file a symlink leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time at which the inode changed, which cannot be set back.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self, KeyFileError> {
        let metadata = fs::metadata(path).map_err(KeyFileError::read(path))?;
        Ok(Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ),
        }
    }
}

/// The text of the file, and the stamp it had all the while.
pub(super) fn read(path: &Path) -> Result<(String, Stamp), KeyFileError> {
    read_settled(path).map_err(KeyFileError::read(path))
}

/// The records in `text`, which was read from `path`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<KeyRecord>, KeyFileError> {
    document::parse(text).map_err(|problems| KeyFileError::Malformed {
        path: path.to_owned(),
        problems,
    })
}

fn read_settled(path: &Path) -> io::Result<(String, Stamp)> {
    const ATTEMPTS: usize = 5;
    for _ in 0..ATTEMPTS {
        // Opening a pipe would wait for its other end.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut file = File::open(path)?;
        let before = Stamp::from_metadata(&file.metadata()?);
        let mut bytes = Vec::new();
        file.by_ref()
            .take(LARGEST_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_BYTES {
            return Err(io::Error::other(format!(
                "it is larger than {LARGEST_BYTES} bytes"
            )));
        }
        // Someone may write in place while we read: then half of it would be new.
        if Stamp::from_metadata(&file.metadata()?) == before {
            let text = String::from_utf8(bytes)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
            return Ok((text, before));
        }
    }
    Err(io::Error::other("it keeps changing while it is read"))
}
