//! The profile that `--profile` or `--profile-file` gives.

use std::{error::Error, io, path::Path};

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
    let contents = portcullis_file::read(path, MAX_BYTES)?;
    Ok(contents.text()?.to_owned())
}
