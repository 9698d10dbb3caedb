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

/// What follows a response.
enum Next<S: Service<Request<B>>, B> {
    /// Another attempt.
    Retry(BoxedCall<S, B>),
    /// The usual case: the caller gets the response.
    Return(S::Response),
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

/// Adds the token to a request. `uri` is the request's absolute URI if the token is bound to a key; a proof for it is then
/// added too.
#[inline]
pub(super) fn authorize<B>(
    token: &AccessToken,
    uri: Option<Box<Uri>>,
    request: &mut Request<B>,
) -> Result<Option<Box<SentProof>>, TokenError> {
    let Some(uri) = uri else {
        token.insert_header(request.headers_mut());
        return Ok(None);
    };
    let method = request.method().clone();
    let nonce = token.authorize(&method, &uri, request.headers_mut())?;
    Ok(Some(Box::new(SentProof { uri, nonce })))
}

/// Sends a request once there is a token and the service is ready. `uri` is its absolute URI if the token is bound to a
/// key. `first_response` is that to the first attempt, if any, returned if there is no token for a second attempt.
pub(super) async fn send<S, B, C>(
    request: RequestToSend<S, B>,
    uri: Option<Box<Uri>>,
    retry: Option<Box<RequestToSend<S, B>>>,
    mut first_response: Option<Response<C>>,
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
            return first_response.ok_or(AddCredentialError::Token(error));
        }
        // Dropped before the service is polled: its body may hold capacity of the service.
        first_response = None;
        let ready = poll_fn(|context| service.poll_ready(context)).await;
        ready.map_err(AddCredentialError::Inner)?;
        if let Some(token) = source.current() {
            break token;
        }
        // The token expired before the service was ready. Give up the capacity and wait again.
        service = service.clone();
    };
    let proof = authorize(&token, uri, &mut request).map_err(AddCredentialError::Token)?;
    let mut call = SentCall {
        token,
        proof,
        retry,
    };
    let response = service.call(request).await;
    match call.retry_or_return(response.map_err(AddCredentialError::Inner)?) {
        Next::Retry(future) => future.await,
        Next::Return(response) => Ok(response),
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
                match call.retry_or_return(response) {
                    Next::Retry(mut future) => {
                        let polled = future.as_mut().poll(context);
                        state.set(State::Boxed { future });
                        polled
                    }
                    Next::Return(response) => Poll::Ready(Ok(response)),
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

    /// Stores a nonce, reports a rejection, and decides whether the request is sent again.
    #[inline(never)]
    fn retry_or_return<C>(&mut self, response: Response<C>) -> Next<S, B>
    where
        S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
        S::Future: Send,
        B: Send + 'static,
        C: Send + 'static,
    {
        let (status, headers) = (response.status(), response.headers());
        let proof = self.proof.as_deref();
        let proof = proof.map(|SentProof { uri, nonce }| (nonce, &**uri));
        let can_retry = self.token.learn_from_response(proof, status, headers);
        let Some(retry) = self.retry.take_if(|_| can_retry) else {
            return Next::Return(response);
        };
        let uri = self.proof.take().map(|proof| proof.uri);
        Next::Retry(Box::pin(send(*retry, uri, None, Some(response))))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}
