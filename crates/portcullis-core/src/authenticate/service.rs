use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::{AuthenticateFuture, Waiting};
use crate::{
    authentication::{Anonymous, Authentication},
    body::GuardBody,
    facts::Facts,
    failure::Failure,
    guard::GuardFuture,
    principal::Principal,
    refusal::{Refusal, Renderer},
    scheme::{Head, PendingOutcome},
    schemes::{Decision, Schemes},
};

/// A service whose requests are authenticated: see [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

/// The settings of an [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) schemes: Arc<Schemes>,
    pub(super) optional: bool,
    pub(super) keep_credentials: bool,
    pub(super) facts: Facts,
    pub(super) renderer: Option<Renderer>,
}

impl<S, B, R> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = AuthenticateFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.extensions().get::<Authentication>().is_some() {
            return self.refuse(self.settings.second_layer(), &request);
        }
        let head = Head::new(&request, &self.settings.facts);
        match self.settings.schemes.authenticate(&head) {
            Decision::Authenticated(principal, index) => {
                self.settings.accept(&mut request, principal, index);
                self.pass(request)
            }
            Decision::Anonymous => self.pass_or_refuse(request),
            Decision::Pending(pending, index) => self.wait(pending, request, index),
            Decision::Failed(failure, index) => {
                self.refuse(self.settings.refusal(failure, index), &request)
            }
        }
    }
}

impl<S> Authenticate<S> {
    #[inline]
    fn pass<B>(&mut self, request: Request<B>) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        // Nothing with a destructor lives across `call`, so the future is built in the return slot.
        let future = self.inner.call(request);
        AuthenticateFuture::decided(GuardFuture::passed(future), self.settings.renderer.clone())
    }

    #[inline(never)]
    fn pass_or_refuse<B>(&mut self, mut request: Request<B>) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        let anonymous = Anonymous(self.settings.schemes.clone());
        if !self.settings.optional {
            return self.refuse(anonymous.refuse(), &request);
        }
        let authentication = Authentication::Anonymous(anonymous);
        request.extensions_mut().insert(authentication);
        self.pass(request)
    }

    #[cold]
    fn refuse<B>(&self, refusal: Refusal, request: &Request<B>) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        let future = GuardFuture::refused(refusal.respond_to(request));
        AuthenticateFuture::decided(future, self.settings.renderer.clone())
    }

    /// Drops the service that is ready, and polls a clone once the caller is authenticated. Otherwise callers that are
    /// not authenticated yet would occupy the service's capacity while an issuer or a store is slow.
    #[inline(never)]
    fn wait<B>(
        &mut self,
        pending: PendingOutcome,
        request: Request<B>,
        index: usize,
    ) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>> + Clone,
    {
        let service = self.inner.clone();
        self.inner = self.inner.clone(); // drops the ready one
        AuthenticateFuture::waiting(Waiting {
            pending: Some(pending),
            request: Some(request),
            service,
            settings: self.settings.clone(),
            index,
        })
    }
}

impl Settings {
    #[cold]
    fn second_layer(&self) -> Refusal {
        let refusal = Refusal::misconfigured(
            "two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it",
        );
        refusal.with_fallback_log(self.schemes.log())
    }

    pub(super) fn refusal(&self, failure: Failure, index: usize) -> Refusal {
        Refusal::new(failure, &self.schemes.challenges, index)
    }

    /// Strips the credential and adds the caller to the request.
    pub(super) fn accept<B>(&self, request: &mut Request<B>, principal: Principal, index: usize) {
        if let Some(name) = self.schemes.header(index) {
            let headers = request.headers_mut();
            if !self.keep_credentials {
                headers.remove(name);
            } else if let Some(credential) = headers.get_mut(name) {
                // `Debug` of the headers then hides it, and HPACK does not index it.
                credential.set_sensitive(true);
            }
        }
        let authentication = Authentication::Authenticated(principal);
        request.extensions_mut().insert(authentication);
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateLayer")
            .field("schemes", &self.schemes)
            .field("optional", &self.optional)
            .field("keep_credentials", &self.keep_credentials)
            .finish_non_exhaustive()
    }
}
