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
    GuardBody, PendingOutcome, Refusal, body,
    refusal::{Renderer, is_grpc, rerendered},
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
        Refused { refusal: Option<Refusal>, grpc: bool },
    }
}

struct Waiting<S, B> {
    pending: PendingOutcome,
    /// Taken when the answer is there.
    call: Option<(Request<B>, S)>,
    settings: Arc<Settings>,
    scheme: usize,
}

impl<S: Service<Request<B>>, B> AuthenticateFuture<S, B> {
    pub(super) fn calling(future: S::Future, renderer: Option<Renderer>) -> Self {
        Self {
            state: State::Calling { future },
            renderer,
        }
    }

    pub(super) fn refused(refusal: Refusal, grpc: bool, renderer: Option<Renderer>) -> Self {
        Self {
            state: State::Refused {
                refusal: Some(refusal),
                grpc,
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
            pending,
            call: Some((request, service)),
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

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Calling { future } => {
                    let response = ready!(future.poll(context))?.map(GuardBody::inner);
                    return Poll::Ready(Ok(rendered(response, this.renderer.as_ref())));
                }
                StateProjection::Refused { refusal, grpc } => {
                    let refusal = refusal
                        .take()
                        .expect("a future is not polled after it has completed");
                    let response = body::own(refusal.respond(*grpc));
                    return Poll::Ready(Ok(rendered(response, this.renderer.as_ref())));
                }
                StateProjection::Waiting { waiting } => {
                    let outcome = ready!(waiting.pending.as_mut().poll(context));
                    let (mut request, mut service) = waiting
                        .call
                        .take()
                        .expect("a future is not polled after it has completed");
                    match waiting
                        .settings
                        .settle(&mut request, outcome, waiting.scheme)
                    {
                        Ok(()) => State::Calling {
                            future: service.call(request),
                        },
                        Err(refusal) => State::Refused {
                            refusal: Some(refusal),
                            grpc: is_grpc(request.headers()),
                        },
                    }
                }
            };
            this.state.set(next);
        }
    }
}

fn rendered<R>(
    mut response: Response<GuardBody<R>>,
    renderer: Option<&Renderer>,
) -> Response<GuardBody<R>> {
    match renderer.and_then(|renderer| rerendered(&mut response, renderer)) {
        Some(bytes) => response.map(|_| GuardBody::own(bytes)),
        None => response,
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AuthenticateFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateFuture").finish_non_exhaustive()
    }
}
