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

use super::settings::Settings;
use crate::{
    authentication::{Anonymous, Authentication},
    body::GuardBody,
    guard::GuardFuture,
    refusal::{Refusal, Renderer, render},
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
        Decided { #[pin] future: GuardFuture<S::Future> },
        // The scheme waits for IO, then the service is polled until it is ready. Only this case is boxed.
        Waiting { waiting: Box<Waiting<S, B>> },
    }
}

struct Waiting<S, B> {
    /// `None` once the scheme has decided.
    pending: Option<PendingOutcome>,
    /// Taken when the service is called.
    request: Option<Request<B>>,
    /// Polled for readiness only once the caller is authenticated.
    inner: S,
    settings: Arc<Settings>,
    scheme_index: usize,
}

impl<S: Service<Request<B>>, B> AuthenticateFuture<S, B> {
    #[inline]
    pub(super) fn call_inner(inner: &mut S, settings: &Settings, request: Request<B>) -> Self {
        // The renderer is cloned after `call`. If a value with a destructor were alive during `call`, the compiler could not
        // build the future in place.
        let future = inner.call(request);
        Self::decided(settings, GuardFuture::passed(future))
    }

    #[cold]
    pub(super) fn refused(settings: &Settings, refusal: Refusal, request: &Request<B>) -> Self {
        Self::decided(settings, GuardFuture::refused(refusal.respond_to(request)))
    }

    /// Passes an anonymous request on if the layer is optional; otherwise refuses it.
    #[inline(never)]
    pub(super) fn anonymous(inner: &mut S, settings: &Settings, mut request: Request<B>) -> Self {
        let anonymous = Anonymous(settings.schemes.clone());
        if !settings.optional {
            return Self::refused(settings, anonymous.refuse(), &request);
        }
        let authentication = Authentication::Anonymous(anonymous);
        request.extensions_mut().insert(authentication);
        Self::call_inner(inner, settings, request)
    }

    #[inline]
    fn decided(settings: &Settings, future: GuardFuture<S::Future>) -> Self {
        Self {
            state: State::Decided { future },
            renderer: settings.renderer.clone(),
        }
    }

    /// Drops the service that is ready, and polls a clone once the caller is authenticated: a caller that is not authenticated
    /// yet must not occupy the service's capacity while an issuer or a store is slow.
    #[inline(never)]
    pub(super) fn waiting(
        inner: &mut S,
        settings: &Arc<Settings>,
        pending: PendingOutcome,
        scheme_index: usize,
        request: Request<B>,
    ) -> Self
    where
        S: Clone,
    {
        let waiting = Waiting {
            pending: Some(pending),
            request: Some(request),
            inner: inner.clone(),
            settings: settings.clone(),
            scheme_index,
        };
        *inner = inner.clone(); // drops the ready one
        Self {
            renderer: settings.renderer.clone(),
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
        // The usual case returns here, so that the response is moved only once.
        if this.renderer.is_none()
            && let StateProjection::Decided { future } = this.state.as_mut().project()
        {
            return future.poll(context);
        }
        let mut response = ready!(this.state.poll(context))?;
        if let Some(renderer) = this.renderer
            && let Some(body) = render(&mut response, renderer)
        {
            response = response.map(|_| GuardBody::refusal(body));
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
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<GuardFuture<S::Future>, S::Error>> {
        let request = self
            .request
            .as_mut()
            .expect("a future is not polled after it has completed");
        if let Some(pending) = &mut self.pending {
            let verdict = ready!(pending.as_mut().poll(context));
            self.pending = None;
            if let Err(refusal) = self.settings.accept(verdict, self.scheme_index, request) {
                return Poll::Ready(Ok(GuardFuture::refused(refusal.respond_to(request))));
            }
        }
        ready!(self.inner.poll_ready(context))?;
        let request = self.request.take().expect("it is taken only here");
        Poll::Ready(Ok(GuardFuture::passed(self.inner.call(request))))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for AuthenticateFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateFuture").finish_non_exhaustive()
    }
}
