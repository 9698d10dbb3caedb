//! Adds an access token to requests.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    AddCredentialError,
    future::{AddTokenFuture, Call, Retry, authorize_bound},
    replay::{NoReplay, Replay, ReplayBodies},
};
use crate::{AccessToken, Origins, TokenSource};

/// Adds the token of a [`TokenSource`] to every request (RFC 6750 §2.1) of a client that is a tower service over
/// `http::Request`, such as hyper-util's `Client` or a tonic `Channel`.
///
/// A request to an origin outside the [`Origins`] is not sent, nor is a request for which no token can be obtained: both
/// are errors. An existing `Authorization` header is replaced.
///
/// A token that is bound to a key comes with a proof for each request (RFC 9449 §7.1). A nonce that the service requires
/// in the proof is stored, and the request is sent again if it can be replayed.
///
/// When a service answers 401 with `error="invalid_token"`, or gRPC status `UNAUTHENTICATED` in the response head, the
/// token is dropped, so that the next call gets a new one. With [`replay`](Self::replay) the same request is sent again
/// with the new token. The number of replaced tokens is limited: see [`TokenSource::reject`].
///
/// A request that waits for a token reserves no capacity of the inner service.
///
/// The inner client must not follow redirects, or must remove the header on a redirect to another origin. hyper-util's
/// and tonic's follow none.
///
/// ```
/// use portcullis_client::{AddTokenLayer, Origins, TokenSource};
/// # fn f(source: TokenSource) -> Result<(), Box<dyn std::error::Error>> {
/// let origins = Origins::new(["https://orders.example.com"])?;
/// let layer = AddTokenLayer::new(source, origins).replay_bodies();
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AddTokenLayer<R = NoReplay> {
    source: TokenSource,
    origins: Origins,
    replay: R,
}

impl AddTokenLayer {
    /// Sends the tokens of `source`, only to `origins`.
    #[must_use]
    pub fn new(source: TokenSource, origins: Origins) -> Self {
        Self {
            source,
            origins,
            replay: NoReplay,
        }
    }

    /// Sends a request again with a new token when the service rejects the first. `replay` copies the body if it can:
    /// [`ReplayBody::replay`](crate::ReplayBody::replay) for bodies that are in memory.
    ///
    /// The head of every request is then copied too. tonic's bodies cannot be copied.
    #[must_use]
    pub fn replay<B>(self, replay: fn(&B) -> Option<B>) -> AddTokenLayer<fn(&B) -> Option<B>> {
        self.replay_with(replay)
    }

    /// As [`replay`](Self::replay), for every body that is a [`ReplayBody`](crate::ReplayBody), such as `Full` and
    /// `Empty`.
    #[must_use]
    pub fn replay_bodies(self) -> AddTokenLayer<ReplayBodies> {
        self.replay_with(ReplayBodies)
    }

    fn replay_with<R>(self, replay: R) -> AddTokenLayer<R> {
        AddTokenLayer {
            source: self.source,
            origins: self.origins,
            replay,
        }
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
    S: Service<Request<B>, Response = Response<C>> + Clone,
    R: Replay<B>,
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
            return AddTokenFuture::failed(AddCredentialError::Origin(forbidden));
        }
        let retry = replay.replay(request.body()).map(|body| {
            Box::new(Retry {
                service: self.inner.clone(),
                source: source.clone(),
                request: copy(&request, body),
            })
        });
        let Some(token) = source.current() else {
            return self.wait(request, retry);
        };
        if source.is_bound() {
            return self.call_with_proof(token, request, retry);
        }
        token.insert_header(request.headers_mut());
        AddTokenFuture::calling(self.inner.call(request), Call::new(token, None, retry))
    }
}

impl<S, R> AddToken<S, R> {
    /// The absolute URI of the request, which a proof states.
    fn target<B>(&self, request: &Request<B>) -> Box<Uri> {
        Box::new(self.settings.origins.absolute(request.uri()))
    }

    /// Waits for a token. Gives up the ready service meanwhile and polls a clone of it once there is a token, so that
    /// the request reserves no capacity while the authorization server is slow.
    #[cold]
    fn wait<B, C>(
        &mut self,
        request: Request<B>,
        retry: Option<Box<Retry<S, B>>>,
    ) -> AddTokenFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
    {
        let source = self.settings.source.clone();
        let target = source.is_bound().then(|| self.target(&request));
        let service = self.inner.clone();
        self.inner = self.inner.clone();
        AddTokenFuture::waiting(source, target, service, request, retry)
    }

    #[inline(never)]
    fn call_with_proof<B, C>(
        &mut self,
        token: AccessToken,
        mut request: Request<B>,
        retry: Option<Box<Retry<S, B>>>,
    ) -> AddTokenFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
    {
        let target = self.target(&request);
        match authorize_bound(&token, target, &mut request) {
            Ok(proof) => {
                let call = Call::new(token, Some(proof), retry);
                AddTokenFuture::calling(self.inner.call(request), call)
            }
            Err(error) => AddTokenFuture::failed(AddCredentialError::Token(error)),
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
