use std::collections::{HashMap, HashSet};

use http::Request;

use super::normal_form::{decoded, is_normal};
use crate::{
    authentication::Authentication, error::ConfigError, failure::FailureKind, policy::ScopePolicy,
    refusal::Refusal,
};

const NOT_NORMAL: &str = "the path is not in normal form: send it without `//`, `.`, `..` and needless \
                          percent-encoding";

/// The scopes that each path requires: see [`RequireScopeLayer::by_path`](crate::RequireScopeLayer::by_path).
///
/// Paths are compared whole and exactly, as a gRPC server routes them. A path that is not listed is refused with 403,
/// unless [`otherwise`](Self::otherwise) sets a policy for it.
///
/// Under `otherwise`, a path that a router could take for a listed one is refused with 400 `invalid_request`, and for
/// gRPC with status 3: one that is not in normal form (RFC 3986 §6.2.2), such as `/files/%73ecret`, `/files//secret`,
/// `/files/x/../secret` or `/files%2Fsecret`, and one that is another spelling of a listed path. A path in another case or
/// with a trailing slash is a different path: list it too if the service treats both alike.
///
/// The path is the one this layer sees: inside axum's `Router::nest`, without the prefix.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScopesByPath {
    /// `None` for a path that is open.
    policies: HashMap<Box<str>, Option<ScopePolicy>>,
    /// The listed paths, percent-decoded.
    decoded: HashSet<Vec<u8>>,
    otherwise: Option<ScopePolicy>,
    repeated: Option<String>,
}

impl ScopesByPath {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires a scope or policy on one path, such as `/orders.v1.Orders/List`.
    pub fn path(self, path: &str, policy: impl Into<ScopePolicy>) -> Self {
        self.add(path, Some(policy.into()))
    }

    /// Requires no scope on one path, such as `/grpc.health.v1.Health/Check`. The authenticate layer in front still
    /// requires credentials unless it is [`optional`](crate::AuthenticateLayer::optional).
    pub fn open(self, path: &str) -> Self {
        self.add(path, None)
    }

    /// Requires a scope or policy on every path that is not listed. Default: such paths are refused.
    pub fn otherwise(mut self, policy: impl Into<ScopePolicy>) -> Self {
        self.otherwise = Some(policy.into());
        self
    }

    fn add(mut self, path: &str, policy: Option<ScopePolicy>) -> Self {
        self.decoded.insert(decoded(path).into_owned());
        if self.policies.insert(path.into(), policy).is_some() {
            self.repeated = Some(path.to_owned());
        }
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let find = |is_wrong: fn(&str) -> bool| self.policies.keys().find(|path| is_wrong(path));
        let problem = if let Some(path) = &self.repeated {
            format!("{path:?} is listed twice: list each path once")
        } else if let Some(path) = find(|path| !path.starts_with('/')) {
            format!("{path:?} must begin with `/`, or it never matches a request: write `/{path}`")
        } else if let Some(path) = find(|path| path.contains(['{', '}', '*', '?', '#'])) {
            format!(
                "{path:?} looks like a pattern or has a query, but paths are compared whole: list each path without a query"
            )
        } else if self.policies.is_empty() {
            "no path is listed, so every request would be refused: list the paths, or use a policy"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(ConfigError::new("path", problem))
    }

    pub(super) fn require<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let path = request.uri().path();
        match self.policies.get(path) {
            Some(None) => Authentication::of(request.extensions()).map(|_| ()),
            Some(Some(policy)) => {
                Authentication::require(request.extensions())?.require_scopes(policy)
            }
            None => {
                let principal = Authentication::require(request.extensions())?;
                // A router could take such a path for a listed one.
                let is_ambiguous = || !is_normal(path) || self.decoded.contains(&*decoded(path));
                let (kind, message) = match &self.otherwise {
                    Some(policy) if !is_ambiguous() => return principal.require_scopes(policy),
                    Some(_) => (FailureKind::Malformed, NOT_NORMAL),
                    None => (
                        FailureKind::InsufficientScope,
                        "no credential grants this path",
                    ),
                };
                Err(principal.refuse(kind, message))
            }
        }
    }
}
