use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{GuardFuture, ScopesByPath};
use crate::{
    Authentication, ConfigError, GuardBody, Refusal, ScopePolicy, refusal_log::RefusalLog,
};

/// Lets only callers with the right scopes through.
///
/// It stands behind an [`AuthenticateLayer`](crate::AuthenticateLayer). Without one every request is answered with
/// 500 and the reason logged; an anonymous caller gets 401, one without the scopes 403 `insufficient_scope`
/// (RFC 6750 §3.1).
///
/// ```
/// use portcullis_core::{RequireScopeLayer, Scope, ScopePolicy};
///
/// const READ: Scope = Scope::from_static("orders:read");
/// const ADMIN: Scope = Scope::from_static("orders:admin");
///
/// let both = RequireScopeLayer::all([READ, ADMIN]);
/// let either = RequireScopeLayer::any([READ, ADMIN]);
/// let nested = RequireScopeLayer::policy(ScopePolicy::any([ADMIN.into(), ScopePolicy::all([READ])]));
/// ```
#[derive(Clone, Debug)]
pub struct RequireScopeLayer(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    rule: Rule,
    /// For refusals that no scheme's log counts, since there is no layer in front.
    log: Arc<RefusalLog>,
}

#[derive(Debug)]
enum Rule {
    Everywhere(ScopePolicy),
    ByPath(ScopesByPath),
}

impl RequireScopeLayer {
    /// Asks for every one of these scopes. An empty list does not compile:
    ///
    /// ```compile_fail
    /// # use portcullis_core::{RequireScopeLayer, Scope};
    /// let scopes: [Scope; 0] = [];
    /// let layer = RequireScopeLayer::all(scopes);
    /// ```
    #[must_use]
    pub fn all<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::all(parts))
    }

    /// Asks for at least one of these scopes. An empty list does not compile:
    ///
    /// ```compile_fail
    /// # use portcullis_core::{RequireScopeLayer, Scope};
    /// let scopes: [Scope; 0] = [];
    /// let layer = RequireScopeLayer::any(scopes);
    /// ```
    #[must_use]
    pub fn any<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::any(parts))
    }

    /// Asks for what a policy says.
    #[must_use]
    pub fn policy(policy: ScopePolicy) -> Self {
        Self::of(Rule::Everywhere(policy))
    }

    /// Asks for what is set for the request's path: for gRPC, whose methods are paths.
    ///
    /// ```
    /// use portcullis_core::{RequireScopeLayer, Scope, ScopesByPath};
    ///
    /// const READ: Scope = Scope::from_static("orders:read");
    ///
    /// let layer = RequireScopeLayer::by_path(
    ///     ScopesByPath::new()
    ///         .path("/orders.v1.Orders/List", READ)
    ///         .open("/grpc.health.v1.Health/Check"),
    /// )?;
    /// # Ok::<_, portcullis_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no path is listed, one is listed twice, or one does not begin with `/`.
    pub fn by_path(paths: ScopesByPath) -> Result<Self, ConfigError> {
        paths.check()?;
        Ok(Self::of(Rule::ByPath(paths)))
    }

    fn of(rule: Rule) -> Self {
        Self(Arc::new(Guard {
            rule,
            log: Arc::default(),
        }))
    }
}

impl<S> Layer<S> for RequireScopeLayer {
    type Service = RequireScope<S>;

    fn layer(&self, inner: S) -> RequireScope<S> {
        RequireScope {
            inner,
            guard: self.0.clone(),
        }
    }
}

/// A service that only callers with the right scopes reach: see [`RequireScopeLayer`].
#[derive(Clone, Debug)]
pub struct RequireScope<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S, B, R> Service<Request<B>> for RequireScope<S>
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
        match self.guard.rule.check(&request) {
            Ok(()) => GuardFuture::passed(self.inner.call(request)),
            Err(refusal) => {
                GuardFuture::refused(refusal.logged_by(&self.guard.log).of_request(&request))
            }
        }
    }
}

impl Rule {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        match self {
            Self::Everywhere(policy) => {
                Authentication::require(request.extensions())?.require_scopes(policy)
            }
            Self::ByPath(paths) => paths.require(request),
        }
    }
}
