use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::layer::Settings;
use crate::{
    Failure, GuardBody, PendingOutcome, Principal, RefusedRequest, body,
    refusal::{Renderer, rerendered},
};

pin_project! {
    /// The future of [`Authenticate`](crate::Authenticate).
    #[must_use = "futures do nothing unless polled"]
    pub struct AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
        renderer: Option<Renderer>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        // The usual case: the scheme decided in place.
        Calling { #[pin] future: S::Future },
        // A scheme waits for IO. Only this case is boxed.
        Waiting { waiting: Box<Waiting<S, B>> },
        Refused { refused: Option<RefusedRequest> },
    }
}

struct Waiting<S, B> {
    /// Gone when the answer is there.
    pending: Option<PendingOutcome>,
    /// Taken when the service is called.
    request: Option<Request<B>>,
    /// Polled for readiness only once the caller is known: whoever is not holds no place in it.
    service: S,
    settings: Arc<Settings>,
    scheme: usize,
}

impl<S: Service<Request<B>>, B> AuthenticateFuture<S, B> {
    #[inline]
    pub(super) fn calling(future: S::Future, renderer: Option<Renderer>) -> Self {
        Self {
            state: State::Calling { future },
            renderer,
        }
    }

    pub(super) fn refused(refused: RefusedRequest, renderer: Option<Renderer>) -> Self {
        Self {
            state: State::Refused {
                refused: Some(refused),
            },
            renderer,
        }
    }

    pub(super) fn waiting(
        pending: PendingOutcome,
        request: Request<B>,
        service: S,
        settings: Arc<Settings>,
        scheme: usize,
    ) -> Self {
        let renderer = settings.renderer.clone();
        let waiting = Box::new(Waiting {
            pending: Some(pending),
            request: Some(request),
            service,
            settings,
            scheme,
        });
        Self {
            state: State::Waiting { waiting },
            renderer,
        }
    }
}

impl<S, B, R> Future for AuthenticateFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<GuardBody<R>>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // By itself, so that an answer which is passed on as it is moves once.
        if this.renderer.is_none()
            && let StateProjection::Calling { future } = this.state.as_mut().project()
        {
            let response = ready!(future.poll(context))?;
            return Poll::Ready(Ok(response.map(GuardBody::inner)));
        }
        let response = ready!(this.state.poll(context))?;
        Poll::Ready(Ok(rendered(response, this.renderer.as_ref())))
    }
}

impl<S, B, R> State<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    /// Polls a request that may wait or be refused.
    #[inline(never)]
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Response<GuardBody<R>>, S::Error>> {
        loop {
            let next = match self.as_mut().project() {
                StateProjection::Calling { future } => {
                    let response = ready!(future.poll(context))?;
                    return Poll::Ready(Ok(response.map(GuardBody::inner)));
                }
                StateProjection::Refused { refused } => {
                    return Poll::Ready(Ok(body::own(taken(refused).into_response())));
                }
                StateProjection::Waiting { waiting } => {
                    let settled = match &mut waiting.pending {
                        Some(pending) => {
                            let outcome = ready!(pending.as_mut().poll(context));
                            waiting.settle(outcome)
                        }
                        None => Ok(()),
                    };
                    match settled {
                        Ok(()) => {
                            ready!(waiting.service.poll_ready(context))?;
                            let request = taken(&mut waiting.request);
                            State::Calling {
                                future: waiting.service.call(request),
                            }
                        }
                        Err(refused) => State::Refused {
                            refused: Some(refused),
                        },
                    }
                }
            };
            self.set(next);
        }
    }
}

impl<S, B> Waiting<S, B> {
    /// Makes the request what the service is to see, or says why it sees none.
    fn settle(&mut self, outcome: Result<Principal, Failure>) -> Result<(), RefusedRequest> {
        self.pending = None;
        let Some(request) = &mut self.request else {
            return Ok(());
        };
        self.settings
            .settle(request, outcome, self.scheme)
            .map_err(|refusal| refusal.of_request(request))
    }
}

fn taken<T>(option: &mut Option<T>) -> T {
    option
        .take()
        .expect("a future is not polled after it has completed")
}

fn rendered<R>(
    mut response: Response<GuardBody<R>>,
    renderer: Option<&Renderer>,
) -> Response<GuardBody<R>> {
    if let Some(renderer) = renderer
        && let Some(bytes) = rerendered(&mut response, renderer)
    {
        return response.map(|_| GuardBody::own(bytes));
    }
    response
}

impl<S: Service<Request<B>>, B> fmt::Debug for AuthenticateFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateFuture").finish_non_exhaustive()
    }
}
