//! Puts an access token on requests.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    AddTokenError,
    future::{AddTokenFuture, Again, Call, put_bound},
    replay::{NoReplay, Replay, ReplayBodies},
};
use crate::{AccessToken, Origins, TokenSource};

/// Puts the token of a [`TokenSource`] on every request (RFC 6750 §2.1), for any client that is a tower service over
/// `http::Request`: hyper-util's `Client`, a tonic `Channel`.
///
/// A request that goes to none of the [`Origins`] is not sent, nor is one for which there is no token: both are errors.
/// An `Authorization` that a request has already is replaced.
///
/// A token that is bound to a key comes with a proof for each request (RFC 9449 §7.1). Where the service asks for a nonce in
/// it, that is kept, and the request made once more as below.
///
/// When a service answers 401 with `error="invalid_token"`, or over gRPC `UNAUTHENTICATED` and nothing else, the token is
/// dropped, so that the next call has a fresh one. With [`replay`](Self::replay) the same request is sent once more with
/// that. A service that refuses every token does not have each replaced: see [`TokenSource::reject`].
///
/// While a request waits for a token it holds no place in the service inside.
///
/// The client inside must not follow redirects by itself, or must drop the header when one leads elsewhere:
/// hyper-util's and tonic's do not follow any.
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
    /// Sends the tokens of `source` to `origins` alone.
    #[must_use]
    pub fn new(source: TokenSource, origins: Origins) -> Self {
        Self {
            source,
            origins,
            replay: NoReplay,
        }
    }

    /// Sends a request once more, with a fresh token, when the service says that the first is not valid. `replay` makes
    /// the body again where it can: [`ReplayBody::replay`](crate::ReplayBody::replay) for those that are at hand whole.
    ///
    /// The head of every request is then copied, in case it is needed. tonic's bodies cannot be made again.
    #[must_use]
    pub fn replay<B>(self, replay: fn(&B) -> Option<B>) -> AddTokenLayer<fn(&B) -> Option<B>> {
        AddTokenLayer {
            source: self.source,
            origins: self.origins,
            replay,
        }
    }

    /// As [`replay`](Self::replay), for the bodies that are at hand whole: `Full`, `Empty`, and whatever else is a
    /// [`ReplayBody`](crate::ReplayBody).
    #[must_use]
    pub fn replay_bodies(self) -> AddTokenLayer<ReplayBodies> {
        AddTokenLayer {
            source: self.source,
            origins: self.origins,
            replay: ReplayBodies,
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
    type Error = AddTokenError<S::Error>;
    type Future = AddTokenFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(AddTokenError::Inner)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let AddTokenLayer {
            source,
            origins,
            replay,
        } = &*self.settings;
        if let Err(forbidden) = origins.check(request.uri(), request.headers()) {
            return AddTokenFuture::refused(AddTokenError::Origin(forbidden));
        }
        let again = replay.replay(request.body()).map(|body| {
            Box::new(Again {
                service: self.inner.clone(),
                source: source.clone(),
                request: copy(&request, body),
            })
        });
        let Some(token) = source.current() else {
            return self.wait(request, again);
        };
        if source.is_bound() {
            return self.call_with_proof(token, request, again);
        }
        token.insert_header(request.headers_mut());
        let call = Call::new(token, None, again);
        AddTokenFuture::calling(self.inner.call(request), call)
    }
}

impl<S, R> AddToken<S, R> {
    /// Where the request goes, for a proof to tell.
    fn target<B>(&self, request: &Request<B>) -> Box<Uri> {
        Box::new(self.settings.origins.absolute(request.uri()))
    }

    /// Has the request wait for a token. It holds no place in the inner service while the authorization server is slow: the
    /// service that is ready now is given up, and a clone is polled once there is a token.
    #[cold]
    fn wait<B, C>(
        &mut self,
        request: Request<B>,
        again: Option<Box<Again<S, B>>>,
    ) -> AddTokenFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
    {
        let source = self.settings.source.clone();
        let target = source.is_bound().then(|| self.target(&request));
        let service = self.inner.clone();
        self.inner = self.inner.clone();
        AddTokenFuture::waiting(source, target, service, request, again)
    }

    /// Sends the request with a token that is bound to a key.
    #[inline(never)]
    fn call_with_proof<B, C>(
        &mut self,
        token: AccessToken,
        mut request: Request<B>,
        again: Option<Box<Again<S, B>>>,
    ) -> AddTokenFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
    {
        let target = self.target(&request);
        match put_bound(&token, target, &mut request) {
            Ok(proved) => {
                let call = Call::new(token, Some(proved), again);
                AddTokenFuture::calling(self.inner.call(request), call)
            }
            Err(error) => AddTokenFuture::refused(AddTokenError::Token(error)),
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
