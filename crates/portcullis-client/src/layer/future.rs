//! The future of a request that carries a token.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AddTokenError, refusal};
use crate::{AccessToken, Authorized, TokenError, TokenSource};

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
        // The usual case: there was a token.
        Calling { #[pin] future: S::Future, call: Call<S, B> },
        // There is none yet, or the one there was is not valid. Boxed, as it is rare.
        Waiting { waiting: Box<Waiting<S, B>> },
        Refused { error: Option<AddTokenError<S::Error>> },
    }
}

/// What is needed when the answer is there. Kept small: it is moved with the future.
pub(super) struct Call<S, B> {
    token: AccessToken,
    again: Option<Box<Again<S, B>>>,
    /// If the token is bound to a key.
    proved: Option<Box<Proved>>,
}

/// What was proved with a token that is bound to a key.
pub(super) struct Proved {
    /// Where the request goes: what the proof tells, and whose nonces are learnt.
    target: Box<Uri>,
    sent: Authorized,
}

/// The same request, to be sent once more. Boxed, as it would be most of the future of calls that have none.
pub(super) struct Again<S, B> {
    pub(super) service: S,
    pub(super) source: TokenSource,
    pub(super) request: Request<B>,
}

/// What is passed on.
type Outcome<S, B> =
    Result<<S as Service<Request<B>>>::Response, AddTokenError<<S as Service<Request<B>>>::Error>>;

struct Waiting<S, B>
where
    S: Service<Request<B>>,
{
    source: TokenSource,
    /// Where the request goes, if its token is bound to a key.
    target: Option<Box<Uri>>,
    /// Gone when the source has answered.
    asked: Option<Asked>,
    /// Polled for readiness only once there is a token: whoever waits for that holds no place in it.
    service: S,
    /// Taken when the service is called.
    request: Option<Request<B>>,
    again: Option<Box<Again<S, B>>>,
    /// What the service answered to the token before this one: passed on if there is no other.
    refused: Option<S::Response>,
}

type Asked = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send>>;

impl<S, B> AddTokenFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn refused(error: AddTokenError<S::Error>) -> Self {
        let error = Some(error);
        Self {
            state: State::Refused { error },
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
        again: Option<Box<Again<S, B>>>,
    ) -> Self {
        let asked = Some(ask(&source));
        let waiting = Box::new(Waiting {
            source,
            target,
            asked,
            service,
            request: Some(request),
            again,
            refused: None,
        });
        Self {
            state: State::Waiting { waiting },
        }
    }
}

impl<S, B> Call<S, B> {
    #[inline]
    pub(super) fn new(
        token: AccessToken,
        proved: Option<Box<Proved>>,
        again: Option<Box<Again<S, B>>>,
    ) -> Self {
        Self {
            token,
            again,
            proved,
        }
    }
}

/// Puts a token that is bound to a key on a request that goes to `target`, with a proof.
pub(super) fn put_bound<B>(
    token: &AccessToken,
    target: Box<Uri>,
    request: &mut Request<B>,
) -> Result<Box<Proved>, TokenError> {
    let method = request.method().clone();
    let sent = token.authorize(&method, &target, request.headers_mut())?;
    Ok(Box::new(Proved { target, sent }))
}

fn ask(source: &TokenSource) -> Asked {
    let source = source.clone();
    Box::pin(async move { source.token().await })
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>> + Clone,
{
    /// Sends the request when there is a token and the service is ready.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<State<S, B>, Outcome<S, B>>> {
        let token = loop {
            if let Some(asked) = &mut self.asked {
                if let Err(error) = ready!(asked.as_mut().poll(context)) {
                    let refused = self.refused.take().ok_or(AddTokenError::Token(error));
                    return Poll::Ready(Err(refused));
                }
                self.asked = None;
                // Its body may hold what the service needs to be ready again.
                self.refused = None;
            }
            if let Err(error) = ready!(self.service.poll_ready(context)) {
                return Poll::Ready(Err(Err(AddTokenError::Inner(error))));
            }
            if let Some(token) = self.source.current() {
                break token;
            }
            // The service took longer to be ready than the token lived. Its place is given up again.
            self.service = self.service.clone();
            self.asked = Some(ask(&self.source));
        };
        let mut request = taken(&mut self.request);
        let proved = match self.target.take() {
            None => {
                token.insert_header(request.headers_mut());
                None
            }
            Some(target) => match put_bound(&token, target, &mut request) {
                Ok(proved) => Some(proved),
                Err(error) => return Poll::Ready(Err(Err(AddTokenError::Token(error)))),
            },
        };
        let call = Call::new(token, proved, self.again.take());
        let future = self.service.call(request);
        Poll::Ready(Ok(State::Calling { future, call }))
    }
}

