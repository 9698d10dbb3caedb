//! The future of a request that carries a token.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response, Uri, header::AUTHORIZATION};
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

/// What is needed when the answer is there.
struct Call<S, B> {
    token: AccessToken,
    again: Option<Box<Again<S, B>>>,
    target: Target,
    sent: Option<Authorized>,
}

/// Where the request goes, if the token is bound to a key: what a proof tells, and whose nonces are learnt.
type Target = Option<Box<Uri>>;

/// The same request, to be sent once more. Boxed, as it would be most of the future of calls that have none.
struct Again<S, B> {
    service: S,
    source: TokenSource,
    request: Request<B>,
}

/// What is passed on.
type Outcome<S, B> =
    Result<<S as Service<Request<B>>>::Response, AddTokenError<<S as Service<Request<B>>>::Error>>;

struct Waiting<S, B>
where
    S: Service<Request<B>>,
{
    source: TokenSource,
    target: Target,
    /// Gone when the source has answered.
    asked: Option<Asked>,
    /// Polled for readiness only once there is a token: whoever waits for that holds no place in it.
    service: S,
    /// Taken when the service is called.
    request: Option<Request<B>>,
    again: Option<Request<B>>,
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

    /// Sends a request for which there is a token, by a service that is ready.
    pub(super) fn calling(
        service: &mut S,
        request: Request<B>,
        again: Option<Request<B>>,
        token: AccessToken,
        source: &TokenSource,
        target: Target,
    ) -> Self
    where
        S: Clone,
    {
        Self {
            state: State::calling(service, request, again, token, source, target),
        }
    }

    pub(super) fn waiting(
        source: TokenSource,
        target: Target,
        service: S,
        request: Request<B>,
        again: Option<Request<B>>,
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

impl<S, B> State<S, B>
where
    S: Service<Request<B>> + Clone,
{
    fn calling(
        service: &mut S,
        mut request: Request<B>,
        again: Option<Request<B>>,
        token: AccessToken,
        source: &TokenSource,
        target: Target,
    ) -> Self {
        let mut sent = None;
        if let Some(target) = &target {
            let method = request.method().clone();
            match token.authorize(&method, target, request.headers_mut()) {
                Ok(authorized) => sent = Some(authorized),
                Err(error) => {
                    let error = Some(AddTokenError::Token(error));
                    return Self::Refused { error };
                }
            }
        } else {
            let value = token.header_value().clone();
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let call = Call {
            token,
            again: again.map(|request| {
                Box::new(Again {
                    service: service.clone(),
                    source: source.clone(),
                    request,
                })
            }),
            target,
            sent,
        };
        let future = service.call(request);
        Self::Calling { future, call }
    }
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
        let request = taken(&mut self.request);
        let (again, target) = (self.again.take(), self.target.take());
        let calling = State::calling(
            &mut self.service,
            request,
            again,
            token,
            &self.source,
            target,
        );
        Poll::Ready(Ok(calling))
    }
}

impl<S, B, C> Future for AddTokenFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Output = Result<Response<C>, AddTokenError<S::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Calling { future, call } => {
                    let response = ready!(future.poll(context)).map_err(AddTokenError::Inner)?;
                    let next = call.what_next(&response);
                    let again = match next {
                        Next::PassOn => None,
                        Next::Repeat | Next::Replace => call.again.take(),
                    };
                    let Some(again) = again else {
                        return Poll::Ready(Ok(response));
                    };
                    let Again {
                        service,
                        source,
                        request,
                    } = *again;
                    let asked = matches!(next, Next::Replace).then(|| ask(&source));
                    State::Waiting {
                        waiting: Box::new(Waiting {
                            source,
                            target: call.target.take(),
                            // With a token at hand, nothing is gained by keeping the answer.
                            refused: asked.is_some().then_some(response),
                            asked,
                            service,
                            request: Some(request),
                            again: None,
                        }),
                    }
                }
                StateProjection::Waiting { waiting } => match ready!(waiting.poll(context)) {
                    Ok(calling) => calling,
                    Err(outcome) => return Poll::Ready(outcome),
                },
                StateProjection::Refused { error } => return Poll::Ready(Err(taken(error))),
            };
            this.state.set(next);
        }
    }
}

/// What an answer asks for.
enum Next {
    PassOn,
    /// The same request with the same token: the service gave a nonce for the proof.
    Repeat,
    /// The same request with another token.
    Replace,
}

impl<S, B> Call<S, B> {
    fn what_next<C>(&self, response: &Response<C>) -> Next {
        let (status, headers) = (response.status(), response.headers());
        if let (Some(target), Some(sent)) = (&self.target, &self.sent)
            && self.token.answered(sent, target, status, headers)
        {
            return Next::Repeat;
        }
        if refusal::is_of_the_token(status, headers) && self.token.reject() {
            return Next::Replace;
        }
        Next::PassOn
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
