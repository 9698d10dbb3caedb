use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use http::Request;

use super::normal_form::{decoded, is_normal};
use crate::{Authentication, ConfigError, FailureKind, Refusal, ScopePolicy};

const NOT_NORMAL: &str = "the path is not in normal form: send it without `//`, `.`, `..` and needless \
                          percent-encoding";

/// What each path asks for: see [`RequireScopeLayer::by_path`](crate::RequireScopeLayer::by_path).
///
/// Paths are compared whole and octet by octet, as a gRPC server routes them. A path that is not listed is refused
/// with 403: what nobody thought of is not open. [`otherwise`](Self::otherwise) sets a demand for those instead.
///
/// Under `otherwise`, a path that a router could take for a listed one is refused with 400 `invalid_request`, and for
/// gRPC with status 3: one that is not in normal form (RFC 3986 §6.2.2), such as `/files/%73ecret`, `/files//secret`,
/// `/files/x/../secret` or `/files%2Fsecret`, and one that is another spelling of a listed path. It is not 403, since no
/// scope would help, and not 404, since the route may exist. A path with another case or a slash at its end is another
/// path: list it too where the service takes both for the same.
///
/// The path is the one this layer sees: inside axum's `Router::nest`, without the prefix.
#[derive(Clone, Debug, Default)]
pub struct ScopesByPath(Arc<Listed>);

#[derive(Clone, Debug, Default)]
struct Listed {
    demands: HashMap<Box<str>, Demand>,
    /// The listed paths with percent-encoding undone.
    decoded: HashSet<Vec<u8>>,
    otherwise: Option<ScopePolicy>,
    doubled: Option<String>,
}

#[derive(Clone, Debug)]
enum Demand {
    Open,
    Scopes(ScopePolicy),
}

impl ScopesByPath {
    /// Lists nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a scope or policy on one path, such as `/orders.v1.Orders/List`.
    #[must_use]
    pub fn path(self, path: &str, policy: impl Into<ScopePolicy>) -> Self {
        self.list(path, Demand::Scopes(policy.into()))
    }

    /// Asks for nothing on one path, such as `/grpc.health.v1.Health/Check`. A layer in front that is not
    /// [`optional`](crate::AuthenticateLayer::optional) still asks for credentials.
    #[must_use]
    pub fn open(self, path: &str) -> Self {
        self.list(path, Demand::Open)
    }

    /// Asks for a scope or policy on every path that is not listed, unless it is another spelling of a listed path or
    /// not in normal form: see [`ScopesByPath`]. Default: paths that are not listed are refused.
    #[must_use]
    pub fn otherwise(mut self, policy: impl Into<ScopePolicy>) -> Self {
        Arc::make_mut(&mut self.0).otherwise = Some(policy.into());
        self
    }

    fn list(mut self, path: &str, demand: Demand) -> Self {
        let listed = Arc::make_mut(&mut self.0);
        listed.decoded.insert(decoded(path).into_owned());
        if listed.demands.insert(path.into(), demand).is_some() {
            listed.doubled = Some(path.to_owned());
        }
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(path) = &self.0.doubled {
            return Err(ConfigError::new(
                "path",
                format!("{path:?} is listed twice: keep one"),
            ));
        }
        if let Some(path) = self.0.demands.keys().find(|path| !path.starts_with('/')) {
            return Err(ConfigError::new(
                "path",
                format!("{path:?} does not begin with `/`, so no request has it"),
            ));
        }
        if let Some(path) = self
            .0
            .demands
            .keys()
            .find(|path| path.contains(['{', '}', '*', '?', '#']))
        {
            return Err(ConfigError::new(
                "path",
                format!(
                    "{path:?} looks like a pattern or has a query, but paths are compared whole: list each one"
                ),
            ));
        }
        if self.0.demands.is_empty() {
            return Err(ConfigError::new(
                "path",
                "no path is listed, so every request would be refused: list some, or use a policy",
            ));
        }
        Ok(())
    }

    pub(super) fn require<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let path = request.uri().path();
        match self.0.demands.get(path) {
            Some(Demand::Open) => Authentication::of(request.extensions()).map(|_| ()),
            Some(Demand::Scopes(policy)) => {
                Authentication::require(request.extensions())?.require_scopes(policy)
            }
            None => {
                let principal = Authentication::require(request.extensions())?;
                match &self.0.otherwise {
                    Some(_) if self.is_ambiguous(path) => {
                        Err(principal.refuse(FailureKind::Malformed, NOT_NORMAL))
                    }
                    Some(policy) => principal.require_scopes(policy),
                    None => Err(principal.refuse(
                        FailureKind::InsufficientScope,
                        "no credential grants this path",
                    )),
                }
            }
        }
    }

    /// Whether a router could take this path, which is not listed, for a listed one.
    fn is_ambiguous(&self, path: &str) -> bool {
        !is_normal(path) || self.0.decoded.contains(&*decoded(path))
    }
}
