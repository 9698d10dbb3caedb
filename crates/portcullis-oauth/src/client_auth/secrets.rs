//! The secrets that a client shares with its authorization server.

use std::{error::Error, fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc};

use portcullis_core::{ConfigError, Secret, UnixTime};

use super::{
    file::{CredentialFile, failed},
    likeness,
};
use crate::{FetchError, json_object::without_byte_order_mark};

/// One secret of a client (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
pub struct ClientSecret {
    secret: Secret,
    expires_at: Option<UnixTime>,
}

impl ClientSecret {
    /// A secret that does not expire.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self {
            secret: Secret::new(secret),
            expires_at: None,
        }
    }

    /// Says when the server will not accept it any more (`client_secret_expires_at`, RFC 7591 §3.2.1), so that status
    /// and events can tell. It is offered to the server all the same.
    #[must_use]
    pub fn with_expires_at(mut self, at: UnixTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    fn is_empty(&self) -> bool {
        self.secret.expose().is_empty()
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// When it expires, where that was said.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }
}

impl From<Secret> for ClientSecret {
    fn from(secret: Secret) -> Self {
        Self {
            secret,
            expires_at: None,
        }
    }
}

impl From<String> for ClientSecret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<&str> for ClientSecret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

/// Where a client's secrets come from. They are asked for anew whenever the server is, so that they rotate without a
/// restart.
///
/// There may be up to four at once, as while one replaces the other: they are offered in order until the server accepts
/// one, and that one is offered first from then on.
#[derive(Clone)]
pub struct ClientSecrets(Source);

#[derive(Clone)]
enum Source {
    Values(Arc<[ClientSecret]>),
    File(CredentialFile),
    Provider(Arc<dyn ClientSecretProvider>),
}

/// How many there may be at once. Each that is not accepted is shown to the server in vain.
const MOST: usize = 4;

/// A source of secrets of the user's own, such as a vault.
pub trait ClientSecretProvider: Send + Sync + 'static {
    /// The secrets, the one to offer first in front.
    fn secrets(&self) -> SecretsFuture<'_>;
}

/// What a [`ClientSecretProvider`] answers with. The error's text goes to the log.
pub type SecretsFuture<'p> = Pin<
    Box<dyn Future<Output = Result<Vec<ClientSecret>, Box<dyn Error + Send + Sync>>> + Send + 'p>,
>;

impl ClientSecrets {
    /// These secrets.
    pub fn new(secrets: impl IntoIterator<Item = impl Into<ClientSecret>>) -> Self {
        Self(Source::Values(
            secrets.into_iter().map(Into::into).collect(),
        ))
    }

