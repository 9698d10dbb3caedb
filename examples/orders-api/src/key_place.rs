//! Where API keys are: the value of `--api-keys`.

use std::{ffi::OsString, path::PathBuf};

/// A key file, or a database.
#[derive(Clone, Debug)]
pub(crate) enum KeyPlace {
    File(PathBuf),
    /// By its URL.
    Database(String),
}

impl From<OsString> for KeyPlace {
    fn from(value: OsString) -> Self {
        match value.to_str() {
            Some(url) if url.contains("://") || url.starts_with("sqlite:") => {
                Self::Database(url.to_owned())
            }
            _ => Self::File(value.into()),
        }
    }
}

/// Whether a URL has a password, which every user of the machine can see in the command line.
pub(crate) fn has_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@').unwrap_or_default();
    user.contains(':') || rest.contains("?password=") || rest.contains("&password=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_are_recognised() {
        for url in ["sqlite://keys.db", "sqlite:keys.db", "postgres://a@db/keys"] {
            assert!(
                matches!(KeyPlace::from(OsString::from(url)), KeyPlace::Database(_)),
                "{url}"
            );
        }
        for path in ["keys.toml", "/etc/keys.toml", "a:b"] {
            assert!(
                matches!(KeyPlace::from(OsString::from(path)), KeyPlace::File(_)),
                "{path}"
            );
        }
    }

    #[test]
    fn passwords_in_urls_are_found() {
        let with = [
            "postgres://a:b@db/keys",
            "redis://:b@db",
            "postgres://db/keys?user=a&password=b",
        ];
        for url in with {
            assert!(has_password(url), "{url}");
        }
        for url in [
            "postgres://a@db:5432/keys",
            "redis://db:6379",
            "sqlite:///tmp/a@b:c/keys.db",
        ] {
            assert!(!has_password(url), "{url}");
        }
    }
}
