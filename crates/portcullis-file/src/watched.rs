use std::{
    fs::{self, File},
    io, mem,
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
use crate::mount::Mounts;
use crate::{
    Contents, Stamp,
    contents::is_replaceable,
    read::{open, read_settled},
};

/// A file that is read repeatedly.
///
/// The file that was read last stays open. If no file descriptor is free for the next read, that file is closed first, which
/// frees one. On Linux, a `WatchedFile` also detects that the source of a bind mount on the path was renamed.
#[derive(Debug)]
pub struct WatchedFile {
    what: &'static str,
    path: PathBuf,
    max_bytes: u64,
    is_private: bool,
    warnings: Vec<&'static str>,
    /// The file that was read last. It is closed if a read needs its descriptor.
    reserve: Option<File>,
    #[cfg(target_os = "linux")]
    mounts: Mounts,
}

impl WatchedFile {
    /// A file of which at most `max_bytes` bytes are read. `what` names it in the log, such as "API key file".
    ///
    /// The log warns when every user may read the file, unless it is [`public`](Self::public).
    pub fn new(what: &'static str, path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            what,
            path: path.into(),
            max_bytes,
            is_private: true,
            warnings: Vec::new(),
            reserve: None,
            #[cfg(target_os = "linux")]
            mounts: Mounts::default(),
        }
    }

    /// Declares that every user may read the file, so that the log does not warn about it.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.is_private = false;
        self
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the operator should change about the file, as of the last [`read`](Self::read).
    pub fn warnings(&self) -> &[&'static str] {
        &self.warnings
    }

    /// The current stamp of the file. The stamp also changes when the source of a bind mount is renamed, and when every user
    /// may replace the file. The call needs no file descriptor.
    ///
    /// # Errors
    ///
    /// When the file does not exist or its directory cannot be searched.
    pub fn stamp(&self) -> io::Result<Stamp> {
        let mut stamp = Stamp::from_metadata(&fs::metadata(&self.path)?);
        stamp.is_source_renamed = self.is_source_renamed();
        stamp.is_replaceable = is_replaceable(&self.path);
        Ok(stamp)
    }

    /// Reads the file as [`read`](crate::read) does. The file also counts as [detached](Contents::is_detached) when the
    /// source of a bind mount on its path was renamed since the first read.
    ///
    /// Logs the [warnings](Contents::warnings) that the previous read did not have.
    ///
    /// # Errors
    ///
    /// As [`read`](crate::read).
    pub fn read(&mut self) -> io::Result<Contents> {
        let reserve = &mut self.reserve;
        let path = &self.path;
        let (mut contents, file) = read_settled(path, self.max_bytes, || match open(path) {
            // `metadata` needs no descriptor. If the file is missing, the reserve is kept.
            Err(error) if is_out_of_descriptors(&error) && fs::metadata(path)?.is_file() => {
                *reserve = None;
                open(path)
            }
            opened => opened,
        })?;
        #[cfg(target_os = "linux")]
        {
            self.mounts.update(path);
        }
        self.reserve = Some(file);
        contents.is_detached |= self.is_source_renamed();
        self.log_new_warnings(&contents);
        Ok(contents)
    }

    fn log_new_warnings(&mut self, contents: &Contents) {
        let before = mem::replace(&mut self.warnings, contents.warnings(self.is_private));
        for warning in self.warnings.iter().filter(|new| !before.contains(new)) {
            tracing::warn!(path = %self.path.display(), "{}: {warning}", self.what);
        }
    }

    fn is_source_renamed(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.mounts.is_source_renamed();
        #[cfg(not(target_os = "linux"))]
        false
    }
}

/// Whether the process or the system has no free file descriptor.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    // `ENFILE` and `EMFILE` of every Unix.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}
