use std::{fs, fs::Metadata, io, path::Path, time::SystemTime};

/// Tells one version of a file from another without reading it. For a symbolic link it is that of the file it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time at which the inode changed, which cannot be set back.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
    is_source_renamed: bool,
}

impl Stamp {
    /// The stamp of the file at `path`. It takes no file descriptor.
    ///
    /// # Errors
    ///
    /// When there is no file, or its directory cannot be searched.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&fs::metadata(path)?))
    }

    pub(crate) fn from_metadata(metadata: &Metadata) -> Self {
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
            is_source_renamed: false,
        }
    }

    pub(crate) fn with_renamed_source(self, is_source_renamed: bool) -> Self {
        Self {
            is_source_renamed,
            ..self
        }
    }
}
