use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{future::AuthenticateFuture, layer::Settings};
use crate::{
    Anonymous, Authentication, Failure, GuardBody, Head, PendingOutcome, Principal, Refusal,
    chain::Finding,
};

/// A service whose requests are authenticated: see [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Authenticate<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
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
        match self.settings.find(&request) {
            Finding::Genuine(principal, header) => {
                self.settings.admit(&mut request, principal, header);
                self.pass(request)
            }
            Finding::Nothing => self.pass_or_refuse(request),
            Finding::Undecided(pending, scheme) => self.wait(pending, request, scheme),
            Finding::Refused(refusal) => self.refuse(refusal, &request),
        }
    }
}

impl<S> Authenticate<S> {
    #[inline]
    fn pass<B>(&mut self, request: Request<B>) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        // Nothing is held meanwhile that would have to be dropped if that panics: the future is then made in the place it
        // is returned in.
        let future = self.inner.call(request);
        AuthenticateFuture::calling(future, self.settings.renderer.clone())
    }

    /// For a request without any credential.
    #[inline(never)]
    fn pass_or_refuse<B>(&mut self, mut request: Request<B>) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        let anonymous = Anonymous::new(self.settings.chain.offer().clone());
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
        AuthenticateFuture::refused(refusal.of_request(request), self.settings.renderer.clone())
    }

    /// Whoever is not known yet holds no place in the inner service while an issuer or a store is slow: the service that is
    /// ready now is given up, and a clone is polled once the caller is known.
    #[inline(never)]
    fn wait<B>(
        &mut self,
        pending: PendingOutcome,
        request: Request<B>,
        scheme: usize,
    ) -> AuthenticateFuture<S, B>
    where
        S: Service<Request<B>> + Clone,
    {
        let service = self.inner.clone();
        self.inner = self.inner.clone();
        AuthenticateFuture::waiting(pending, request, service, self.settings.clone(), scheme)
    }
}

impl Settings {
    /// Who sent the request.
    fn find<B>(&self, request: &Request<B>) -> Finding<'_> {
        if request.extensions().get::<Authentication>().is_some() {
            let refusal = Refusal::misconfigured(
                "two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it",
            );
            return Finding::Refused(refusal.logged_by(self.chain.log()));
        }
        self.chain.evaluate(&Head::new(request, &self.facts))
    }

    /// Passes or refuses a request whose scheme had to wait.
    pub(super) fn settle<B>(
        &self,
        request: &mut Request<B>,
        outcome: Result<Principal, Failure>,
        scheme: usize,
    ) -> Result<(), Refusal> {
        let principal = outcome.map_err(|failure| self.chain.refusal(failure, scheme))?;
        self.admit(request, principal, self.chain.header(scheme));
        Ok(())
    }

    /// Makes the request what the inner service is to see. `header` is the one that held the credential.
    fn admit<B>(
        &self,
        request: &mut Request<B>,
        principal: Principal,
        header: Option<&HeaderName>,
    ) {
        if let Some(name) = header {
            let headers = request.headers_mut();
            if !self.keep_credentials {
                headers.remove(name);
            } else if let Some(kept) = headers.get_mut(name) {
                // `Debug` of the headers then hides it, and HPACK does not index it.
                kept.set_sensitive(true);
            }
        }
        // Made only here, where it is to stay. Until then the caller is one pointer.
        let authentication = Authentication::Authenticated(principal);
        request.extensions_mut().insert(authentication);
    }
}
