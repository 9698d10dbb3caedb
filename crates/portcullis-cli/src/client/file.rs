//! Files that the options name.

use std::{
    error::Error,
    fs::{File, Metadata},
    path::Path,
};

use portcullis_core::Secret;

use crate::output;

/// Reads a secret, with a warning if other users can read the file. Unlike a service's, the file may be a pipe.
pub(crate) fn read(path: &Path) -> Result<Secret, String> {
    const MAX_BYTES: u64 = 64 * 1024;

    let read = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok((portcullis_file::read_bounded(file, MAX_BYTES)?, metadata))
    };
    let shown = path.display();
    let (content, metadata) =
        read().map_err(|error: std::io::Error| format!("{shown} cannot be read: {error}"))?;
    if content.trim_ascii().is_empty() {
        return Err(format!("the file {shown} is empty: write the secret to it"));
    }
    if is_readable_by_others(&metadata) {
        output::note(format_args!(
            "warning: other users can read {shown}: replace the secret, and chmod 600 the file"
        ));
    }
    Ok(Secret::new(&content[..]))
}

/// Reads the root certificates of `--ca`.
pub(crate) fn read_ca(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    /// Several times the size of a system's.
    const MAX_BYTES: u64 = 4 * 1024 * 1024;

    match portcullis_file::read(path, MAX_BYTES) {
        Ok(contents) => Ok(contents.into_bytes()),
        Err(error) => Err(format!("--ca {}: {error}", path.display()).into()),
    }
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    // The mode of a pipe, as in --client-secret-file <(vault read …), does not matter.
    metadata.is_file() && metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Metadata) -> bool {
    false
}
