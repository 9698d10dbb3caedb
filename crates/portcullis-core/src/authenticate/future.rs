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

use super::service::Settings;
use crate::{
    body::GuardBody,
    guard::GuardFuture,
    refusal::{Renderer, render},
    scheme::PendingOutcome,
};

pin_project! {
    /// The future of [`Authenticate`](crate::service::Authenticate).
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
        // The scheme has decided.
        Decided { #[pin] future: GuardFuture<S::Future> },
        // A scheme waits for IO. Only this case is boxed.
        Waiting { waiting: Box<Waiting<S, B>> },
    }
}

pub(super) struct Waiting<S, B> {
    /// `None` once the scheme has decided.
    pub(super) pending: Option<PendingOutcome>,
    /// Taken when the service is called.
    pub(super) request: Option<Request<B>>,
    /// Polled for readiness only once the caller is authenticated.
    pub(super) service: S,
    pub(super) settings: Arc<Settings>,
    pub(super) index: usize,
}

impl<S: Service<Request<B>>, B> AuthenticateFuture<S, B> {
    #[inline]
    pub(super) fn decided(future: GuardFuture<S::Future>, renderer: Option<Renderer>) -> Self {
        Self {
            state: State::Decided { future },
            renderer,
        }
    }

    pub(super) fn waiting(waiting: Waiting<S, B>) -> Self {
        Self {
            renderer: waiting.settings.renderer.clone(),
            state: State::Waiting {
                waiting: Box::new(waiting),
            },
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
        // A case of its own, so that the usual response is moved only once.
        if this.renderer.is_none()
            && let StateProjection::Decided { future } = this.state.as_mut().project()
        {
            return future.poll(context);
        }
        let mut response = ready!(this.state.poll(context))?;
        if let Some(renderer) = this.renderer
            && let Some(body) = render(&mut response, renderer)
        {
            response = response.map(|_| GuardBody::own(body));
        }
        Poll::Ready(Ok(response))
    }
}

impl<S, B, R> State<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    #[inline(never)]
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Response<GuardBody<R>>, S::Error>> {
        loop {
            let future = match self.as_mut().project() {
                StateProjection::Decided { future } => return future.poll(context),
                StateProjection::Waiting { waiting } => ready!(waiting.poll(context))?,
            };
            self.set(State::Decided { future });
        }
    }
}

impl<S: Service<Request<B>>, B> Waiting<S, B> {
    /// Waits for the scheme, then for the service, and calls it.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<GuardFuture<S::Future>, S::Error>> {
        let request = self
            .request
            .as_mut()
            .expect("a future is not polled after it has completed");
        if let Some(pending) = &mut self.pending {
            let outcome = ready!(pending.as_mut().poll(context));
            self.pending = None;
            match outcome {
                Ok(principal) => self.settings.accept(request, principal, self.index),
                Err(failure) => {
                    let refusal = self.settings.refusal(failure, self.index);
                    return Poll::Ready(Ok(GuardFuture::refused(refusal.respond_to(request))));
                }
            }
        }
        ready!(self.service.poll_ready(context))?;
        let request = self.request.take().expect("it was there");
        Poll::Ready(Ok(GuardFuture::passed(self.service.call(request))))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AuthenticateFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateFuture").finish_non_exhaustive()
    }
}
