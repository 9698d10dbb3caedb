//! The private keys that a client signs with.

use std::{error::Error, fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, SigningKey};

use super::file::{CredentialFile, failed};
use crate::FetchError;

/// Where a client's private keys come from. They are asked for anew whenever the server is, so that they rotate without
/// a restart.
///
/// There may be several at once, as while the server learns of a new one: they are used in order until the server
/// accepts one, and that one is used first from then on.
#[derive(Clone)]
pub struct ClientKeys {
    source: Source,
    certificate: Option<CredentialFile>,
}

#[derive(Clone)]
enum Source {
    Values(Arc<[SigningKey]>),
    Jwk(CredentialFile),
    Pem {
        file: CredentialFile,
        algorithm: Algorithm,
        kid: Option<Arc<str>>,
    },
    Provider(Arc<dyn ClientKeyProvider>),
}

/// A source of keys of the user's own, such as a vault.
pub trait ClientKeyProvider: Send + Sync + 'static {
    /// The keys, the one to use first in front.
    fn keys(&self) -> KeysFuture<'_>;
}

/// What a [`ClientKeyProvider`] answers with. The error's text goes to the log.
pub type KeysFuture<'p> = Pin<
    Box<dyn Future<Output = Result<Vec<SigningKey>, Box<dyn Error + Send + Sync>>> + Send + 'p>,
>;

impl ClientKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        Self::of(Source::Values(keys.into_iter().collect()))
    }

    /// The one in a file: a private JWK with `alg`, and `kid` where the server needs it (RFC 7517). The file is read
    /// whenever a key is needed.
    pub fn jwk_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::Jwk(CredentialFile::private(path)))
    }

    /// The one in a PEM file, for `algorithm`: see [`SigningKey::from_pem`] for the kinds. The file is read whenever a key is needed.
    pub fn pem_file(path: impl Into<PathBuf>, algorithm: Algorithm, kid: Option<&str>) -> Self {
        Self::of(Source::Pem {
            file: CredentialFile::private(path),
            algorithm,
            kid: kid.map(Arc::from),
        })
    }

    /// Those of a source of the user's own.
    pub fn provider(provider: impl ClientKeyProvider) -> Self {
        Self::of(Source::Provider(Arc::new(provider)))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            certificate: None,
        }
    }

    /// Names the key's certificate in assertions by its thumbprint (`x5t#S256`, RFC 7515 §4.1.8), as Entra ID requires. The
    /// file is PEM, and is read whenever a key is needed. See [`SigningKey::with_certificate`] for keys that are values.
    #[must_use]
    pub fn with_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(CredentialFile::public(path));
        self
    }

    /// Whether those that are given as values can be used.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match &self.source {
            Source::Values(keys) if keys.is_empty() => {
                Err(ConfigError::new("keys", "there is none"))
            }
            Source::Pem { algorithm, .. } if algorithm.is_symmetric() => Err(ConfigError::new(
                "keys",
                format!(
                    "{algorithm} is for secrets, and a PEM file holds a key pair: name an algorithm of that"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// What the operator should change about the files.
    pub(super) fn warnings(&self) -> Vec<String> {
        let key = match &self.source {
            Source::Jwk(file) | Source::Pem { file, .. } => Some(file),
            Source::Values(_) | Source::Provider(_) => None,
        };
        key.into_iter()
            .chain(&self.certificate)
            .flat_map(CredentialFile::warnings)
            .collect()
    }

    /// The keys as of now; at least one.
    pub(super) async fn get(&self) -> Result<Vec<SigningKey>, FetchError> {
        let keys = match &self.source {
            Source::Values(keys) => keys.to_vec(),
            Source::Jwk(file) => {
                let content = file.read().await?;
                let key = SigningKey::from_jwk(content.expose());
                vec![key.map_err(|error| file.unusable(&error))?]
            }
            Source::Pem {
                file,
                algorithm,
                kid,
            } => {
                let content = file.read().await?;
                let key = SigningKey::from_pem(content.expose(), *algorithm)
                    .map_err(|error| file.unusable(&error))?;
                vec![match kid {
                    Some(kid) => key.with_kid(&**kid),
                    None => key,
                }]
            }
            Source::Provider(provider) => provider.keys().await.map_err(|error| {
                failed(format!("the provider of the client's keys failed: {error}"))
            })?,
        };
        if keys.is_empty() {
            return Err(failed("there is no private key of the client".to_owned()));
        }
        let Some(file) = &self.certificate else {
            return Ok(keys);
        };
        let pem = file.read().await?;
        let certified = keys.into_iter().map(|key| {
            key.with_certificate(pem.expose())
                .map_err(|error| file.unusable(&error))
        });
        certified.collect()
    }
}

impl From<SigningKey> for ClientKeys {
    fn from(key: SigningKey) -> Self {
        Self::new([key])
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Values(keys) => f.debug_list().entries(keys.iter()).finish(),
            Source::Jwk(file) | Source::Pem { file, .. } => file.fmt(f),
            Source::Provider(_) => f.write_str("Provider"),
        }
    }
}
