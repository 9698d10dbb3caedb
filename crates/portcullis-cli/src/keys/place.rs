//! Where a store is: the value of `--store`.

use std::{
    error::Error,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use percent_encoding::percent_decode_str;
use portcullis_core::Secret;
use url::Url;

use crate::misuse::misuse;

#[derive(Debug)]
pub(super) enum Place {
    /// A key file.
    File(PathBuf),
    /// A database. The URL has no password.
    Database {
        url: String,
        password: Option<Secret>,
    },
}

/// Where the value comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Origin {
    /// The command line, which every user of the machine can see.
    Option(&'static str),
    /// An environment variable.
    Variable(&'static str),
}

impl Place {
    pub(super) fn parse(value: &OsStr, origin: Origin) -> Result<Self, Box<dyn Error>> {
        let name = match origin {
            Origin::Option(name) | Origin::Variable(name) => name,
        };
        let wrong = |problem: &str| misuse(format!("{name}: {problem}"));
        let Some(text) = value.to_str().filter(|text| is_url(text)) else {
            return match value.is_empty() {
                true => Err(wrong("it is empty: give the path of a key file or a URL")),
                false => Ok(Self::File(PathBuf::from(value))),
            };
        };
        let scheme = text.split(':').next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case("sqlite") {
            return Ok(Self::Database {
                url: text.to_owned(),
                password: None,
            });
        }
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(wrong(
                "unknown kind of store: give the path of a key file, or a URL that begins with sqlite:// or postgres://",
            ));
        }
        let mut url = Url::parse(text).map_err(|error| wrong(&format!("not a URL: {error}")))?;
        if url.query_pairs().any(|(name, _)| name == "password") {
            return Err(wrong(&format!(
                "the query of the URL has a password: {ADVICE}"
            )));
        }
        let password = url
            .password()
            .map(|encoded| Secret::new(percent_decode_str(encoded).collect::<Vec<_>>()));
        if password.is_some() {
            if matches!(origin, Origin::Option(_)) {
                return Err(wrong(&format!(
                    "the URL has a password, which every user of this machine can see in the command line: {ADVICE}"
                )));
            }
            // Fails only for URLs without a host, which have no password.
            let _ = url.set_password(None);
        }
        Ok(Self::Database {
            url: url.into(),
            password,
        })
    }
}

const ADVICE: &str = "remove it from the URL, and put it in a file (--store-password-file FILE) or in the environment variable \
                      PORTCULLIS_STORE_PASSWORD; if others may have seen it, change it";

/// Whether the text is a URL and not a path. `sqlite:` is also written without slashes.
fn is_url(text: &str) -> bool {
    text.contains("://") || text.starts_with("sqlite:")
}

/// The value of an environment variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: Origin = Origin::Option("--store");

    fn parse(text: &str, origin: Origin) -> Result<Place, String> {
        Place::parse(OsStr::new(text), origin).map_err(|error| error.to_string())
    }

    #[test]
    fn path_and_urls_are_recognised() {
        for path in ["keys.toml", "/etc/keys.toml", "a:b", "./sqlite"] {
            assert!(matches!(parse(path, OPTION), Ok(Place::File(_))), "{path}");
        }
        for url in [
            "sqlite://keys.db",
            "sqlite:keys.db",
            "postgres://a@db/keys",
            "postgresql:///keys",
        ] {
            let place = parse(url, OPTION);
            assert!(
                matches!(&place, Ok(Place::Database { password: None, .. })),
                "{url}: {place:?}"
            );
        }
        for other in ["", "mysql://db/keys", "https://db", "Postgres://db/keys"] {
            assert!(parse(other, OPTION).is_err(), "{other}");
        }
    }

    #[test]
    fn password_in_the_command_line_is_refused_and_not_repeated() {
        for url in [
            "postgres://a:hunter2@db/keys",
            "postgres://db/keys?user=a&password=hunter2",
        ] {
            let error = parse(url, OPTION).expect_err(url);
            assert!(error.contains("--store-password-file"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn password_in_the_environment_is_taken_out_of_the_url() {
        let place = parse(
            "postgres://a:hunter%402@db/keys",
            Origin::Variable("PORTCULLIS_STORE"),
        );
        let Ok(Place::Database { url, password }) = place else {
            panic!("{place:?}");
        };
        assert_eq!(url, "postgres://a@db/keys");
        assert_eq!(password.expect("a password").expose(), b"hunter@2");
    }
}
