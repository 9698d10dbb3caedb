use std::{
    fs::{self, File},
    io, mem,
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
use crate::mount::Mount;
use crate::{
    Contents, Stamp,
    read::{open, read_settled},
};

/// A file that is read repeatedly.
///
/// It keeps the file as last read open. When the process has no free file descriptor, that one is closed to read the
/// file again.
///
/// On Linux it remembers the source of the bind mount that the file lies on, and detects that the source was renamed.
#[derive(Debug)]
pub struct WatchedFile {
    what: &'static str,
    path: PathBuf,
    max_bytes: u64,
    is_private: bool,
    warnings: Vec<&'static str>,
    reserve: Option<File>,
    /// The mount that `reserve` lies on.
    #[cfg(target_os = "linux")]
    mount: Option<Mount>,
}

impl WatchedFile {
    /// A file of which at most `max_bytes` bytes are read. `what` names it in the log, such as "API key file".
    ///
    /// It is taken for secret: the log warns when every user may read it.
    pub fn new(what: &'static str, path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            what,
            path: path.into(),
            max_bytes,
            is_private: true,
            warnings: Vec::new(),
            reserve: None,
            #[cfg(target_os = "linux")]
            mount: None,
        }
    }

    /// Every user may read the file.
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

    /// The current stamp of the file. It changes when the source of the bind mount is renamed. It needs no file
    /// descriptor.
    ///
    /// # Errors
    ///
    /// When the file does not exist or its directory cannot be searched.
    pub fn stamp(&self) -> io::Result<Stamp> {
        let mut stamp = Stamp::from_metadata(&fs::metadata(&self.path)?);
        stamp.is_source_renamed = self.is_source_renamed();
        Ok(stamp)
    }

    /// Reads the file as [`read`](crate::read) does. The file also counts as [unlinked](Contents::is_unlinked) when the
    /// source of its bind mount was renamed since the first read.
    ///
    /// Logs each [warning](Contents::warnings) when it first applies.
    ///
    /// # Errors
    ///
    /// As [`read`](crate::read).
    pub fn read(&mut self) -> io::Result<Contents> {
        let reserve = &mut self.reserve;
        let path = &self.path;
        let (mut contents, file) = read_settled(path, self.max_bytes, || match open(path) {
            Err(error) if is_out_of_descriptors(&error) && reserve.is_some() => {
                *reserve = None;
                open(path)
            }
            opened => opened,
        })?;
        #[cfg(target_os = "linux")]
        {
            self.mount = Mount::of(&file, self.mount.take());
        }
        self.reserve = Some(file);
        contents.is_unlinked |= self.is_source_renamed();
        self.warn(&contents);
        Ok(contents)
    }

    fn warn(&mut self, contents: &Contents) {
        let before = mem::replace(&mut self.warnings, contents.warnings(self.is_private));
        for warning in self.warnings.iter().filter(|new| !before.contains(new)) {
            tracing::warn!(path = %self.path.display(), "{}: {warning}", self.what);
        }
    }

    fn is_source_renamed(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.mount.as_ref().is_some_and(Mount::is_source_renamed);
        #[cfg(not(target_os = "linux"))]
        false
    }
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let codes = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

#[cfg(not(unix))]
fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}
