use std::sync::Arc;

use tower_layer::Layer;

use super::{
    paths::ScopesByPath,
    service::{Guard, Rule, Settings},
};
use crate::{error::ConfigError, policy::ScopePolicy};

/// Passes only callers with the required scopes.
///
/// It needs an [`AuthenticateLayer`](crate::AuthenticateLayer) outside it. Without one, every request is answered with
/// 500 and the log says why. An anonymous caller gets 401, one without the scopes 403 `insufficient_scope`
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
pub struct RequireScopeLayer(Arc<Settings>);

impl RequireScopeLayer {
    /// Requires all of these scopes. An empty list does not compile: see [`ScopePolicy::all`].
    #[must_use]
    pub fn all<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::all(parts))
    }

    /// Requires at least one of these scopes. An empty list does not compile: see [`ScopePolicy::any`].
    #[must_use]
    pub fn any<P: Into<ScopePolicy>, const N: usize>(parts: [P; N]) -> Self {
        Self::policy(ScopePolicy::any(parts))
    }

    /// Requires the scopes of a policy.
    #[must_use]
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

impl<S> Layer<S> for RequireScopeLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            settings: self.0.clone(),
        }
    }
}

/// Passes only machines: a user's token is refused, whatever its scopes (RFC 9700 §4.15).
///
/// A caller whose credential does not tell what it is gets 403 too. Otherwise it answers as
/// [`RequireScopeLayer`] does.
#[derive(Clone, Debug)]
pub struct RequireMachineLayer(Arc<Settings>);

impl RequireMachineLayer {
    /// The layer. It has no settings.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "as the other layers are made")]
    pub fn new() -> Self {
        Self(Settings::new(Rule::Machine))
    }
}

impl<S> Layer<S> for RequireMachineLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            settings: self.0.clone(),
        }
    }
}
