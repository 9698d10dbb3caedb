//! The profile of `--profile` or `--profile-file`.

use std::error::Error;

use portcullis::jwt::Profile;

use crate::args::Args;

/// The largest profile file that is read.
const MAX_BYTES: u64 = 64 * 1024;

impl Args {
    /// The profile of the issuers' tokens. Fails if the file cannot be used, or the profile needs an option that is missing.
    pub(crate) fn profile(&self) -> Result<Profile, Box<dyn Error>> {
        let profile = match &self.profile_file {
            None => self.profile.clone(),
            Some(path) => {
                let shown = path.display();
                let text = portcullis_file::read_config(path, MAX_BYTES)
                    .map_err(|error| format!("cannot use the profile file {shown}: {error}"))?;
                Profile::from_toml(&text)
                    .map_err(|error| format!("cannot use the profile file {shown}: {error}"))?
            }
        };
        if profile.needs_client_id() && self.client_ids.is_empty() {
            return Err(format!(
                "the profile {:?} accepts only listed clients: give --client-id for each",
                profile.name()
            )
            .into());
        }
        Ok(profile)
    }
}
