//! The future of a request that carries a token.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::AddCredentialError;
use crate::{AccessToken, SentNonce, TokenError, TokenSource, challenge};

pin_project! {
    /// The future of [`AddToken`](crate::AddToken).
    #[must_use = "futures do nothing unless polled"]
    pub struct AddTokenFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        // The usual case.
        Calling { #[pin] future: S::Future, call: SentCall<S, B> },
        Boxed { future: BoxedCall<S, B> },
    }
}

type Outcome<S, B> = Result<
    <S as Service<Request<B>>>::Response,
    AddCredentialError<<S as Service<Request<B>>>::Error>,
>;

type BoxedCall<S, B> = Pin<Box<dyn Future<Output = Outcome<S, B>> + Send>>;

/// What is needed when the response arrives. Kept small, because it moves with the future.
pub(super) struct SentCall<S, B> {
    pub(super) token: AccessToken,
    /// For a token that is bound to a key.
    pub(super) proof: Option<Box<SentProof>>,
    /// A copy of the request, to send it again. Boxed, because it is larger than the rest of the future.
    pub(super) retry: Option<Box<RequestToSend<S, B>>>,
}

/// The proof that was sent with a bound token.
pub(super) struct SentProof {
    /// The absolute URI that the proof states (without its query), and whose nonces are stored.
    uri: Box<Uri>,
    nonce: SentNonce,
}

/// A request with what is needed to send it.
pub(super) struct RequestToSend<S, B> {
    pub(super) service: S,
    pub(super) source: TokenSource,
    pub(super) request: Request<B>,
}

impl<S, B> AddTokenFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(super) fn calling(future: S::Future, call: SentCall<S, B>) -> Self {
        Self {
            state: State::Calling { future, call },
        }
    }

    pub(super) fn boxed(future: impl Future<Output = Outcome<S, B>> + Send + 'static) -> Self {
        let future = Box::pin(future);
        Self {
            state: State::Boxed { future },
        }
    }
}

/// Adds a bound token and its proof to a request to `uri`.
pub(super) fn authorize_bound<B>(
    token: &AccessToken,
    uri: Box<Uri>,
    request: &mut Request<B>,
) -> Result<Box<SentProof>, TokenError> {
    let method = request.method().clone();
    let nonce = token.authorize(&method, &uri, request.headers_mut())?;
    Ok(Box::new(SentProof { uri, nonce }))
}

/// Sends a request once there is a token and the service is ready. `uri` is its absolute URI if the token is bound to a
/// key. `rejection` is the response to the first attempt, if any, returned if no token can be obtained for another.
pub(super) async fn send<S, B, C>(
    request: RequestToSend<S, B>,
    uri: Option<Box<Uri>>,
    retry: Option<Box<RequestToSend<S, B>>>,
    mut rejection: Option<Response<C>>,
) -> Outcome<S, B>
where
    S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    C: Send + 'static,
{
    let RequestToSend {
        mut service,
        source,
        mut request,
    } = request;
    let token = loop {
        if let Err(error) = source.token().await {
            return rejection.ok_or(AddCredentialError::Token(error));
        }
        // Dropped before the service is polled: its body may hold capacity of the service.
        rejection = None;
        let ready = poll_fn(|context| service.poll_ready(context)).await;
        ready.map_err(AddCredentialError::Inner)?;
        if let Some(token) = source.current() {
            break token;
        }
        // The token expired before the service was ready. Give up the capacity and wait again.
        service = service.clone();
    };
    let proof = match uri {
        None => {
            token.insert_header(request.headers_mut());
            None
        }
        Some(uri) => {
            let proof = authorize_bound(&token, uri, &mut request);
            Some(proof.map_err(AddCredentialError::Token)?)
        }
    };
    let mut call = SentCall {
        token,
        proof,
        retry,
    };
    let response = service.call(request).await;
    match call.sent_again(response.map_err(AddCredentialError::Inner)?) {
        Ok(again) => again.await,
        Err(response) => Ok(response),
    }
}

impl<S, B, C> Future for AddTokenFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    C: Send + 'static,
{
    type Output = Result<Response<C>, AddCredentialError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let (future, call) = match state.as_mut().project() {
            StateProjection::Calling { future, call } => (future, call),
            StateProjection::Boxed { future } => return future.as_mut().poll(context),
        };
        match future.poll(context).map_err(AddCredentialError::Inner) {
            Poll::Ready(Ok(response)) if call.must_inspect(&response) => {
                match call.sent_again(response) {
                    Ok(mut future) => {
                        let polled = future.as_mut().poll(context);
                        state.set(State::Boxed { future });
                        polled
                    }
                    Err(response) => Poll::Ready(Ok(response)),
                }
            }
            outcome => outcome,
        }
    }
}

impl<S, B> SentCall<S, B> {
    /// Whether the response may reject the token or carry a nonce. False for nearly all responses to unbound tokens;
    /// `poll` returns those without moving them.
    #[inline]
    fn must_inspect<C>(&self, response: &Response<C>) -> bool {
        self.proof.is_some() || challenge::may_reject_token(response.status(), response.headers())
    }

    /// Stores a nonce and reports a rejection. Returns the future of the request sent again, or else the response, for
    /// the caller.
    #[inline(never)]
    fn sent_again<C>(&mut self, response: Response<C>) -> Result<BoxedCall<S, B>, Response<C>>
    where
        S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
        S::Future: Send,
        B: Send + 'static,
        C: Send + 'static,
    {
        let (status, headers) = (response.status(), response.headers());
        let proof = self.proof.as_deref();
        let proof = proof.map(|SentProof { uri, nonce }| (nonce, &**uri));
        let must_retry = self.token.learn_from_response(proof, status, headers);
        let Some(retry) = self.retry.take_if(|_| must_retry) else {
            return Err(response);
        };
        let uri = self.proof.take().map(|proof| proof.uri);
        Ok(Box::pin(send(*retry, uri, None, Some(response))))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}
