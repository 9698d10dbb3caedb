//! Sources of credentials: values, files, and providers of the user.

use std::{error::Error, fmt, pin::Pin, sync::Arc};

use super::credential_file::CredentialFile;
use crate::FetchError;

/// A source, such as a vault, of [`ClientSecret`](super::ClientSecret)s or [`SigningKey`](portcullis_jose::SigningKey)s.
pub trait CredentialProvider<T>: Send + Sync + 'static {
    /// The credentials, in the order in which they are offered.
    fn credentials(&self) -> ProviderFuture<'_, T>;
}

/// The result of a [`CredentialProvider`]. The error's text is logged.
pub type ProviderFuture<'p, T> =
    Pin<Box<dyn Future<Output = Result<Vec<T>, Box<dyn Error + Send + Sync>>> + Send + 'p>>;

#[derive(Clone, Debug)]
pub(super) enum Source<T> {
    Values(Arc<[T]>),
    File(CredentialFile),
    Provider(Arc<dyn CredentialProvider<T>>),
}

impl<T: Clone + 'static> Source<T> {
    /// The configured values; empty for a file or a provider.
    pub(super) fn values(&self) -> &[T] {
        match self {
            Self::Values(values) => values,
            Self::File(_) | Self::Provider(_) => &[],
        }
    }

    /// The current credentials. `parse` reads them from the content of a file.
    pub(super) async fn get<E: fmt::Display>(
        &self,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, FetchError> {
        match self {
            Self::Values(values) => Ok(values.to_vec()),
            Self::File(file) => {
                let content = file.read().await?;
                parse(content.expose()).map_err(|error| file.unusable(&error))
            }
            Self::Provider(provider) => provider.credentials().await.map_err(|error| {
                FetchError::credential(format!(
                    "the provider of the client's credentials failed: {error}"
                ))
            }),
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Self::File(file) => file.warnings(),
            Self::Values(_) | Self::Provider(_) => Vec::new(),
        }
    }
}

impl<T> fmt::Debug for dyn CredentialProvider<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialProvider")
    }
}
