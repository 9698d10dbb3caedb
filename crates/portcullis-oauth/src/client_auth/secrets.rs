//! The secrets that a client shares with its authorization server.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use portcullis_core::{ConfigError, Secret, clock::UnixTime};
use portcullis_jose::json::without_byte_order_mark;

use super::{
    credential_file::CredentialFile,
    read_limit::ReadLimit,
    source::{CredentialProvider, Source},
};
use crate::FetchError;

/// The maximum number of secrets. Each one may be sent to the server.
const MAX_SECRETS: usize = 4;

/// One secret of a client (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
pub struct ClientSecret {
    pub(super) secret: Secret,
    pub(super) expires_at: Option<UnixTime>,
}

impl ClientSecret {
    /// A secret that does not expire.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Secret::new(secret).into()
    }

    /// Sets the time at which the server stops accepting the secret (`client_secret_expires_at`, RFC 7591 §3.2.1), for
    /// status and events. An expired secret is still offered to the server.
    #[must_use]
    pub fn expires_at(mut self, at: UnixTime) -> Self {
        self.expires_at = Some(at);
        self
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

/// The source of a client's secrets. It is read for each request, so that secrets rotate without a restart. Up to four
/// secrets are offered in order until the server does not reject one, which is then offered first.
#[derive(Clone, Debug)]
pub struct ClientSecrets(pub(super) Source<ClientSecret>);

impl ClientSecrets {
    /// These secrets.
    pub fn new(secrets: impl IntoIterator<Item = impl Into<ClientSecret>>) -> Self {
        let secrets = secrets.into_iter().map(Into::into);
        Self(Source::Values(secrets.collect()))
    }

    /// The secrets in a file of at most 64 KiB, one per line; empty lines are skipped.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(CredentialFile::private(path)))
    }

    /// The secrets in the text of a file for [`file`](Self::file).
    ///
    /// # Errors
    ///
    /// When the text contains a key or a certificate (PEM, JWK), or is UTF-16.
    pub fn from_lines(text: &Secret) -> Result<Self, ConfigError> {
        let secrets = Self::new(lines(text.expose()));
        secrets.check()?;
        Ok(secrets)
    }

    /// The secrets of a provider.
    pub fn provider(provider: impl CredentialProvider<ClientSecret>) -> Self {
        Self(Source::Provider(Arc::new(provider)))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match &self.0 {
            Source::Values(secrets) => {
                check_values(secrets).map_err(|problem| ConfigError::new("secrets", problem))
            }
            Source::File(_) | Source::Provider(_) => Ok(()),
        }
    }

    /// The current secrets; at least one.
    pub(super) async fn get(&self, limit: ReadLimit) -> Result<Vec<ClientSecret>, FetchError> {
        let parse = |text: &[u8]| Ok::<_, Infallible>(lines(text));
        self.0.get(limit, parse, check_values).await
    }
}

impl<S: Into<ClientSecret>> From<S> for ClientSecrets {
    fn from(secret: S) -> Self {
        Self::new([secret])
    }
}

fn lines(text: &[u8]) -> Vec<ClientSecret> {
    let lines = without_byte_order_mark(text).split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let secrets = lines.filter(|line| !line.is_empty());
    secrets.map(ClientSecret::new).collect()
}

fn check_values(secrets: &[ClientSecret]) -> Result<(), &'static str> {
    let mut values = secrets.iter().map(|secret| secret.secret.expose());
    // Checked first: a PEM key has more than four lines, and "more than four secrets" would mislead.
    let problem = if let Some(mistake) = values.clone().find_map(mistake_in) {
        mistake
    } else if secrets.is_empty() {
        "there is no secret: give at least one"
    } else if secrets.len() > MAX_SECRETS {
        "there are more than four secrets, which would all be sent to the server: two suffice for a rotation"
    } else if values.any(<[u8]>::is_empty) {
        "a secret is empty: was it read from an unset variable?"
    } else {
        return Ok(());
    };
    Err(problem)
}

/// Detects keys, which must not be sent to the server as a secret is, and text in UTF-16.
fn mistake_in(text: &[u8]) -> Option<&'static str> {
    let contains = |part: &[u8]| text.windows(part.len()).any(|found| found == part);
    // The Base64 of `-----BEGIN` and of `{"kty"`, as in the `data` of a Kubernetes secret.
    let is_encoded_key = contains(b"LS0tLS1CRUdJT") || contains(b"eyJrdHki");
    if contains(b"-----BEGIN") || contains(br#""kty""#) || is_encoded_key {
        return Some(
            "found a key or a certificate, which is not sent to the server: is it for `private_key_jwt`?",
        );
    }
    let is_utf_16 = text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff");
    is_utf_16.then_some("the text is UTF-16: save it as UTF-8")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{FetchErrorKind, client_auth::ProviderFuture};

    struct Vault(Result<&'static str, &'static str>);

    impl CredentialProvider<ClientSecret> for Vault {
        fn credentials(&self) -> ProviderFuture<'_, ClientSecret> {
            Box::pin(async { Ok(vec![self.0?.into()]) })
        }
    }

    async fn texts(secrets: &ClientSecrets) -> Result<Vec<String>, FetchError> {
        let limit = ReadLimit::starting_now(Duration::MAX);
        let secrets = secrets.get(limit).await?;
        let texts = secrets.iter().map(|secret| secret.secret.expose_str());
        Ok(texts.map(|text| text.expect("text").to_owned()).collect())
    }

    #[tokio::test]
    async fn file_is_read_for_each_request() {
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
    async fn replaced_file_of_a_mount_causes_a_warning() {
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
            let warnings = secrets.0.warnings();
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
    async fn fifo_is_rejected_without_waiting() {
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
    async fn error_of_a_provider_is_reported() {
        let secrets = ClientSecrets::provider(Vault(Ok("from the vault")));
        assert_eq!(texts(&secrets).await.expect("secrets"), ["from the vault"]);
        let secrets = ClientSecrets::provider(Vault(Err("it is sealed")));
        let error = texts(&secrets).await.expect_err("sealed").to_string();
        assert!(error.contains("it is sealed"), "{error}");
    }

    #[tokio::test]
    async fn private_key_is_rejected_as_a_secret() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        for key in [
            "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n",
            r#"{"kty":"oct","k":"AAAA"}"#,
            " {\n\"d\": \"AAAA\",\n\"kty\": \"EC\" }\n",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JRzIKLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=",
            "eyJrdHkiOiJvY3QiLCJrIjoiQUFBQSJ9",
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
            std::fs::write(&path, format!("# of billing\n{key}")).expect("written");
            let error = texts(&ClientSecrets::file(&path)).await.expect_err(key);
            assert!(error.to_string().contains("private_key_jwt"), "{error}");
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
    fn debug_redacts_secrets() {
        let shown = format!("{:?}", ClientSecrets::from("s3cr3t"));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
