use std::{fs::Metadata, time::SystemTime};

/// Identifies a version of a file without reading it. For a symbolic link, of the file it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the inode's last change, which no user can set.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
    /// Whether the source of a bind mount on the path was renamed: only `WatchedFile` knows.
    pub(crate) is_source_renamed: bool,
    /// Whether every user may put another file at the path.
    pub(crate) is_replaceable: bool,
}

impl Stamp {
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
            is_replaceable: false,
        }
    }
}
