use std::{fmt, fs::Metadata, io, mem, path::Path};

use zeroize::Zeroizing;

use crate::{Stamp, stamp::Inode};

/// The warning for a file that [is detached](Contents::is_detached).
pub const DETACHED: &str = "it was replaced, renamed or deleted where it is mounted from, so changes are not seen: mount its directory \
                            instead of the file, do not rename that directory, and restart";

const MOUNT_POINT: &str = "it is a mount point, so its replacement will not be seen: mount its directory instead of the file";

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;

/// The content of a file and the warnings about it. `Debug` does not show the content.
pub struct Contents {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) stamp: Stamp,
    pub(crate) is_detached: bool,
    pub(crate) is_mount_point: bool,
}

impl Contents {
    /// The bytes of the file. They are zeroed on drop.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub fn text(&self) -> io::Result<&str> {
        std::str::from_utf8(&self.bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8: convert it"))
    }

    /// The bytes of the file, which the caller must zero if they are secret.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        mem::take(&mut *self.bytes)
    }

    /// The stamp of the file when it was read.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether the file was replaced, renamed or deleted behind a mount, so that changes are not visible here.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.is_detached
    }

    /// Rejects a file that [is detached](Self::is_detached).
    ///
    /// # Errors
    ///
    /// Of the kind [`io::ErrorKind::StaleNetworkFileHandle`].
    pub fn reject_detached(&self) -> io::Result<()> {
        if self.is_detached {
            return Err(io::Error::new(
                io::ErrorKind::StaleNetworkFileHandle,
                DETACHED,
            ));
        }
        Ok(())
    }

    /// Rejects a file that every user of the machine may write. The error is "every user may write it", followed by `advice`.
    ///
    /// # Errors
    ///
    /// Of the kind [`io::ErrorKind::PermissionDenied`].
    pub fn reject_writable_by_everyone(&self, advice: &str) -> io::Result<()> {
        if self.stamp.inode.mode & OTHERS_WRITE != 0 {
            let problem = format!("every user may write it{advice}");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        Ok(())
    }

    /// What the operator should change about the file or its mount. Only for a private file, this includes that every user may
    /// read it.
    #[must_use]
    pub fn warnings(&self, is_private: bool) -> Vec<&'static str> {
        let hidden_changes = [
            (self.is_detached, DETACHED),
            (self.is_mount_point && !self.is_detached, MOUNT_POINT),
            (
                self.stamp.inode.links > 1,
                "it has another hard link: if the file is replaced at that link's path, the change will not be seen here: use a symbolic link",
            ),
        ];
        let hidden_changes = hidden_changes
            .into_iter()
            .filter_map(|(applies, warning)| applies.then_some(warning));
        hidden_changes
            .chain(self.access_warnings(is_private))
            .collect()
    }

    /// The [`warnings`](Self::warnings) about permissions alone, for a file that is read once.
    #[must_use]
    pub fn access_warnings(&self, is_private: bool) -> Vec<&'static str> {
        let mode = self.stamp.inode.mode;
        [
            (
                mode & OTHERS_WRITE != 0,
                "every user may write it: `chmod o-w` the file",
            ),
            (
                self.stamp.is_replaceable,
                "every user may replace it: `chmod o-w` its directory (of a link, also that of its target)",
            ),
            (
                is_private && mode & OTHERS_READ != 0,
                "every user may read it: `chmod o-r` the file",
            ),
        ]
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

/// Whether the file has another hard link. The other link keeps the old content when the file is replaced.
#[must_use]
pub fn has_other_links(metadata: &Metadata) -> bool {
    Inode::of(metadata).links > 1
}

/// Whether every user may put another file at `path` or its target. In a sticky directory, such as `/tmp`, only the owner of a
/// file may.
pub(crate) fn is_replaceable(path: &Path) -> bool {
    const STICKY: u32 = 0o1000;

    let is_open = |path: &Path| {
        directory_of(path).metadata().is_ok_and(|metadata| {
            Inode::of(&metadata).mode & (STICKY | OTHERS_WRITE) == OTHERS_WRITE
        })
    };
    is_open(path) || path.canonicalize().is_ok_and(|target| is_open(&target))
}

/// The directory of the file at `path`; `.` if `path` is only a name.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}
