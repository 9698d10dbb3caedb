//! Walks folders.

use std::{
    fs::{self, ReadDir},
    io,
    path::PathBuf,
};

/// The regular files of a folder and its folders. Symbolic links are not followed, so there are no loops.
pub(super) struct Files {
    /// The folders that are being read, outermost first.
    open: Vec<ReadDir>,
    first: Option<PathBuf>,
}

/// A path, and why it could not be read.
pub(super) type Unread = (PathBuf, io::Error);

impl Files {
    /// `path` is a folder, or a file, which alone is returned then. It may be a symbolic link.
    pub(super) fn of(path: PathBuf) -> Self {
        Self {
            open: Vec::new(),
            first: Some(path),
        }
    }

    fn enter(&mut self, path: PathBuf) -> Option<Result<PathBuf, Unread>> {
        match fs::read_dir(&path) {
            Ok(entries) => {
                self.open.push(entries);
                None
            }
            Err(error) => Some(Err((path, error))),
        }
    }
}

impl Iterator for Files {
    type Item = Result<PathBuf, Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(path) = self.first.take() {
            match fs::metadata(&path) {
                Ok(found) if !found.is_dir() => return Some(Ok(path)),
                Err(error) => return Some(Err((path, error))),
                Ok(_) => {
                    if let Some(unread) = self.enter(path) {
                        return Some(unread);
                    }
                }
            }
        }
        while let Some(entries) = self.open.last_mut() {
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))
            {
                Ok(found) => found,
                Err(error) => return Some(Err((PathBuf::from("a folder entry"), error))),
            };
            if kind.is_file() {
                return Some(Ok(path));
            }
            if kind.is_dir()
                && let Some(unread) = self.enter(path)
            {
                return Some(unread);
            }
        }
        None
    }
}