    /// Those in a file of at most 64 KiB, one a line; empty lines are passed over. The file is read whenever a secret is
    /// needed.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(CredentialFile::private(path)))
    }

    /// Those in the text of such a file, for who has read it otherwise.
    ///
    /// # Errors
    ///
    /// When it looks like a key or a certificate, or is UTF-16.
    pub fn from_lines(text: &Secret) -> Result<Self, ConfigError> {
        let secrets = lines(text).map_err(|why| ConfigError::new("secrets", why))?;
        Ok(Self::new(secrets))
    }

    /// Those of a source of the user's own.
    pub fn provider(provider: impl ClientSecretProvider) -> Self {
        Self(Source::Provider(Arc::new(provider)))
    }

    /// Whether those that are given as values can be used.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem = |problem: &'static str| Err(ConfigError::new("secrets", problem));
        if let Some(why) = mistake_in(self.values()) {
            return problem(why);
        }
        match &self.0 {
            Source::Values(secrets) if secrets.is_empty() => problem("there is none"),
            Source::Values(secrets) if secrets.len() > MOST => problem(
                "there are more than four, each in a line: two at once are enough to rotate",
            ),
            Source::Values(secrets) if secrets.iter().any(ClientSecret::is_empty) => problem(
                "one is empty, which proves nothing: was it read from somewhere that is not set?",
            ),
            _ => Ok(()),
        }
    }

    /// Those that are given as values.
    pub(super) fn values(&self) -> &[ClientSecret] {
        match &self.0 {
            Source::Values(secrets) => secrets,
            Source::File(_) | Source::Provider(_) => &[],
        }
    }

    /// What the operator should change about the file.
    pub(super) fn warnings(&self) -> Vec<String> {
        match &self.0 {
            Source::File(file) => file.warnings(),
            Source::Values(_) | Source::Provider(_) => Vec::new(),
        }
    }

    /// The secrets as of now; at least one.
    pub(super) async fn get(&self) -> Result<Vec<ClientSecret>, FetchError> {
        let secrets = match &self.0 {
            Source::Values(secrets) => secrets.to_vec(),
            Source::File(file) => {
                let text = file.read().await?;
                lines(&text).map_err(|why| file.unusable(&why))?
            }
            Source::Provider(provider) => {
                let secrets = provider.secrets().await.map_err(|error| {
                    failed(format!(
                        "the provider of the client's secrets failed: {error}"
                    ))
                })?;
                if let Some(why) = mistake_in(&secrets) {
                    return Err(failed(format!("the client's secret: {why}")));
                }
                secrets
            }
        };
        let count = secrets.len();
        if secrets.is_empty() || secrets.iter().any(ClientSecret::is_empty) {
            let place = match &self.0 {
                Source::File(file) => format!(" in {}", file.path().display()),
                _ => String::new(),
            };
            return Err(failed(format!(
                "there is no client secret{place}, or an empty one"
            )));
        }
        if count > MOST {
            return Err(failed(format!(
                "there are {count} client secrets, which would all be shown to the server: is it the right file?"
            )));
        }
        Ok(secrets)
    }
}

impl<S: Into<ClientSecret>> From<S> for ClientSecrets {
    fn from(secret: S) -> Self {
        Self::new([secret])
    }
}

impl fmt::Debug for ClientSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Values(secrets) => f.debug_list().entries(secrets.iter()).finish(),
            Source::File(file) => file.fmt(f),
            Source::Provider(_) => f.write_str("Provider"),
        }
    }
}

fn mistake_in(secrets: &[ClientSecret]) -> Option<&'static str> {
    let mut mistakes = secrets
        .iter()
        .map(|one| likeness::mistake(one.secret.expose()));
    mistakes.find_map(|mistake| mistake)
}

