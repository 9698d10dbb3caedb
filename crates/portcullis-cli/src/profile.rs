//! The profile that a command is to hold tokens to.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use clap::Args;
use portcullis_jwt::Profile;

/// The largest profile file that is read.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Args, Debug)]
pub(crate) struct ProfileArgs {
    /// What the issuer's tokens look like: rfc9068, auth0, cognito, entra_id, keycloak, logto or okta.
    #[arg(long, value_name = "NAME", default_value = "rfc9068")]
    profile: Profile,

    /// A file that says so instead, in TOML; docs/guide/issuers.md shows how.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    profile_file: Option<PathBuf>,
}

impl ProfileArgs {
    pub(crate) fn load(&self) -> Result<Profile, Box<dyn Error>> {
        match &self.profile_file {
            None => Ok(self.profile.clone()),
            Some(path) => read(path),
        }
    }

    /// Whether the profile is one of the presets.
    pub(crate) fn is_preset(&self) -> bool {
        self.profile_file.is_none()
    }

    /// The option that chose the profile.
    pub(crate) fn flag(&self) -> String {
        match &self.profile_file {
            None => format!("--profile {}", self.profile.name()),
            Some(path) => format!("--profile-file {}", path.display()),
        }
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
    // A user who can write it decides which tokens are access tokens.
    if contents.everyone_may_write() {
        return problem(&"every user may write it: `chmod o-w` the file");
    }
    match contents.text() {
        Ok(text) => Profile::from_toml(text).or_else(|error| problem(&error)),
        Err(error) => problem(&error),
    }
}
