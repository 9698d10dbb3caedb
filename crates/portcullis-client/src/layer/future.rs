//! The future of a request that carries a token.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::AddCredentialError;
use crate::{AccessToken, Authorized, TokenError, TokenSource, challenge};

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
        Calling { #[pin] future: S::Future, call: Call<S, B> },
        // Waits for a token. Boxed, because it is rare.
        Waiting { waiting: Box<Waiting<S, B>> },
        Failed { error: Option<AddCredentialError<S::Error>> },
    }
}

/// What is needed when the response arrives. Kept small, because it moves with the future.
pub(super) struct Call<S, B> {
    token: AccessToken,
    /// For a token that is bound to a key.
    proof: Option<Box<Proof>>,
    retry: Option<Box<Retry<S, B>>>,
}

/// The proof that was sent with a bound token.
pub(super) struct Proof {
    /// The absolute URI that the proof states, and whose nonces are stored.
    target: Box<Uri>,
    sent: Authorized,
}

/// A copy of the request, to send it again. Boxed, because it is larger than the rest of the future.
pub(super) struct Retry<S, B> {
    pub(super) service: S,
    pub(super) source: TokenSource,
    pub(super) request: Request<B>,
}

type Outcome<S, B> = Result<
    <S as Service<Request<B>>>::Response,
    AddCredentialError<<S as Service<Request<B>>>::Error>,
>;

struct Waiting<S, B>
where
    S: Service<Request<B>>,
{
    source: TokenSource,
    /// The absolute URI of the request, if its token is bound to a key.
    target: Option<Box<Uri>>,
    /// `None` once there is a token.
    token: Option<TokenFuture>,
    /// Polled for readiness only once there is a token, so that it reserves no capacity before.
    service: S,
    /// Taken when the service is called.
    request: Option<Request<B>>,
    retry: Option<Box<Retry<S, B>>>,
    /// The response that rejected the previous token. Returned if no other token can be obtained.
    rejection: Option<S::Response>,
}

type TokenFuture = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send>>;

impl<S, B> AddTokenFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn failed(error: AddCredentialError<S::Error>) -> Self {
        let error = Some(error);
        Self {
            state: State::Failed { error },
        }
    }

    #[inline]
    pub(super) fn calling(future: S::Future, call: Call<S, B>) -> Self {
        Self {
            state: State::Calling { future, call },
        }
    }

    pub(super) fn waiting(
        source: TokenSource,
        target: Option<Box<Uri>>,
        service: S,
        request: Request<B>,
        retry: Option<Box<Retry<S, B>>>,
    ) -> Self {
        let waiting = Box::new(Waiting {
            token: Some(next_token(&source)),
            source,
            target,
            service,
            request: Some(request),
            retry,
            rejection: None,
        });
        Self {
            state: State::Waiting { waiting },
        }
    }
}

/// Adds a bound token and its proof to a request to `target`.
pub(super) fn authorize_bound<B>(
    token: &AccessToken,
    target: Box<Uri>,
    request: &mut Request<B>,
) -> Result<Box<Proof>, TokenError> {
    let method = request.method().clone();
    let sent = token.authorize(&method, &target, request.headers_mut())?;
    Ok(Box::new(Proof { target, sent }))
}

fn next_token(source: &TokenSource) -> TokenFuture {
    let source = source.clone();
    Box::pin(async move { source.token().await })
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>> + Clone,
{
    /// Sends the request once there is a token and the service is ready.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<State<S, B>, Outcome<S, B>>> {
        let token = loop {
            if let Some(token) = &mut self.token {
                if let Err(error) = ready!(token.as_mut().poll(context)) {
                    let rejection = self.rejection.take();
                    let outcome = rejection.ok_or(AddCredentialError::Token(error));
                    return Poll::Ready(Err(outcome));
                }
                self.token = None;
                // Dropped before the service is polled: its body may hold capacity of the service.
                self.rejection = None;
            }
            if let Err(error) = ready!(self.service.poll_ready(context)) {
                return Poll::Ready(Err(Err(AddCredentialError::Inner(error))));
            }
            if let Some(token) = self.source.current() {
                break token;
            }
            // The token expired before the service was ready. Give up the capacity and wait again.
            self.service = self.service.clone();
            self.token = Some(next_token(&self.source));
        };
        let mut request = take(&mut self.request);
        let proof = match self.target.take() {
            None => {
                token.insert_header(request.headers_mut());
                None
            }
            Some(target) => match authorize_bound(&token, target, &mut request) {
                Ok(proof) => Some(proof),
                Err(error) => return Poll::Ready(Err(Err(AddCredentialError::Token(error)))),
            },
        };
        let call = Call::new(token, proof, self.retry.take());
        let future = self.service.call(request);
        Poll::Ready(Ok(State::Calling { future, call }))
    }
}

