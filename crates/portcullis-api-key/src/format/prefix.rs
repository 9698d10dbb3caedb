use std::fmt;

use portcullis_core::ConfigError;

/// The beginning of keys, by which people and secret scanners recognise them: `acme_live` in `acme_live_4fXq…`.
///
/// It has 1 to 32 lower-case letters, digits and single underscores. It begins with a letter and does not end with an
/// underscore. The default is `portcullis`; give your service its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPrefix(Box<str>);

impl KeyPrefix {
    const MAX_LENGTH: usize = 32;
    pub(crate) const FORM: &str = "1 to 32 lower-case letters, digits and single underscores, beginning with a letter and not ending with an \
         underscore (a key has its own after the prefix)";

    /// Parses a prefix.
    ///
    /// # Errors
    ///
    /// When `prefix` does not have the form of a [`KeyPrefix`].
    pub fn new(prefix: &str) -> Result<Self, ConfigError> {
        if !is_prefix(prefix.as_bytes()) {
            let problem = format!("use {}", Self::FORM);
            return Err(ConfigError::new("prefix", problem));
        }
        Ok(Self(prefix.into()))
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("portcullis".into())
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn is_prefix(text: &[u8]) -> bool {
    // On the request path: one pass without an early exit.
    let (is_prefix, last) = text.iter().fold((true, b'_'), |(so_far, before), byte| {
        let is_good = match byte {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'_' => before != b'_',
            _ => false,
        };
        (so_far & is_good, *byte)
    });
    is_prefix
        && last != b'_'
        && text.len() <= KeyPrefix::MAX_LENGTH
        && text.first().is_some_and(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_prefix_is_valid() {
        assert!(is_prefix(KeyPrefix::default().as_str().as_bytes()));
    }

    #[test]
    fn invalid_prefix_is_rejected() {
        for good in ["a", "acme", "acme_live", "k8s_1", &"a".repeat(32)] {
            assert_eq!(KeyPrefix::new(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            "_",
            "a_",
            "_a",
            "a__b",
            "A",
            "1a",
            "a-b",
            "a b",
            "ä",
            "a\n",
            &"a".repeat(33),
        ] {
            assert_eq!(KeyPrefix::new(bad).expect_err(bad).setting(), "prefix");
        }
    }
}
