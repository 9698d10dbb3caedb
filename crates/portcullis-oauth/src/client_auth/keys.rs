//! The private keys that a client signs with.

use std::{path::PathBuf, sync::Arc};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, SigningKey, SigningKeyError};

use super::{
    credential_file::CredentialFile,
    read_limit::ReadLimit,
    source::{CredentialProvider, Source},
};
use crate::FetchError;

/// The source of a client's private keys. It is read for each request, so that keys rotate without a restart. Several keys
/// are used in order until the server does not reject one, which is then used first.
#[derive(Clone, Debug)]
pub struct ClientKeys {
    source: Source<SigningKey>,
    /// How to read the key file as PEM; `None` if it is a JWK.
    pem_parameters: Option<(Algorithm, Option<Arc<str>>)>,
    certificate: Option<CredentialFile>,
}

impl ClientKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        Self::of(Source::Values(keys.into_iter().collect()))
    }

    /// The key in a file with a private JWK, which has an `alg` if it is an RSA key, and a `kid` if the server needs one
    /// (RFC 7517).
    pub fn jwk_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(CredentialFile::private(path)))
    }

    /// The key in a PEM file, for `algorithm`. [`SigningKey::from_pem`] lists the kinds of keys.
    pub fn pem_file(path: impl Into<PathBuf>, algorithm: Algorithm, kid: Option<&str>) -> Self {
        Self {
            pem_parameters: Some((algorithm, kid.map(Arc::from))),
            ..Self::of(Source::File(CredentialFile::private(path)))
        }
    }

    /// The keys of a provider.
    pub fn provider(provider: impl CredentialProvider<SigningKey>) -> Self {
        Self::of(Source::Provider(Arc::new(provider)))
    }

    fn of(source: Source<SigningKey>) -> Self {
        Self {
            source,
            pem_parameters: None,
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

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match (&self.source, &self.pem_parameters) {
            (Source::Values(keys), _) => {
                check_keys(keys).map_err(|problem| ConfigError::new("keys", problem))
            }
            (_, Some((algorithm, _))) if algorithm.is_symmetric() => {
                let problem = format!(
                    "{algorithm} needs a secret, but a PEM file contains a key pair: choose an asymmetric algorithm, such as ES256"
                );
                Err(ConfigError::new("keys", problem))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.source.warnings();
        warnings.extend(self.certificate.iter().flat_map(CredentialFile::warnings));
        warnings
    }

    /// The current keys; at least one.
    pub(super) async fn get(&self, limit: ReadLimit) -> Result<Vec<SigningKey>, FetchError> {
        let keys = self
            .source
            .get(limit, |content| self.parse(content), check_keys);
        let keys = keys.await?;
        let Some(file) = &self.certificate else {
            return Ok(keys);
        };
        let pem = file.read(limit).await?;
        let certified = keys.into_iter().map(|key| {
            key.with_certificate(pem.expose())
                .map_err(|error| file.unusable(&error))
        });
        certified.collect()
    }

    fn parse(&self, content: &[u8]) -> Result<Vec<SigningKey>, SigningKeyError> {
        let Some((algorithm, kid)) = &self.pem_parameters else {
            return Ok(vec![SigningKey::from_jwk(content, None)?]);
        };
        let key = SigningKey::from_pem(content, *algorithm)?;
        Ok(vec![match kid {
            Some(kid) => key.with_kid(&**kid),
            None => key,
        }])
    }
}

fn check_keys(keys: &[SigningKey]) -> Result<(), &'static str> {
    match keys {
        [] => Err("there is no private key: give at least one"),
        _ => Ok(()),
    }
}

impl From<SigningKey> for ClientKeys {
    fn from(key: SigningKey) -> Self {
        Self::new([key])
    }
}