impl<S, B, C> Future for AddTokenFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Output = Result<Response<C>, AddCredentialError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let StateProjection::Calling { future, call } = state.as_mut().project() else {
            return state.poll_slow(None, context);
        };
        match future.poll(context).map_err(AddCredentialError::Inner) {
            Poll::Ready(Ok(response)) if call.must_inspect(&response) => {
                state.poll_slow(Some(response), context)
            }
            outcome => outcome,
        }
    }
}

impl<S, B, C> State<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    /// Everything but the usual case. `response` is that of the call in `self`, if it has completed.
    #[inline(never)]
    fn poll_slow(
        mut self: Pin<&mut Self>,
        mut response: Option<Response<C>>,
        context: &mut Context<'_>,
    ) -> Poll<Outcome<S, B>> {
        loop {
            let next = match self.as_mut().project() {
                StateProjection::Calling { future, call } => {
                    let response = match response.take() {
                        Some(response) => response,
                        None => ready!(future.poll(context)).map_err(AddCredentialError::Inner)?,
                    };
                    match call.retry(response) {
                        Ok(waiting) => State::Waiting { waiting },
                        Err(response) => return Poll::Ready(Ok(response)),
                    }
                }
                StateProjection::Waiting { waiting } => match ready!(waiting.poll(context)) {
                    Ok(calling) => calling,
                    Err(outcome) => return Poll::Ready(outcome),
                },
                StateProjection::Failed { error } => return Poll::Ready(Err(take(error))),
            };
            self.set(next);
        }
    }
}

impl<S, B> Call<S, B> {
    #[inline]
    pub(super) fn new(
        token: AccessToken,
        proof: Option<Box<Proof>>,
        retry: Option<Box<Retry<S, B>>>,
    ) -> Self {
        Self {
            token,
            proof,
            retry,
        }
    }

    /// Whether the response may reject the token or carry a nonce. False for nearly all, which are returned unmoved.
    #[inline]
    fn must_inspect<C>(&self, response: &Response<C>) -> bool {
        self.proof.is_some() || challenge::may_reject_token(response.status(), response.headers())
    }

    /// Stores a nonce and reports a rejection. Returns the response unless the request is to be sent again.
    fn retry<C>(&mut self, response: Response<C>) -> Result<Box<Waiting<S, B>>, Response<C>>
    where
        S: Service<Request<B>, Response = Response<C>>,
    {
        let (status, headers) = (response.status(), response.headers());
        let requires_nonce = self.proof.as_ref().is_some_and(|proof| {
            let Proof { target, sent } = &**proof;
            self.token.requires_new_nonce(sent, target, status, headers)
        });
        let must_replace =
            !requires_nonce && challenge::rejects_token(status, headers) && self.token.reject();
        let Some(retry) = self.retry.take_if(|_| requires_nonce || must_replace) else {
            return Err(response);
        };
        let Retry {
            service,
            source,
            request,
        } = *retry;
        Ok(Box::new(Waiting {
            target: self.proof.take().map(|proof| proof.target),
            token: must_replace.then(|| next_token(&source)),
            rejection: must_replace.then_some(response),
            source,
            service,
            request: Some(request),
            retry: None,
        }))
    }
}

fn take<T>(option: &mut Option<T>) -> T {
    option.take().expect("polled after completion")
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}
