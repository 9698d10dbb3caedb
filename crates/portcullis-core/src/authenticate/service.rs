use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{future::AuthenticateFuture, layer::Settings};
use crate::{Anonymous, Authentication, GuardBody, Head, Principal, Refusal, chain::Finding};

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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let settings = &self.settings;
        match decide(settings, &request) {
            Decision::Pass(authentication, header) => {
                settings.admit(&mut request, authentication, header);
                // Nothing is held meanwhile that would have to be dropped if that panics: the future is then made in
                // the place it is returned in.
                let future = self.inner.call(request);
                AuthenticateFuture::calling(future, self.settings.renderer.clone())
            }
            Decision::Wait(pending, scheme) => {
                // Whoever is not known yet holds no place in the inner service while an issuer or a store is slow:
                // the service that is ready now is given up, and a clone is polled once the caller is known.
                let service = self.inner.clone();
                self.inner = self.inner.clone();
                AuthenticateFuture::waiting(
                    pending,
                    request,
                    service,
                    self.settings.clone(),
                    scheme,
                )
            }
            Decision::Refuse(refusal) => {
                let renderer = settings.renderer.clone();
                AuthenticateFuture::refused(refusal.of_request(&request), renderer)
            }
        }
    }
}

/// What is to become of a request.
enum Decision<'s> {
    Pass(Authentication, Option<&'s HeaderName>),
    Wait(crate::PendingOutcome, usize),
    Refuse(Refusal),
}

fn decide<'s, B>(settings: &'s Settings, request: &Request<B>) -> Decision<'s> {
    if request.extensions().get::<Authentication>().is_some() {
        return Decision::Refuse(Refusal::misconfigured(
            "two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it",
        ));
    }
    match settings
        .chain
        .evaluate(&Head::new(request, &settings.facts))
    {
        Finding::Genuine(principal, header) => {
            Decision::Pass(Authentication::Authenticated(principal), header)
        }
        Finding::Undecided(pending, scheme) => Decision::Wait(pending, scheme),
        Finding::Refused(refusal) => Decision::Refuse(refusal),
        Finding::Nothing => {
            let anonymous = Anonymous::new(settings.chain.challenges().clone());
            if settings.optional {
                Decision::Pass(Authentication::Anonymous(anonymous), None)
            } else {
                Decision::Refuse(anonymous.refuse())
            }
        }
    }
}

impl Settings {
    /// Passes or refuses a request whose scheme had to wait.
    pub(super) fn settle<B>(
        &self,
        request: &mut Request<B>,
        outcome: Result<Principal, crate::Failure>,
        scheme: usize,
    ) -> Result<(), Refusal> {
        let principal = outcome.map_err(|failure| self.chain.refusal(failure, scheme))?;
        let header = self.chain.header(scheme);
        self.admit(request, Authentication::Authenticated(principal), header);
        Ok(())
    }

    /// Makes the request what the inner service is to see. `header` is the one that held the credential.
    fn admit<B>(
        &self,
        request: &mut Request<B>,
        authentication: Authentication,
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
        request.extensions_mut().insert(authentication);
    }
}
