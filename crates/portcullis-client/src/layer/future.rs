//! The future of a request that carries a token.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    AccessToken, AddCredentialError, Origins, TokenError, TokenSource, challenge, token::SentProof,
};

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
        Calling { #[pin] future: S::Future, call: SentCall<S, B> },
        Boxed { future: BoxedCall<S, B> },
    }
}

type Outcome<S, B> = Result<
    <S as Service<Request<B>>>::Response,
    AddCredentialError<<S as Service<Request<B>>>::Error>,
>;

type BoxedCall<S, B> = Pin<Box<dyn Future<Output = Outcome<S, B>> + Send>>;

#[derive(Debug)]
pub(super) struct SourceAndOrigins {
    pub(super) source: TokenSource,
    pub(super) origins: Origins,
}

/// What the layer keeps of a request until its response arrives. It must be small, because it moves with the future.
pub(super) struct SentCall<S, B> {
    pub(super) token: AccessToken,
    pub(super) proof: SentProof,
    /// A copy of the request, to send it again. Boxed, because it is larger than the rest of the future.
    pub(super) retry: Option<Box<RequestToSend<S, B>>>,
}

pub(super) struct RequestToSend<S, B> {
    service: S,
    settings: Arc<SourceAndOrigins>,
    request: Request<B>,
}

impl SourceAndOrigins {
    #[inline]
    pub(super) fn authorize<B>(
        &self,
        token: &AccessToken,
        request: &mut Request<B>,
    ) -> Result<SentProof, TokenError> {
        // The usual case needs neither the URI nor the method, and copies neither.
        if !token.is_bound() {
            token.insert_header(request.headers_mut());
            return Ok(SentProof::default());
        }
        let uri = self.origins.absolute(request.uri());
        let method = request.method().clone();
        token.authorize(&method, &uri, request.headers_mut())
    }
}

impl<S, B> RequestToSend<S, B> {
    pub(super) fn new(service: S, settings: &Arc<SourceAndOrigins>, request: Request<B>) -> Self {
        let settings = settings.clone();
        Self {
            service,
            settings,
            request,
        }
    }
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

    /// Takes a closure, so that the future needs no space on the stack of the caller.
    #[cold]
    pub(super) fn boxed<F>(make: impl FnOnce() -> F) -> Self
    where
        F: Future<Output = Outcome<S, B>> + Send + 'static,
    {
        let future = Box::pin(make());
        Self {
            state: State::Boxed { future },
        }
    }
}

/// Sends `attempt` with a token, and then `retry` if the response asks for it. `first_response` is given if `attempt` is
/// itself a retry: it is the result if the first try to obtain a token fails.
pub(super) async fn send<S, B, C>(
    mut attempt: RequestToSend<S, B>,
    mut retry: Option<Box<RequestToSend<S, B>>>,
    mut first_response: Option<Response<C>>,
) -> Outcome<S, B>
where
    S: Service<Request<B>, Response = Response<C>, Error: Send> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    C: Send + 'static,
{
    loop {
        let RequestToSend {
            mut service,
            settings,
            mut request,
        } = attempt;
        let token = loop {
            if let Err(error) = settings.source.token().await {
                return first_response.ok_or(AddCredentialError::Token(error));
            }
            // The first response is dropped before the service is polled, since its body may hold capacity of the service.
            first_response = None;
            let ready = poll_fn(|context| service.poll_ready(context)).await;
            ready.map_err(AddCredentialError::Inner)?;
            if let Some(token) = settings.source.current() {
                break token;
            }
            // The token expired before the service was ready. Give up the capacity and wait again.
            service = service.clone();
        };
        let proof = settings.authorize(&token, &mut request);
        let proof = proof.map_err(AddCredentialError::Token)?;
        let mut call = SentCall {
            token,
            proof,
            retry: retry.take(),
        };
        let response = service.call(request).await;
        let response = response.map_err(AddCredentialError::Inner)?;
        match call.learn_from_response(&response) {
            Some(again) => (attempt, first_response) = (*again, Some(response)),
            None => return Ok(response),
        }
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

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (future, call) = match self.as_mut().project().state.project() {
            StateProjection::Calling { future, call } => (future, call),
            StateProjection::Boxed { future } => return future.as_mut().poll(context),
        };
        match future.poll(context).map_err(AddCredentialError::Inner) {
            Poll::Ready(Ok(response)) if call.must_inspect(&response) => {
                let Some(again) = call.learn_from_response(&response) else {
                    return Poll::Ready(Ok(response));
                };
                self.set(Self::boxed(|| send(*again, None, Some(response))));
                self.poll(context)
            }
            outcome => outcome,
        }
    }
}

impl<S, B> SentCall<S, B> {
    /// Whether the response may reject the token or carry a nonce. Rare, if the token is not bound to a key.
    #[inline]
    fn must_inspect<C>(&self, response: &Response<C>) -> bool {
        self.proof.0.is_some() || challenge::may_reject_token(response.status(), response.headers())
    }

    /// As [`AccessToken::learn_from_response`], and returns the request if it is to be sent again.
    #[inline(never)]
    fn learn_from_response<C>(
        &mut self,
        response: &Response<C>,
    ) -> Option<Box<RequestToSend<S, B>>> {
        let (status, headers) = (response.status(), response.headers());
        let token = &self.token;
        let should_retry = token.learn_from_response(&self.proof, status, headers);
        self.retry.take_if(|_| should_retry)
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}
