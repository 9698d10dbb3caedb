//! The options that choose the token profile.

use std::{error::Error, path::PathBuf};

use clap::Args;
use portcullis_jwt::Profile;

/// The largest profile file that is read.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Args, Debug)]
pub(crate) struct ProfileArgs {
    /// The profile of the issuer's tokens: rfc9068, auth0, cognito, entra_id, keycloak, logto or okta.
    #[arg(long, value_name = "NAME", default_value = "rfc9068")]
    profile: Profile,

    /// A TOML file with a profile of your own; docs/guide/issuers.md shows how.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    profile_file: Option<PathBuf>,
}

impl ProfileArgs {
    pub(crate) fn load(&self) -> Result<Profile, Box<dyn Error>> {
        match &self.profile_file {
            None => Ok(self.profile.clone()),
            Some(path) => {
                let shown = path.display();
                let text = portcullis_file::read_config(path, MAX_BYTES)
                    .map_err(|error| format!("profile file {shown}: {error}"))?;
                let profile = Profile::from_toml(&text);
                profile.map_err(|error| format!("profile file {shown}: {error}").into())
            }
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
