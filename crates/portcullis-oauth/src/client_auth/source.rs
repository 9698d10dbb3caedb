//! Sources of credentials: values, files, and providers of the user.

use std::{error::Error, fmt, pin::Pin, sync::Arc};

use super::{credential_file::CredentialFile, read_limit::ReadLimit};
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

    /// The current credentials. `parse` reads the content of a file, and `check` returns what is wrong with credentials.
    pub(super) async fn get<E: fmt::Display>(
        &self,
        limit: ReadLimit,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, E>,
        check: impl Fn(&[T]) -> Result<(), &'static str>,
    ) -> Result<Vec<T>, FetchError> {
        let found = match self {
            Self::Values(values) => values.to_vec(),
            Self::File(file) => {
                let content = file.read(limit).await?;
                parse(content.expose()).map_err(|error| file.unusable(&error))?
            }
            Self::Provider(provider) => {
                let answer = limit.apply(provider.credentials(), "the provider").await;
                let answer = answer.map_err(|late| provider_failed(&late))?;
                answer.map_err(|error| provider_failed(&error))?
            }
        };
        check(&found).map_err(|problem| match self {
            Self::Values(_) => {
                FetchError::credential(format!("the client's credential: {problem}"))
            }
            Self::File(file) => file.unusable(&problem),
            Self::Provider(_) => provider_failed(&problem),
        })?;
        Ok(found)
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Self::File(file) => file.warnings(),
            Self::Values(_) | Self::Provider(_) => Vec::new(),
        }
    }
}

fn provider_failed(reason: &dyn fmt::Display) -> FetchError {
    let message = format!("cannot use the provider of the client's credentials: {reason}");
    FetchError::credential(message)
}

impl<T> fmt::Debug for dyn CredentialProvider<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialProvider")
    }
}
