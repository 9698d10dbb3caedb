//! Whether a path still leads to the file that its directory names.

use std::fs::{File, Metadata};

/// Whether the opened file has no name any more.
///
/// A path leads to such a file when the file itself is mounted, and was replaced or deleted where it is mounted from:
/// the mount keeps the old file. Another hard link to it keeps the link count above zero; Linux still marks the name.
#[cfg(unix)]
pub(crate) fn is_unlinked(file: &File, metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.nlink() == 0 || is_marked_deleted(file, metadata)
}

#[cfg(not(unix))]
pub(crate) fn is_unlinked(_: &File, _: &Metadata) -> bool {
    false
}

/// Whether `/proc` shows the name of the opened file as deleted. Without `/proc` it is not known to be.
#[cfg(unix)]
fn is_marked_deleted(file: &File, metadata: &Metadata) -> bool {
    use std::{
        fs,
        os::{fd::AsRawFd, unix::ffi::OsStrExt, unix::fs::MetadataExt},
    };

    let Ok(name) = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
        return false;
    };
    // A file may really have such a name: then the name leads to it.
    let is_its_name = || {
        fs::metadata(&name)
            .is_ok_and(|named| (named.dev(), named.ino()) == (metadata.dev(), metadata.ino()))
    };
    name.as_os_str().as_bytes().ends_with(b" (deleted)") && !is_its_name()
}

/// Whether the opened file is mounted by itself, rather than in a directory. Known on Linux from 5.8 on.
#[cfg(target_os = "linux")]
pub(crate) fn is_mount_point(file: &File) -> bool {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};

    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_mount_point(_: &File) -> bool {
    false
}
