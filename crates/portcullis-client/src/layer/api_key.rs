//! Adds an API key to requests.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{AddCredentialError, ApiKeySource, ForbiddenOrigin, Origins};

/// Adds an API key to every request of a client that is a tower service over `http::Request`.
///
/// A request to an origin outside the [`Origins`] is not sent. The inner client must not follow redirects; hyper-util's
/// follows none. On a redirect to another origin, clients remove `Authorization`, but not this header.
#[derive(Clone, Debug)]
#[must_use]
pub struct AddApiKeyLayer {
    source: ApiKeySource,
    header: HeaderName,
    pub(crate) origins: Origins,
}

impl AddApiKeyLayer {
    /// Sends the key of `source` in `X-API-Key`, only to `origins`.
    pub fn new(source: ApiKeySource, origins: Origins) -> Self {
        Self {
            source,
            header: HeaderName::from_static("x-api-key"),
            origins,
        }
    }

    /// Sends the key in this header instead of `X-API-Key`.
    pub fn header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    #[inline]
    pub(crate) fn insert_header(&self, headers: &mut HeaderMap) {
        headers.insert(&self.header, self.source.value());
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
    type Error = AddCredentialError<S::Error>;
    type Future = AddApiKeyFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let ready = self.inner.poll_ready(context);
        ready.map_err(AddCredentialError::Inner)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let origins = &self.settings.origins;
        let forbidden = origins.check(request.uri(), request.headers()).err();
        let future = forbidden.is_none().then(|| {
            self.settings.insert_header(request.headers_mut());
            self.inner.call(request)
        });
        AddApiKeyFuture { future, forbidden }
    }
}

pin_project! {
    /// The future of [`AddApiKey`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AddApiKeyFuture<F> {
        // `None` if the origin is forbidden.
        #[pin]
        future: Option<F>,
        forbidden: Option<ForbiddenOrigin>,
    }
}

impl<F, T, E> Future for AddApiKeyFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, AddCredentialError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context).map_err(AddCredentialError::Inner),
            None => {
                let forbidden = this.forbidden.take().expect("polled after completion");
                Poll::Ready(Err(AddCredentialError::Origin(forbidden)))
            }
        }
    }
}