impl<S, B, C> Future for AddTokenFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Output = Result<Response<C>, AddTokenError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let StateProjection::Calling { future, call } = state.as_mut().project() else {
            return state.poll_further(None, context);
        };
        match future.poll(context).map_err(AddTokenError::Inner) {
            Poll::Ready(Ok(response)) if call.is_concerned_by(&response) => {
                state.poll_further(Some(response), context)
            }
            answer => answer,
        }
    }
}

impl<S, B, C> State<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    /// Polls a request that is sent with a proof, waits, is sent once more or is refused. `answer` is that of the call that
    /// was made.
    #[inline(never)]
    fn poll_further(
        mut self: Pin<&mut Self>,
        mut answer: Option<Response<C>>,
        context: &mut Context<'_>,
    ) -> Poll<Outcome<S, B>> {
        loop {
            let state = match self.as_mut().project() {
                StateProjection::Calling { future, call } => {
                    let response = match answer.take() {
                        Some(response) => response,
                        None => ready!(future.poll(context)).map_err(AddTokenError::Inner)?,
                    };
                    let Some(next) = call.next(&response) else {
                        return Poll::Ready(Ok(response));
                    };
                    let waiting = Box::new(next.waiting(response));
                    State::Waiting { waiting }
                }
                StateProjection::Waiting { waiting } => match ready!(waiting.poll(context)) {
                    Ok(calling) => calling,
                    Err(outcome) => return Poll::Ready(outcome),
                },
                StateProjection::Refused { error } => return Poll::Ready(Err(taken(error))),
            };
            self.set(state);
        }
    }
}

/// A request that is sent once more.
struct Next<S, B> {
    again: Box<Again<S, B>>,
    target: Option<Box<Uri>>,
    /// With another token. Otherwise the service gave a nonce for the proof.
    replaces: bool,
}

impl<S, B> Call<S, B> {
    /// Whether something may have to be done after this answer. No other is moved for being looked at.
    #[inline]
    fn is_concerned_by<C>(&self, response: &Response<C>) -> bool {
        self.proved.is_some() || refusal::may_refuse_token(response.status(), response.headers())
    }

    /// What is done after this answer, if it is not passed on.
    fn next<C>(&mut self, response: &Response<C>) -> Option<Next<S, B>> {
        let (status, headers) = (response.status(), response.headers());
        let asks_for_nonce = self.proved.as_ref().is_some_and(|proved| {
            self.token
                .requires_new_nonce(&proved.sent, &proved.target, status, headers)
        });
        let is_refused = !asks_for_nonce && refusal::refuses_token(status, headers);
        if asks_for_nonce || (is_refused && self.token.reject()) {
            Some(Next {
                again: self.again.take()?,
                target: self.proved.take().map(|proved| proved.target),
                replaces: is_refused,
            })
        } else {
            None
        }
    }
}

impl<S, B> Next<S, B>
where
    S: Service<Request<B>>,
{
    fn waiting(self, response: S::Response) -> Waiting<S, B> {
        let Again {
            service,
            source,
            request,
        } = *self.again;
        Waiting {
            target: self.target,
            asked: self.replaces.then(|| ask(&source)),
            // With a token at hand, nothing is gained by keeping the answer.
            refused: self.replaces.then_some(response),
            source,
            service,
            request: Some(request),
            again: None,
        }
    }
}

fn taken<T>(option: &mut Option<T>) -> T {
    option
        .take()
        .expect("a future is not polled after it has completed")
}

impl<S: Service<Request<B>>, B> fmt::Debug for AddTokenFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddTokenFuture").finish_non_exhaustive()
    }
}
