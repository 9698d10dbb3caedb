use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::AuthenticateFuture;
use crate::{
    authentication::Authentication,
    body::GuardBody,
    facts::Facts,
    failure::Failure,
    principal::Principal,
    refusal::{Refusal, Renderer},
    scheme::{Head, Outcome},
    schemes::Schemes,
};

/// A service whose requests are authenticated: see [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

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
            return AuthenticateFuture::refused(self, self.settings.second_layer(), &request);
        }
        let head = Head::new(&request, &self.settings.facts);
        match self.settings.schemes.authenticate(&head) {
            Some((index, Outcome::Done(Ok(principal)))) => {
                self.settings.accept(&mut request, principal, index);
                AuthenticateFuture::passed(self, request)
            }
            Some((index, Outcome::Done(Err(failure)))) => {
                AuthenticateFuture::refused(self, self.settings.refusal(failure, index), &request)
            }
            Some((index, Outcome::Pending(pending))) => {
                AuthenticateFuture::waiting(self, pending, request, index)
            }
            None => AuthenticateFuture::anonymous(self, request),
        }
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
        f.debug_struct("Settings")
            .field("schemes", &self.schemes)
            .field("optional", &self.optional)
            .field("keep_credentials", &self.keep_credentials)
            .finish_non_exhaustive()
    }
}
