//! Replacing the file so that readers see the old or the new one, and a crash leaves one of them.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::error::KeyFileError;

/// The right to replace a key file; other writers, in any process, wait until it is dropped.
///
/// The lock is on a file of its own, `keys.toml.lock`, since the key file itself is replaced. It is not removed, or
/// two writers could hold locks on different files of that name.
pub(super) struct Locked {
    /// The file itself: where symlinks lead.
    target: PathBuf,
    _lock: File,
}

impl Locked {
    /// Waits for the right to replace the file at `path`, which need not exist.
    pub(super) fn wait(path: &Path) -> Result<Self, KeyFileError> {
        let target = resolve(path).map_err(KeyFileError::write(path))?;
        let lock = beside(&target, "", ".lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(KeyFileError::write(&lock))?;
        Ok(Self {
            target,
            _lock: file,
        })
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Replaces the file. When this returns, the new one survives a loss of power.
    pub(super) fn replace(&self, text: &str) -> Result<(), KeyFileError> {
        let temporary = beside(&self.target, ".", ".tmp");
        let replaced = self.write_and_rename(&temporary, text);
        if replaced.is_err() {
            // What failed is told; that the remains could not be removed too would add nothing.
            let _ = fs::remove_file(&temporary);
        }
        replaced.map_err(KeyFileError::write(&self.target))
    }

    fn write_and_rename(&self, temporary: &Path, text: &str) -> io::Result<()> {
        // Left by a writer that crashed: nobody else is at it, since the lock is ours.
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(temporary)?;
        keep_owner(&file, &self.target)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(temporary, &self.target)?;
        sync_directory(&self.target)
    }
}

/// The file that is to be replaced, so that symlinks stay.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                return Err(io::Error::other("it is a symlink that leads nowhere"));
            }
            let name = path
                .file_name()
                .ok_or_else(|| io::Error::other("it names no file"))?;
            Ok(directory(path).canonicalize()?.join(name))
        }
        resolved => resolved,
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// `keys.toml` → `{before}keys.toml{after}`, in the same directory.
fn beside(target: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = OsString::from(before);
    name.push(target.file_name().unwrap_or_default());
    name.push(after);
    target.with_file_name(name)
}

/// Only the owner may read what is created.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A file that someone else edits stays readable for the service: as its owner, or in its group where that, and nobody
/// else, was let read it.
#[cfg(unix)]
fn keep_owner(file: &File, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    const GROUP_READS: u32 = 0o040;
    const OTHERS_READ: u32 = 0o004;

    let (old, new) = match fs::metadata(target) {
        Ok(old) => (old, file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    if old.mode() & (GROUP_READS | OTHERS_READ) != GROUP_READS {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600 | GROUP_READS))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the rename last.
fn sync_directory(target: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory(target))?.sync_all()?;
    }
    Ok(())
}
