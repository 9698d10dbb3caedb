//! Adds an access token to requests.

use std::{
    future::ready,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    AddCredentialError,
    future::{AddTokenFuture, RequestToSend, SentCall, authorize, send},
    replay::{CopyBody, NoReplay},
};
use crate::{Origins, TokenSource};

/// Adds the token of a [`TokenSource`] to every request (RFC 6750 §2.1) of a client that is a tower service over
/// `http::Request`, such as hyper-util's `Client` or a tonic `Channel`.
///
/// A request to an origin outside the [`Origins`] is not sent, nor is a request for which no token can be obtained: both
/// are errors. An existing `Authorization` header is replaced.
///
/// A token that is bound to a key comes with a proof for each request (RFC 9449 §7.1). If the service requires a nonce in
/// it, the request is sent again if it can be replayed.
///
/// When a service answers 401 with `error="invalid_token"`, or gRPC status `UNAUTHENTICATED` in the response head, the
/// next call gets a new token, as far as [`TokenSource::reject`] allows. With [`replay`](Self::replay) the same request
/// is sent again with it.
///
/// A request that waits for a token reserves no capacity of the inner service. The inner client must not follow redirects
/// to other origins with the header; hyper-util's and tonic's follow none.
#[derive(Clone, Debug)]
#[must_use]
pub struct AddTokenLayer<R = NoReplay> {
    source: TokenSource,
    origins: Origins,
    replay: R,
}

impl AddTokenLayer {
    /// Sends the tokens of `source`, only to `origins`.
    pub fn new(source: TokenSource, origins: Origins) -> Self {
        Self {
            source,
            origins,
            replay: NoReplay,
        }
    }

    /// Sends a request again with a new token when the service rejects the first. `replay` copies the body if it can.
    ///
    /// The head of every request is then copied too. tonic's bodies cannot be copied.
    pub fn replay<B>(self, replay: fn(&B) -> Option<B>) -> AddTokenLayer<fn(&B) -> Option<B>> {
        AddTokenLayer {
            source: self.source,
            origins: self.origins,
            replay,
        }
    }

    /// As [`replay`](Self::replay), by cloning the body: for bodies in memory, such as `Full` and `Empty`.
    pub fn replay_bodies<B: Clone>(self) -> AddTokenLayer<fn(&B) -> Option<B>> {
        self.replay(|body| Some(body.clone()))
    }
}

impl<S, R: Clone> Layer<S> for AddTokenLayer<R> {
    type Service = AddToken<S, R>;

    fn layer(&self, inner: S) -> AddToken<S, R> {
        AddToken {
            inner,
            settings: Arc::new(self.clone()),
        }
    }
}

/// A client whose requests carry a token: see [`AddTokenLayer`].
#[derive(Clone, Debug)]
pub struct AddToken<S, R = NoReplay> {
    inner: S,
    settings: Arc<AddTokenLayer<R>>,
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
        let AddTokenLayer {
            source,
            origins,
            replay,
        } = &*self.settings;
        if let Err(forbidden) = origins.check(request.uri(), request.headers()) {
            let error = AddCredentialError::Origin(forbidden);
            return AddTokenFuture::boxed(ready(Err(error)));
        }
        let retry = replay.copy_body(request.body()).map(|body| {
            Box::new(RequestToSend {
                service: self.inner.clone(),
                source: source.clone(),
                request: copy(&request, body),
            })
        });
        let Some(token) = source.current() else {
            return self.wait(request, retry);
        };
        let proof = match authorize(&token, self.bound_uri(&request), &mut request) {
            Ok(proof) => proof,
            Err(error) => {
                return AddTokenFuture::boxed(ready(Err(AddCredentialError::Token(error))));
            }
        };
        let call = SentCall {
            token,
            proof,
            retry,
        };
        AddTokenFuture::calling(self.inner.call(request), call)
    }
}

impl<S, R> AddToken<S, R> {
    /// If tokens are bound to a key: the absolute URI of the request, which a proof states (without its query).
    #[inline]
    fn bound_uri<B>(&self, request: &Request<B>) -> Option<Box<Uri>> {
        let settings = &self.settings;
        let uri = || Box::new(settings.origins.absolute(request.uri()));
        settings.source.is_bound().then(uri)
    }

    /// Waits for a token. Gives up the ready service and polls a clone of it once there is a token, so that the request
    /// reserves no capacity while the authorization server is slow.
    #[cold]
    fn wait<B, C>(
        &mut self,
        request: Request<B>,
        retry: Option<Box<RequestToSend<S, B>>>,
    ) -> AddTokenFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
        S::Future: Send,
        B: Send + 'static,
        C: Send + 'static,
    {
        let source = self.settings.source.clone();
        let uri = self.bound_uri(&request);
        let service = self.inner.clone();
        // Drops the ready service, and with it its capacity.
        self.inner = self.inner.clone();
        let request = RequestToSend {
            service,
            source,
            request,
        };
        AddTokenFuture::boxed(send(request, uri, retry, None))
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