fn lines(text: &Secret) -> Result<Vec<ClientSecret>, &'static str> {
    let text = text.expose();
    let text = without_byte_order_mark(text);
    let secrets: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(ClientSecret::new)
        .collect();
    // As a whole too: what has several lines is found in none of them.
    match likeness::mistake(text).or_else(|| mistake_in(&secrets)) {
        Some(why) => Err(why),
        None => Ok(secrets),
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;
    use crate::FetchErrorKind;

    struct Vault(Result<&'static str, &'static str>);

    impl ClientSecretProvider for Vault {
        fn secrets(&self) -> SecretsFuture<'_> {
            Box::pin(async { Ok(vec![self.0?.into()]) })
        }
    }

    async fn texts(secrets: &ClientSecrets) -> Result<Vec<String>, FetchError> {
        let secrets = secrets.get().await?;
        let texts = secrets.iter().map(|secret| secret.secret().expose_str());
        Ok(texts.map(|text| text.expect("text").to_owned()).collect())
    }

    #[tokio::test]
    async fn a_file_is_read_anew_each_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        let secrets = ClientSecrets::file(&path);
        let error = texts(&secrets).await.expect_err("there is none");
        assert_eq!(error.kind(), FetchErrorKind::Credential);
        for (content, expected) in [
            ("one\n", &["one"][..]),
            ("one", &["one"]),
            ("two words\r\none\r\n\n", &["two words", "one"]),
            ("\u{feff}one\n", &["one"]),
        ] {
            std::fs::write(&path, content).expect("written");
            assert_eq!(texts(&secrets).await.expect("secrets"), expected);
        }
        for unusable in [Vec::new(), b"\n\n".to_vec(), vec![b'a'; 64 * 1024 + 1]] {
            std::fs::write(&path, unusable).expect("written");
            let error = texts(&secrets).await.expect_err("unusable");
            assert_eq!(error.kind(), FetchErrorKind::Credential, "{error}");
        }
    }

    /// A path that keeps leading to the same file, as a mount of that file does.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_mounted_file_that_was_replaced_is_warned_of() {
        use std::os::fd::AsRawFd;

        let directory = tempfile::tempdir().expect("a directory");
        let (path, next) = (
            directory.path().join("secret"),
            directory.path().join("next"),
        );
        std::fs::write(&path, "old").expect("written");
        let mounted = std::fs::File::open(&path).expect("opened");
        let held = format!("/proc/self/fd/{}", mounted.as_raw_fd());
        let secrets = ClientSecrets::file(held);
        let is_told = || {
            let warnings = secrets.warnings();
            warnings
                .iter()
                .any(|warning| warning.contains("mount its directory"))
        };
        assert_eq!(texts(&secrets).await.expect("secrets"), ["old"]);
        assert!(!is_told());
        std::fs::write(&next, "new").expect("written");
        std::fs::rename(&next, &path).expect("replaced");
        // The old secret may still be accepted: an error would be an outage at once.
        assert_eq!(texts(&secrets).await.expect("secrets"), ["old"]);
        assert!(is_told());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_fifo_is_refused_at_once() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
        let error = texts(&ClientSecrets::file(&path))
            .await
            .expect_err("a FIFO");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[tokio::test]
    async fn a_provider_that_fails_says_why() {
        let secrets = ClientSecrets::provider(Vault(Ok("from the vault")));
        assert_eq!(texts(&secrets).await.expect("secrets"), ["from the vault"]);
        let secrets = ClientSecrets::provider(Vault(Err("it is sealed")));
        let error = texts(&secrets).await.expect_err("sealed").to_string();
        assert!(error.contains("it is sealed"), "{error}");
    }

    #[tokio::test]
    async fn a_private_key_is_not_shown_to_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        for key in [
            "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n",
            r#"{"kty":"oct","k":"AAAA"}"#,
            " {\n\"d\": \"AAAA\",\n\"kty\": \"EC\" }\n",
        ] {
            for text in [key.to_owned(), format!("\u{feff}{key}")] {
                std::fs::write(&path, &text).expect("written");
                let error = texts(&ClientSecrets::file(&path)).await.expect_err(key);
                assert!(error.to_string().contains("private_key_jwt"), "{error}");
                let error = ClientSecrets::from_lines(&Secret::new(text)).expect_err(key);
                assert!(error.problem().contains("private_key_jwt"), "{error}");
            }
            for value in [key.to_owned(), format!("\u{feff}{key}")] {
                let error = ClientSecrets::from(value).check().expect_err(key);
                assert!(error.problem().contains("private_key_jwt"), "{error}");
            }
            // Behind something else.
            for content in [
                format!("# of billing\n{key}"),
                format!("s3cr3t\n{}\n", BASE64_STANDARD.encode(key)),
            ] {
                std::fs::write(&path, content).expect("written");
                let error = texts(&ClientSecrets::file(&path)).await.expect_err(key);
                assert!(error.to_string().contains("private_key_jwt"), "{error}");
            }
            let error = texts(&ClientSecrets::provider(Vault(Ok(key)))).await;
            let error = error.expect_err(key).to_string();
            assert!(error.contains("private_key_jwt"), "{error}");
        }
        std::fs::write(&path, "{kty}\n").expect("written");
        assert_eq!(
            texts(&ClientSecrets::file(&path)).await.expect("one"),
            ["{kty}"]
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", ClientSecrets::from("s3cr3t"));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
