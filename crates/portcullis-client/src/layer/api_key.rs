//! Puts an API key on requests.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use pin_project_lite::pin_project;
use portcullis_core::{ConfigError, Secret};
use tower_layer::Layer;
use tower_service::Service;

use super::AddTokenError;
use crate::{ForbiddenOrigin, Origins};

/// Puts an API key on every request, for any client that is a tower service over `http::Request`.
///
/// A request that goes to none of the [`Origins`] is not sent. Clients that follow redirects by themselves strip
/// `Authorization` when one leads elsewhere, but not this header: use one that follows none, such as hyper-util's.
///
/// ```
/// use portcullis_client::{AddApiKeyLayer, Origins};
/// use portcullis_core::Secret;
///
/// let origins = Origins::new(["https://orders.example.com"])?;
/// let key = Secret::new("acme_4fzzzxjylrx"); // from a file, or wherever secrets are kept
/// let layer = AddApiKeyLayer::new(&key, origins)?;
/// # drop(layer);
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AddApiKeyLayer {
    header: HeaderName,
    value: HeaderValue,
    origins: Origins,
}

impl AddApiKeyLayer {
    /// Sends `key` in `X-API-Key` to `origins` alone.
    ///
    /// # Errors
    ///
    /// When the key is empty or has characters that a header cannot carry.
    pub fn new(key: &Secret, origins: Origins) -> Result<Self, ConfigError> {
        let bytes = key.expose();
        if bytes.is_empty() || !bytes.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err(ConfigError::new(
                "key",
                "it is empty or has characters outside visible ASCII: was a line break read along with it?",
            ));
        }
        let mut value = HeaderValue::from_bytes(bytes)
            .map_err(|_| ConfigError::new("key", "a header cannot carry it"))?;
        value.set_sensitive(true);
        Ok(Self {
            header: HeaderName::from_static("x-api-key"),
            value,
            origins,
        })
    }

    /// Sends it in this header instead of `X-API-Key`.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    pub(crate) fn add(&self, headers: &mut HeaderMap) {
        headers.insert(&self.header, self.value.clone());
    }
}

impl fmt::Debug for AddApiKeyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddApiKeyLayer")
            .field("header", &self.header)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AddApiKeyLayer {
    type Service = AddApiKey<S>;

    fn layer(&self, inner: S) -> AddApiKey<S> {
        AddApiKey {
            inner,
            settings: self.clone(),
        }
    }
}

/// A client whose requests carry an API key: see [`AddApiKeyLayer`].
#[derive(Clone, Debug)]
pub struct AddApiKey<S> {
    inner: S,
    settings: AddApiKeyLayer,
}

impl<S, B> Service<Request<B>> for AddApiKey<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = AddTokenError<S::Error>;
    type Future = AddApiKeyFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(AddTokenError::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let settings = &self.settings;
        let checked = settings.origins().check(request.uri(), request.headers());
        let state = match checked {
            Ok(()) => {
                settings.add(request.headers_mut());
                let future = self.inner.call(request);
                State::Calling { future }
            }
            Err(forbidden) => State::Refused {
                error: Some(forbidden),
            },
        };
        AddApiKeyFuture { state }
    }
}

pin_project! {
    /// The future of [`AddApiKey`].
    #[must_use = "futures do nothing unless polled"]
    pub struct AddApiKeyFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<F> {
        Calling { #[pin] future: F },
        Refused { error: Option<ForbiddenOrigin> },
    }
}

impl<F, T, E> Future for AddApiKeyFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, AddTokenError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Calling { future } => future.poll(context).map_err(AddTokenError::Inner),
            Projection::Refused { error } => {
                let error = error
                    .take()
                    .expect("a future is not polled after it has completed");
                Poll::Ready(Err(AddTokenError::Origin(error)))
            }
        }
    }
}

impl<F> fmt::Debug for AddApiKeyFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddApiKeyFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_no_header_carries_is_told() {
        let origins = Origins::new(["https://orders.example.com"]).expect("an origin");
        for bad in ["", "key\n", "a key", "schlüssel"] {
            let error = AddApiKeyLayer::new(&Secret::new(bad), origins.clone());
            assert_eq!(error.expect_err(bad).setting(), "key");
        }
        let layer = AddApiKeyLayer::new(&Secret::new("s3cr3t"), origins).expect("a key");
        assert!(!format!("{layer:?}").contains("s3cr3t"));
    }
}
