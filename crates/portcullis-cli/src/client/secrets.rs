//! The secrets that a client shares with its server.

use std::path::Path;

use portcullis_client::{ClientSecret, ClientSecrets};

use super::file;

/// Reads secrets, one a line. They are read once: the file may be a pipe.
pub(super) fn read(path: &Path) -> Result<ClientSecrets, String> {
    let content = file::read(path)?;
    let lines = content.expose().split(|byte| *byte == b'\n');
    let secrets: Vec<ClientSecret> = lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(ClientSecret::new)
        .collect();
    Ok(ClientSecrets::new(secrets))
}
