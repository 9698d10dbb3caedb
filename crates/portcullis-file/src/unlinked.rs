//! Whether the path of an opened file still leads to the current file.

use std::fs::{File, Metadata};

/// Whether the opened file has no name any more.
///
/// A file mounted on its own keeps the old inode when it is replaced or deleted at its source. With another hard link
/// its link count stays above zero, but Linux still marks the name as deleted.
#[cfg(unix)]
pub(crate) fn is_unlinked(file: &File, metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.nlink() == 0 || is_marked_deleted(file, metadata)
}

#[cfg(not(unix))]
pub(crate) fn is_unlinked(_: &File, _: &Metadata) -> bool {
    false
}

/// Whether `/proc` shows the name of the opened file as deleted. `false` without `/proc`.
#[cfg(unix)]
fn is_marked_deleted(file: &File, metadata: &Metadata) -> bool {
    use std::{
        fs,
        os::{fd::AsRawFd, unix::ffi::OsStrExt, unix::fs::MetadataExt},
    };

    let Ok(name) = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
        return false;
    };
    // The name of an existing file may also end like this.
    let is_its_name = || {
        fs::metadata(&name)
            .is_ok_and(|named| (named.dev(), named.ino()) == (metadata.dev(), metadata.ino()))
    };
    name.as_os_str().as_bytes().ends_with(b" (deleted)") && !is_its_name()
}
