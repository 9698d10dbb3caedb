//! Files that hold secrets.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
};

use portcullis_core::Secret;

use crate::output;

/// The most of a file that is read.
const MAX_BYTES: u64 = 64 * 1024;

/// All of a file. One that other users can read too works, with a warning.
pub(crate) fn read(path: &Path) -> Result<Secret, String> {
    let (content, metadata) = read_all(path, MAX_BYTES)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if content.expose().trim_ascii().is_empty() {
        return Err(format!(
            "the file {} is empty: put there what it should hold",
            path.display()
        ));
    }
    if is_readable_by_others(&metadata) {
        output::note(format_args!(
            "warning: other users can read {}: replace what is in it, and chmod 600 the file",
            path.display()
        ));
    }
    Ok(content)
}

/// All of a file that everyone may read, such as certificates.
pub(crate) fn read_public(path: &Path) -> io::Result<Vec<u8>> {
    /// Several times what a system trusts.
    const MAX_BYTES: u64 = 4 * 1024 * 1024;

    let (content, _) = read_all(path, MAX_BYTES)?;
    Ok(content.expose().to_vec())
}

/// Unlike a service's, the files of a command may be pipes: see `a_file_may_be_a_pipe`.
fn read_all(path: &Path, max_bytes: u64) -> io::Result<(Secret, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut content = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut content)?;
    let content = Secret::new(content);
    if content.expose().len() as u64 > max_bytes {
        return Err(io::Error::other(format!(
            "it has more than {max_bytes} bytes"
        )));
    }
    Ok((content, metadata))
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    // The mode of a pipe, as in --client-secret-file <(vault read …), says nothing.
    metadata.is_file() && metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Metadata) -> bool {
    false
}
