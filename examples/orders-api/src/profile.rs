//! The profile that `--profile` or `--profile-file` gives.

use std::{error::Error, path::Path};

use portcullis::jwt::Profile;

use crate::args::Args;

/// The largest profile file that is read.
const MAX_BYTES: u64 = 64 * 1024;

impl Args {
    /// What the issuers' tokens look like.
    ///
    /// An error when the file cannot be used, or the profile needs what was not given.
    pub(crate) fn profile(&self) -> Result<Profile, Box<dyn Error>> {
        let profile = match &self.profile_file {
            None => self.profile.clone(),
            Some(path) => read(path)?,
        };
        if profile.audience_rule().needs_client_id() && self.client_ids.is_empty() {
            return Err(format!(
                "the profile {:?} accepts listed clients only: give --client-id with each that may call",
                profile.name()
            )
            .into());
        }
        Ok(profile)
    }
}

fn read(path: &Path) -> Result<Profile, Box<dyn Error>> {
    let problem = |problem: &dyn std::fmt::Display| {
        Err(format!("profile file {}: {problem}", path.display()).into())
    };
    let contents = match portcullis_file::read(path, MAX_BYTES) {
        Ok(contents) => contents,
        Err(error) => return problem(&error),
    };
    // Whoever writes it decides which tokens are access tokens.
    if contents.everyone_may_write() {
        return problem(&"every user may write it: `chmod o-w` the file");
    }
    match contents.text() {
        Ok(text) => Profile::from_toml(text).or_else(|error| problem(&error)),
        Err(error) => problem(&error),
    }
}
