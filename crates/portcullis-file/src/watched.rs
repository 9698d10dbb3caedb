use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use crate::{
    Contents, Stamp,
    read::{open, read_settled},
};

/// A file that is read again and again.
///
/// It keeps one file descriptor in reserve: the file as it was last read. When the process has no other left, that one
/// is given up to read the file once more.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    max_bytes: u64,
    reserve: Option<File>,
}

impl WatchedFile {
    /// The file at `path`, of which at most `max_bytes` bytes are read. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            max_bytes,
            reserve: None,
        }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The stamp of the file as of now. It takes no file descriptor.
    ///
    /// # Errors
    ///
    /// When there is no file, or its directory cannot be searched.
    pub fn stamp(&self) -> io::Result<Stamp> {
        Stamp::of(&self.path)
    }

    /// Reads the file as [`read`](crate::read) does.
    ///
    /// # Errors
    ///
    /// As of [`read`](crate::read).
    pub fn read(&mut self) -> io::Result<Contents> {
        let Self {
            path,
            max_bytes,
            reserve,
        } = self;
        let (contents, file) = read_settled(path, *max_bytes, || match open(path) {
            Err(error) if is_out_of_descriptors(&error) && reserve.is_some() => {
                *reserve = None;
                open(path)
            }
            opened => opened,
        })?;
        self.reserve = Some(file);
        Ok(contents)
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
