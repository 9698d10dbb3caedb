use std::{
    fs::{File, Metadata},
    time::SystemTime,
};

/// Identifies a version of a file without reading the file. The stamp of a symbolic link is that of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    pub(crate) inode: Inode,
    /// Whether the source of a bind mount on the path was renamed. Only `WatchedFile::stamp` sets it: the stamp of a
    /// read has `false`, so after a rename the two differ, and the file is read again.
    pub(crate) is_source_renamed: bool,
    /// Whether every user may put another file at the path.
    pub(crate) is_replaceable: bool,
}

impl Stamp {
    pub(crate) fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            inode: Inode::of(metadata),
            is_source_renamed: false,
            is_replaceable: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    device_and_number: (u64, u64),
    /// The ctime, which no user can set.
    changed: (i64, i64),
    pub(crate) links: u64,
    pub(crate) mode: u32,
}

impl Inode {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            device_and_number: (metadata.dev(), metadata.ino()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            links: metadata.nlink(),
            mode: metadata.mode(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_: &Metadata) -> Self {
        Self {
            device_and_number: (0, 0),
            changed: (0, 0),
            links: 1,
            mode: 0,
        }
    }

    /// Whether the name of `file` is gone. `file` must have this inode.
    ///
    /// A file that is mounted by itself keeps its old inode when it is replaced or deleted at its source. If the inode has
    /// another hard link, its link count stays above zero, but Linux marks the name as deleted.
    pub(crate) fn is_unlinked(self, file: &File) -> bool {
        self.links == 0 || self.is_marked_deleted(file)
    }

    #[cfg(target_os = "linux")]
    fn is_marked_deleted(self, file: &File) -> bool {
        use std::{
            fs,
            os::{fd::AsRawFd, unix::ffi::OsStrExt},
        };

        let Ok(name) = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
            return false;
        };
        let id = |metadata: Metadata| Self::of(&metadata).device_and_number;
        // An existing file may also have a name that ends with ` (deleted)`.
        name.as_os_str().as_bytes().ends_with(b" (deleted)")
            && fs::metadata(&name).map(id).ok() != Some(self.device_and_number)
    }

    #[cfg(not(target_os = "linux"))]
    fn is_marked_deleted(self, _: &File) -> bool {
        false
    }
}
