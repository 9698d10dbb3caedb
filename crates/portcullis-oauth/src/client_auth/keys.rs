//! The private keys that a client signs with.

use std::{path::PathBuf, sync::Arc};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, SigningKey, SigningKeyError};

use super::{
    credential_file::CredentialFile,
    source::{CredentialProvider, Source},
    unusable,
};
use crate::FetchError;

/// The source of a client's private keys. It is read for each request, so that keys rotate without a restart.
///
/// During a rotation there may be several keys. They are used in order until the server accepts one, which is then used
/// first.
#[derive(Clone, Debug)]
pub struct ClientKeys {
    source: Source<SigningKey>,
    format: Format,
    certificate: Option<CredentialFile>,
}

/// The format of a file with a key.
#[derive(Clone, Debug)]
enum Format {
    Jwk,
    Pem {
        algorithm: Algorithm,
        kid: Option<Arc<str>>,
    },
}

impl ClientKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        let keys = keys.into_iter().collect();
        Self::from_source(Source::Values(keys), Format::Jwk)
    }

    /// The key in a file with a private JWK, which has an `alg`, and a `kid` if the server needs one (RFC 7517).
    pub fn jwk_file(path: impl Into<PathBuf>) -> Self {
        let file = CredentialFile::private(path);
        Self::from_source(Source::File(file), Format::Jwk)
    }

    /// The key in a PEM file, for `algorithm`. [`SigningKey::from_pem`] lists the kinds of keys.
    pub fn pem_file(path: impl Into<PathBuf>, algorithm: Algorithm, kid: Option<&str>) -> Self {
        let file = CredentialFile::private(path);
        let kid = kid.map(Arc::from);
        Self::from_source(Source::File(file), Format::Pem { algorithm, kid })
    }

    /// The keys of a provider.
    pub fn provider(provider: impl CredentialProvider<SigningKey>) -> Self {
        Self::from_source(Source::Provider(Arc::new(provider)), Format::Jwk)
    }

    fn from_source(source: Source<SigningKey>, format: Format) -> Self {
        Self {
            source,
            format,
            certificate: None,
        }
    }

    /// Names the key's certificate in assertions by its thumbprint (`x5t#S256`, RFC 7515 §4.1.8), as Entra ID requires.
    /// The PEM file is read for each request. For keys that are values, use [`SigningKey::with_certificate`].
    #[must_use]
    pub fn certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(CredentialFile::public(path));
        self
    }

    /// Checks what is known without reading files.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match (&self.source, &self.format) {
            (Source::Values(keys), _) if keys.is_empty() => {
                Err(ConfigError::new("keys", "no key found"))
            }
            (_, Format::Pem { algorithm, .. }) if algorithm.is_symmetric() => {
                let problem = format!(
                    "{algorithm} needs a secret, but a PEM file contains a key pair: choose an asymmetric algorithm"
                );
                Err(ConfigError::new("keys", problem))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let certificate = self.certificate.iter().flat_map(CredentialFile::warnings);
        self.source
            .warnings()
            .into_iter()
            .chain(certificate)
            .collect()
    }

    /// The current keys; at least one.
    pub(super) async fn get(&self) -> Result<Vec<SigningKey>, FetchError> {
        let keys = self
            .source
            .get(|content| self.format.parse(content))
            .await?;
        if keys.is_empty() {
            return Err(unusable("the client has no private key".to_owned()));
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

impl Format {
    fn parse(&self, content: &[u8]) -> Result<Vec<SigningKey>, SigningKeyError> {
        let key = match self {
            Self::Jwk => SigningKey::from_jwk(content)?,
            Self::Pem { algorithm, kid } => {
                let key = SigningKey::from_pem(content, *algorithm)?;
                match kid {
                    Some(kid) => key.with_kid(&**kid),
                    None => key,
                }
            }
        };
        Ok(vec![key])
    }
}

impl From<SigningKey> for ClientKeys {
    fn from(key: SigningKey) -> Self {
        Self::new([key])
    }
}
