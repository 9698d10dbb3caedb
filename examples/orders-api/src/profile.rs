//! The profile that `--profile` or `--profile-file` gives.

use std::{
    error::Error,
    fs::File,
    io::{self, Read},
    path::Path,
};

use portcullis::jwt::Profile;

use crate::args::Args;

/// The largest profile file that is read.
const MAX_BYTES: u64 = 64 * 1024;

impl Args {
    /// What the issuers' tokens look like.
    pub(crate) fn profile(&self) -> Result<Profile, Box<dyn Error>> {
        let Some(path) = &self.profile_file else {
            return Ok(self.profile.clone());
        };
        let text = read(path)
            .map_err(|error| format!("cannot read --profile-file {}: {error}", path.display()))?;
        Profile::from_toml(&text)
            .map_err(|error| format!("--profile-file {}: {error}", path.display()).into())
    }
}

fn read(path: &Path) -> io::Result<String> {
    // Asked before it is opened: opening a FIFO waits for a writer.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_BYTES} bytes"
        )));
    }
    Ok(text)
}
