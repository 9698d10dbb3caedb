//! Puts an API key on requests.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderName, Request};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::AddTokenError;
use crate::{ApiKeySource, ForbiddenOrigin, Origins};

/// Puts an API key on every request, for any client that is a tower service over `http::Request`.
///
/// A request that goes to none of the [`Origins`] is not sent. Clients that follow redirects by themselves strip
/// `Authorization` when one leads elsewhere, but not this header: use one that follows none, such as hyper-util's.
///
/// ```no_run
/// use portcullis_client::{AddApiKeyLayer, ApiKeySource, Origins};
///
/// # async fn example() -> Result<(), portcullis_core::ConfigError> {
/// let origins = Origins::new(["https://orders.example.com"])?;
/// let key = ApiKeySource::watch("/run/secrets/orders-api-key")?;
/// let layer = AddApiKeyLayer::new(key, origins);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AddApiKeyLayer {
    key: ApiKeySource,
    header: HeaderName,
    origins: Origins,
}

impl AddApiKeyLayer {
    /// Sends the key of `key` in `X-API-Key` to `origins` alone.
    #[must_use]
    pub fn new(key: ApiKeySource, origins: Origins) -> Self {
        Self {
            key,
            header: HeaderName::from_static("x-api-key"),
            origins,
        }
    }

    /// Sends it in this header instead of `X-API-Key`.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn add(&self, headers: &mut http::HeaderMap) {
        headers.insert(&self.header, self.key.value());
    }
}

impl<S> Layer<S> for AddApiKeyLayer {
    type Service = AddApiKey<S>;

    fn layer(&self, inner: S) -> AddApiKey<S> {
        AddApiKey {
            inner,
            settings: Arc::new(self.clone()),
        }
    }
}

/// A client whose requests carry an API key: see [`AddApiKeyLayer`].
#[derive(Clone, Debug)]
pub struct AddApiKey<S> {
    inner: S,
    settings: Arc<AddApiKeyLayer>,
}

impl<S, B> Service<Request<B>> for AddApiKey<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = AddTokenError<S::Error>;
    type Future = AddApiKeyFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(AddTokenError::Inner)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let AddApiKeyLayer {
            key,
            header,
            origins,
        } = &*self.settings;
        let state = match origins.check(request.uri(), request.headers()) {
            Ok(()) => {
                request.headers_mut().insert(header, key.value());
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
