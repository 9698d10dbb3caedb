use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{future::GuardFuture, paths::ScopesByPath};
use crate::{
    authentication::Authentication, body::GuardBody, policy::ScopePolicy, principal::Principal,
    refusal::Refusal, refusal_log::RefusalLog,
};

/// A guarded service: see [`RequireScopeLayer`](crate::RequireScopeLayer) and
/// [`RequireMachineLayer`](crate::RequireMachineLayer).
#[derive(Clone, Debug)]
pub struct Guard<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<Settings>,
}

#[derive(Debug)]
pub(super) struct Settings {
    rule: Rule,
    /// For refusals without an authenticate layer in front.
    log: Arc<RefusalLog>,
}

#[derive(Debug)]
pub(super) enum Rule {
    Machine,
    Scopes(ScopePolicy),
    ScopesByPath(ScopesByPath),
}

impl Settings {
    pub(super) fn new(rule: Rule) -> Arc<Self> {
        Arc::new(Self {
            rule,
            log: Arc::default(),
        })
    }
}

impl<S, B, R> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = GuardFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.settings.rule.check(&request) {
            Ok(()) => GuardFuture::passed(self.inner.call(request)),
            Err(refusal) => {
                let refusal = refusal.with_fallback_log(&self.settings.log);
                GuardFuture::refused(refusal.respond_to(&request))
            }
        }
    }
}

impl Rule {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let principal = || Authentication::require(request.extensions());
        match self {
            Self::Machine => principal().and_then(Principal::require_machine),
            Self::Scopes(policy) => principal()?.require_scopes(policy),
            Self::ScopesByPath(paths) => paths.require(request),
        }
    }
}
