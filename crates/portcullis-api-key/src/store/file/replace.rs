//! Replaces the key file so that readers see the old or the new one, and a crash leaves one of them.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use portcullis_file::directory_of;

use super::error::KeyFileError;

/// Replaces the file, whose lock the caller holds. Once this has returned `Ok`, the new content survives a loss of power.
pub(super) fn replace(target: &Path, text: &str) -> Result<(), KeyFileError> {
    warn_about_other_links(target);
    let temporary = beside(target, ".", ".tmp");
    // A writer that crashed may have left the temporary file. The lock excludes other writers.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(cannot_write(&temporary)(error));
        }
        _ => {}
    }
    write_and_rename(&temporary, target, text).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        let source = match error.kind() {
            io::ErrorKind::ResourceBusy => io::Error::other(format!(
                "{error}: the file is a mount point and cannot be replaced here: mount its directory, or change the file \
                 where it is mounted from"
            )),
            _ => error,
        };
        cannot_write(target)(source)
    })
}

pub(super) fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    |source| KeyFileError::Write { path, source }
}

fn write_and_rename(temporary: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(temporary)?;
    copy_owner(target, &file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    drop(file);
    fs::rename(temporary, target)?;
    // Makes the rename durable.
    File::open(directory_of(target))?.sync_all()
}

/// The path of the file to replace, with symbolic links resolved.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        resolved => return resolved,
    }
    if path.is_symlink() {
        let problem = "it is a symbolic link to a file that does not exist: correct the link";
        return Err(io::Error::other(problem));
    }
    let name = path.file_name();
    let name = name.ok_or_else(|| io::Error::other("the path must end in a file name"))?;
    Ok(directory_of(path).canonicalize()?.join(name))
}

/// `keys.toml` → `{before}keys.toml{after}`, in the same directory.
pub(super) fn beside(target: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = OsString::from(before);
    name.push(target.file_name().unwrap_or_default());
    name.push(after);
    target.with_file_name(name)
}

/// Gives the new file the owner and the group of the old one. Its group may read it if only the owner and the group could read
/// the old one: 0640 stays, and 0644, which most programs give a new file, becomes 0600.
fn copy_owner(target: &Path, file: &File) -> io::Result<()> {
    const GROUP_READS: u32 = 0o040;
    const OTHERS_READ: u32 = 0o004;

    let (old, new) = match fs::metadata(target) {
        Ok(old) => (old, file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        let advice = "run this as the owner of the file, who must be in its group";
        fchown(file, Some(old.uid()), Some(old.gid()))
            .map_err(|error| io::Error::other(format!("{error}: {advice}")))?;
    }
    let only_group_reads = old.mode() & (GROUP_READS | OTHERS_READ) == GROUP_READS;
    if only_group_reads {
        file.set_permissions(Permissions::from_mode(0o600 | GROUP_READS))?;
    }
    Ok(())
}

fn warn_about_other_links(target: &Path) {
    if fs::metadata(target).is_ok_and(|old| portcullis_file::has_other_links(&old)) {
        tracing::warn!(
            path = %target.display(),
            "API key file is being replaced, but its other hard links keep the previous keys, also revoked ones: have services read this path, and \
             remove the other links"
        );
    }
}
