//! Adds an access token to requests.

use std::{
    future::ready,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::{AddTokenFuture, RequestToSend, SentCall, SourceAndOrigins, send};
use crate::{AddCredentialError, Origins, TokenSource};

/// Adds the token of a [`TokenSource`] to every request (RFC 6750 §2.1) of a client that is a tower service over
/// `http::Request`, such as hyper-util's `Client` or a tonic `Channel`. An existing `Authorization` is replaced, and a
/// token that is bound to a key comes with a proof for each request (RFC 9449 §7.1).
///
/// A request to an origin outside the [`Origins`] is not sent, nor is a request for which no token can be obtained.
///
/// When a service answers 401 with `error="invalid_token"`, or gRPC status `UNAUTHENTICATED` in the response head, the
/// next call gets a new token, as far as [`TokenSource::reject`] allows. With [`replay`](Self::replay) the same request
/// is sent again with the new token, or with the nonce that the service requires.
///
/// A request that waits for a token reserves no capacity of the inner service. The inner client must not follow redirects
/// to other origins with the header; the clients of hyper-util and tonic follow no redirects.
#[derive(Clone, Debug)]
#[must_use]
pub struct AddTokenLayer<R = NoReplay> {
    settings: Arc<SourceAndOrigins>,
    replay: R,
}

impl AddTokenLayer {
    /// Sends the tokens of `source`, only to `origins`.
    pub fn new(source: TokenSource, origins: Origins) -> Self {
        Self {
            settings: Arc::new(SourceAndOrigins { source, origins }),
            replay: NoReplay,
        }
    }

    /// Sends a request once more if the service rejects its token, with a new token, or requires a nonce. `replay` copies the
    /// body before the request is sent; a request without a copy is sent once. tonic's bodies cannot be copied.
    pub fn replay<B>(self, replay: fn(&B) -> Option<B>) -> AddTokenLayer<fn(&B) -> Option<B>> {
        AddTokenLayer {
            settings: self.settings,
            replay,
        }
    }

    /// As [`replay`](Self::replay), with a clone as the copy: for bodies in memory, such as `Full` and `Empty`.
    pub fn replay_bodies<B: Clone>(self) -> AddTokenLayer<fn(&B) -> Option<B>> {
        self.replay(|body| Some(body.clone()))
    }
}

impl<S, R: Clone> Layer<S> for AddTokenLayer<R> {
    type Service = AddToken<S, R>;

    fn layer(&self, inner: S) -> AddToken<S, R> {
        AddToken {
            inner,
            layer: self.clone(),
        }
    }
}

/// A client whose requests carry a token: see [`AddTokenLayer`].
#[derive(Clone, Debug)]
pub struct AddToken<S, R = NoReplay> {
    inner: S,
    layer: AddTokenLayer<R>,
}

impl<S, R, B, C> Service<Request<B>> for AddToken<S, R>
where
    S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
    S::Future: Send,
    R: CopyBody<B>,
    B: Send + 'static,
    C: Send + 'static,
{
    type Response = S::Response;
    type Error = AddCredentialError<S::Error>;
    type Future = AddTokenFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let ready = self.inner.poll_ready(context);
        ready.map_err(AddCredentialError::Inner)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let AddTokenLayer { settings, replay } = &self.layer;
        let allowed = settings.origins.check(request.uri(), request.headers());
        if let Err(error) = allowed.map_err(AddCredentialError::Origin) {
            return AddTokenFuture::boxed(|| ready(Err(error)));
        }
        let retry = replay.copy_body(request.body()).map(|body| {
            let (service, request) = (self.inner.clone(), copy(&request, body));
            Box::new(RequestToSend::new(service, settings, request))
        });
        let Some(token) = settings.source.current() else {
            // Drops the ready service, so that a request that waits for a token reserves no capacity.
            self.inner = self.inner.clone();
            let request = RequestToSend::new(self.inner.clone(), settings, request);
            return AddTokenFuture::boxed(|| send(request, retry, None));
        };
        let proof = settings.authorize(&token, &mut request);
        match proof.map_err(AddCredentialError::Token) {
            Ok(proof) => {
                let call = SentCall {
                    token,
                    proof,
                    retry,
                };
                AddTokenFuture::calling(self.inner.call(request), call)
            }
            Err(error) => AddTokenFuture::boxed(|| ready(Err(error))),
        }
    }
}

fn copy<B>(request: &Request<B>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

/// Copies the body of a request, to send it again. Implemented by `fn(&B) -> Option<B>` and by [`NoReplay`].
pub trait CopyBody<B> {
    /// A copy of the body; `None` if it cannot be copied.
    fn copy_body(&self, body: &B) -> Option<B>;
}

/// Never sends a request again: a rejection is returned to the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

impl<B> CopyBody<B> for NoReplay {
    #[inline]
    fn copy_body(&self, _: &B) -> Option<B> {
        None
    }
}

impl<B, F: Fn(&B) -> Option<B>> CopyBody<B> for F {
    fn copy_body(&self, body: &B) -> Option<B> {
        self(body)
    }
}
