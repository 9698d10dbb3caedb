use std::{
    fmt,
    fs::{File, Metadata},
    io::{self, Read},
    mem,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{MOUNT_POINT, Stamp, UNLINKED, follow};

/// What was read from a file, and what is to be said about it. `Debug` does not show the bytes.
pub struct Contents {
    bytes: Zeroizing<Vec<u8>>,
    stamp: Stamp,
    mode: u32,
    is_unlinked: bool,
    is_mount_point: bool,
    is_replaceable: bool,
}

impl Contents {
    /// The bytes of the file. They are wiped when this is dropped.
    #[must_use]
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
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
    }

    /// The bytes of the file, to be wiped by the caller.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        mem::take(&mut *self.bytes)
    }

    /// The stamp that the file had while it was read.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether the path leads to a file that was replaced or deleted: changes cannot be seen. This happens to a file
    /// that is mounted by itself.
    #[must_use]
    pub fn is_unlinked(&self) -> bool {
        self.is_unlinked
    }

    pub(crate) fn set_unlinked(&mut self) {
        self.is_unlinked = true;
    }

    /// Whether the file is mounted by itself, so that its replacement will not be seen. Known on Linux from 5.8 on.
    #[must_use]
    pub fn is_mount_point(&self) -> bool {
        self.is_mount_point
    }

    /// What the operator should change about the file or its mount; nothing where all is well. The words go behind the
    /// name of the file.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        [
            (self.is_unlinked, UNLINKED),
            (self.is_mount_point && !self.is_unlinked, MOUNT_POINT),
            (
                self.everyone_may_write(),
                "every user may write it: `chmod o-w` the file",
            ),
            (
                self.is_replaceable,
                "every user may replace it: `chmod o-w` its directory",
            ),
        ]
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
    }

    /// The [`warnings`](Self::warnings) about a file that is nobody else's business.
    #[must_use]
    pub fn warnings_of_private(&self) -> Vec<&'static str> {
        let mut warnings = self.warnings();
        if self.everyone_may_read() {
            warnings.push("every user may read it: `chmod o-r` the file");
        }
        warnings
    }

    /// Whether every user of the machine may read the file. Always `false` where files have no such permissions.
    #[must_use]
    pub fn everyone_may_read(&self) -> bool {
        self.mode & 0o004 != 0
    }

    /// Whether every user of the machine may write the file. Always `false` where files have no such permissions.
    #[must_use]
    pub fn everyone_may_write(&self) -> bool {
        self.mode & 0o002 != 0
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

/// Reads the regular file at `path`, which may be a symbolic link to one.
///
/// # Errors
///
/// When the file cannot be read, is not a regular file, is larger than `max_bytes`, or keeps changing while it is read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Contents> {
    read_settled(path, max_bytes, || open(path)).map(|(contents, _)| contents)
}

/// The contents of the file at `path` that `open` opens, and that file.
pub(crate) fn read_settled(
    path: &Path,
    max_bytes: u64,
    mut open: impl FnMut() -> io::Result<File>,
) -> io::Result<(Contents, File)> {
    const ATTEMPTS: usize = 5;
    for attempt in 1..=ATTEMPTS {
        let mut file = open()?;
        let metadata = file.metadata()?;
        let is_unlinked = follow::is_unlinked(&file, &metadata);
        // If the file was replaced just after it was opened, its successor can be opened now.
        if is_unlinked && attempt < ATTEMPTS {
            continue;
        }
        let bytes = read_bounded(&mut file, metadata.len(), max_bytes)?;
        let stamp = Stamp::from_metadata(&metadata);
        // If someone wrote in place meanwhile, a part of what was read is old.
        if Stamp::from_metadata(&file.metadata()?) == stamp {
            let contents = Contents {
                bytes,
                stamp,
                mode: mode(&metadata),
                is_unlinked,
                is_mount_point: follow::is_mount_point(&file),
                is_replaceable: is_replaceable(path),
            };
            return Ok((contents, file));
        }
    }
    Err(io::Error::other("the file keeps changing while it is read"))
}

/// Opens a regular file. Opening a FIFO the usual way would wait for a writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits() as i32);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn read_bounded(file: &mut File, length: u64, max_bytes: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let too_large = || {
        Err(io::Error::other(format!(
            "it has more than {max_bytes} bytes"
        )))
    };
    if length > max_bytes {
        return too_large();
    }
    // With room for all of it: a buffer that grows leaves copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return too_large();
    }
    Ok(bytes)
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions())
}

/// Whether every user may put another file in this one's place: in a directory that is not sticky, as `/tmp` is. This
/// concerns the directory of the path and, for a symbolic link, also that of the file it leads to.
fn is_replaceable(path: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o002;

    let is_open = |path: &Path| {
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        directory
            .metadata()
            .is_ok_and(|metadata| mode(&metadata) & (STICKY | OTHERS_WRITE) == OTHERS_WRITE)
    };
    is_open(path) || path.canonicalize().is_ok_and(|target| is_open(&target))
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}
