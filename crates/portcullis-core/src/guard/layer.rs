use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{future::GuardFuture, paths::ScopesByPath};
use crate::{
    authentication::Authentication, body::GuardBody, error::ConfigError, policy::ScopePolicy,
    principal::Principal, refusal::Refusal, refusal_log::RefusalLog,
};

/// Passes only callers with the required scopes.
///
/// An [`AuthenticateLayer`](crate::AuthenticateLayer) must be outside it: without one, every request is answered with 500
/// and the log says why. An anonymous caller gets 401, a caller without the scopes 403 `insufficient_scope` (RFC 6750 §3.1).
/// [`AuthenticateLayer`](crate::AuthenticateLayer) has an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScopeLayer(Arc<Settings>);

impl RequireScopeLayer {
    /// Requires all of these scopes. An empty list does not compile: see [`ScopePolicy::all`].
    pub fn all<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::all(parts))
    }

    /// Requires at least one of these scopes. An empty list does not compile: see [`ScopePolicy::any`].
    pub fn any<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::any(parts))
    }

    /// Requires the scopes of a policy.
    pub fn policy(policy: ScopePolicy) -> Self {
        Self(Settings::new(Rule::Scopes(policy)))
    }

    /// Requires the scopes of the request's path: for gRPC, whose methods are paths. See [`ScopesByPath`].
    ///
    /// # Errors
    ///
    /// When no path is listed, one is listed twice, looks like a pattern, or does not begin with `/`.
    pub fn by_path(paths: ScopesByPath) -> Result<Self, ConfigError> {
        paths.check()?;
        Ok(Self(Settings::new(Rule::ScopesByPath(paths))))
    }
}

/// Passes only machines (RFC 9700 §4.15): a user gets 403, whatever its scopes, and so does a caller of unknown kind.
/// Otherwise as [`RequireScopeLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireMachineLayer(Arc<Settings>);

impl RequireMachineLayer {
    /// The layer. It has no settings.
    #[expect(clippy::new_without_default, reason = "as the other layers are made")]
    pub fn new() -> Self {
        Self(Settings::new(Rule::Machine))
    }
}

impl<S> Layer<S> for RequireScopeLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard::new(inner, &self.0)
    }
}

impl<S> Layer<S> for RequireMachineLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard::new(inner, &self.0)
    }
}

#[derive(Debug)]
struct Settings {
    rule: Rule,
    /// For refusals without an authenticate layer in front.
    log: Arc<RefusalLog>,
}

impl Settings {
    fn new(rule: Rule) -> Arc<Self> {
        let log = Arc::default();
        Arc::new(Self { rule, log })
    }
}

#[derive(Debug)]
enum Rule {
    Machine,
    Scopes(ScopePolicy),
    ScopesByPath(ScopesByPath),
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

/// A guarded service: see [`RequireScopeLayer`] and [`RequireMachineLayer`].
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Guard<S> {
    fn new(inner: S, settings: &Arc<Settings>) -> Self {
        let settings = settings.clone();
        Self { inner, settings }
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
