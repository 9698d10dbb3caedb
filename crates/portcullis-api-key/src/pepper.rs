use aws_lc_rs::hmac;
use portcullis_core::{ConfigError, Secret};

/// Secrets that are mixed into digests and kept outside the store, so that a stolen store does not help to recognise keys.
///
/// New keys are digested under the current pepper, and a record names the version of its pepper. To change the pepper, make a
/// new one current and keep the old one with [`with_previous`](Self::with_previous) until no record names its version. Give the
/// new one a higher version: a store that replaces digests moves keys to higher versions only. A key whose pepper is missing gets
/// 503, and the log names the version. Records without a pepper stay valid.
#[derive(Clone, Debug)]
pub struct Peppers {
    /// The current pepper first.
    versions: Vec<(u32, hmac::Key)>,
}

impl Peppers {
    /// The current pepper alone.
    ///
    /// # Errors
    ///
    /// When `pepper` has fewer than 32 bytes.
    pub fn new(version: u32, pepper: &Secret) -> Result<Self, ConfigError> {
        Ok(Self {
            versions: vec![(version, prepare(version, pepper)?)],
        })
    }

    /// Adds an earlier pepper, whose version stored digests name.
    ///
    /// # Errors
    ///
    /// When `pepper` has fewer than 32 bytes, or `version` was given already.
    pub fn with_previous(mut self, version: u32, pepper: &Secret) -> Result<Self, ConfigError> {
        self.check_new(version)?;
        self.versions.push((version, prepare(version, pepper)?));
        Ok(self)
    }

    /// Adds the secret under which another system made the HMAC-SHA-256 of its keys. The digests of these foreign keys name
    /// `version`. It may be shorter than the peppers of this system.
    ///
    /// # Errors
    ///
    /// When `secret` is empty, or `version` was given already.
    pub fn with_foreign(mut self, version: u32, secret: &Secret) -> Result<Self, ConfigError> {
        self.check_new(version)?;
        if secret.expose().is_empty() {
            let problem =
                format!("the secret of version {version} is empty: give that of the other system");
            return Err(ConfigError::new("peppers", problem));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        self.versions.push((version, key));
        Ok(self)
    }

    fn check_new(&self, version: u32) -> Result<(), ConfigError> {
        match self.get(version) {
            None => Ok(()),
            Some(_) => Err(ConfigError::new(
                "peppers",
                format!("two peppers have version {version}: give the newer one another version"),
            )),
        }
    }

    /// All peppers and their versions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &(u32, hmac::Key)> {
        self.versions.iter()
    }

    /// The current pepper and its version.
    pub(crate) fn current(&self) -> &(u32, hmac::Key) {
        &self.versions[0]
    }

    pub(crate) fn get(&self, version: u32) -> Option<&hmac::Key> {
        self.versions
            .iter()
            .find(|(other, _)| *other == version)
            .map(|(_, key)| key)
    }
}

fn prepare(version: u32, pepper: &Secret) -> Result<hmac::Key, ConfigError> {
    const MIN_BYTES: usize = 32;

    let bytes = pepper.expose();
    if bytes.len() < MIN_BYTES {
        let has = bytes.len();
        let problem = format!(
            "the pepper of version {version} has {has} bytes: use at least {MIN_BYTES} random bytes"
        );
        return Err(ConfigError::new("peppers", problem));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_duplicate_peppers_are_rejected() {
        let long = Secret::new(vec![1; 32]);
        let short = Secret::new(vec![1; 31]);
        assert_eq!(
            Peppers::new(1, &short).expect_err("short").setting(),
            "peppers"
        );
        let peppers = Peppers::new(1, &long).expect("long enough");
        assert!(peppers.clone().with_previous(1, &long).is_err());
        assert!(peppers.clone().with_previous(2, &short).is_err());
        assert!(peppers.clone().with_foreign(1, &short).is_err());
        assert!(peppers.clone().with_foreign(2, &Secret::new("")).is_err());
        assert!(peppers.with_foreign(2, &short).is_ok());
    }

    #[test]
    fn debug_hides_the_peppers() {
        let peppers = Peppers::new(3, &Secret::new(vec![b'x'; 32])).expect("long enough");
        let shown = format!("{peppers:?}");
        assert!(
            !shown.contains("xx") && !shown.contains("120, 120"),
            "{shown}"
        );
    }
}
