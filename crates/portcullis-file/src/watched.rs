use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
use crate::mount::Mount;
use crate::{
    Contents, Stamp,
    read::{open, read_settled},
};

/// A file that is read again and again.
///
/// It keeps one file descriptor in reserve: the file as it was last read. When the process has no other left, that one
/// is given up to read the file once more.
///
/// On Linux it remembers the source of the bind mount that the file lies on, and notices when the source is renamed.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    max_bytes: u64,
    reserve: Option<File>,
    /// The mount that `reserve` lies on.
    #[cfg(target_os = "linux")]
    mount: Option<Mount>,
}

impl WatchedFile {
    /// The file at `path`, of which at most `max_bytes` bytes are read. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            max_bytes,
            reserve: None,
            #[cfg(target_os = "linux")]
            mount: None,
        }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The stamp of the file as of now. It is another one once the source of its bind mount was renamed. It takes no
    /// file descriptor.
    ///
    /// # Errors
    ///
    /// When there is no file, or its directory cannot be searched.
    pub fn stamp(&self) -> io::Result<Stamp> {
        let stamp = Stamp::of(&self.path)?;
        Ok(stamp.with_renamed_source(self.is_source_renamed()))
    }

    /// Reads the file as [`read`](crate::read) does. The file also counts as [unlinked](Contents::is_unlinked) when the
    /// source of its bind mount was renamed since the first time.
    ///
    /// # Errors
    ///
    /// As of [`read`](crate::read).
    pub fn read(&mut self) -> io::Result<Contents> {
        let Self {
            path,
            max_bytes,
            reserve,
            ..
        } = self;
        let (mut contents, file) = read_settled(path, *max_bytes, || match open(path) {
            Err(error) if is_out_of_descriptors(&error) && reserve.is_some() => {
                *reserve = None;
                open(path)
            }
            opened => opened,
        })?;
        self.note_mount(&file);
        if self.is_source_renamed() {
            contents.set_unlinked();
        }
        self.reserve = Some(file);
        Ok(contents)
    }

    #[cfg(target_os = "linux")]
    fn is_source_renamed(&self) -> bool {
        self.mount.as_ref().is_some_and(Mount::is_source_renamed)
    }

    #[cfg(not(target_os = "linux"))]
    fn is_source_renamed(&self) -> bool {
        false
    }

    #[cfg(target_os = "linux")]
    fn note_mount(&mut self, file: &File) {
        self.mount = Mount::of(file, self.mount.take());
    }

    #[cfg(not(target_os = "linux"))]
    fn note_mount(&mut self, _: &File) {}
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
