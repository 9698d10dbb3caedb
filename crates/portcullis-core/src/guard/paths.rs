use std::collections::{HashMap, HashSet};

use http::Request;

use super::normal_form::{decoded, is_normal};
use crate::{
    authentication::Authentication,
    error::ConfigError,
    failure::{Failure, FailureKind},
    policy::ScopePolicy,
    refusal::Refusal,
};

const AMBIGUOUS: &str = "the path could be read as another one: send it as the service documents it, without `//`, `.`, \
                         `..` and needless percent-encoding";

/// The scopes that each path requires: see [`RequireScopeLayer::by_path`](crate::RequireScopeLayer::by_path).
///
/// Paths are compared whole and exactly, as a gRPC server routes them. A path that is not listed is refused with 403,
/// unless [`otherwise`](Self::otherwise) sets a policy for it.
///
/// Under `otherwise`, a path that a router could take for a listed one is refused with 400 `invalid_request`, and for
/// gRPC with status 3. Such a path is another spelling of a listed path, or is not in normal form (RFC 3986 §6.2.2):
/// `/files/%73ecret`, `/files//secret`, `/files/x/../secret`, `/files%2Fsecret`. A path in another case or with a trailing
/// slash is a different path: list it too if the service treats the two paths alike.
///
/// The path is the one that this layer sees: inside axum's `Router::nest`, without the prefix.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScopesByPath {
    rules: HashMap<Box<str>, PathRule>,
    decoded: HashSet<Vec<u8>>,
    otherwise: Option<ScopePolicy>,
    repeated: Option<String>,
}

#[derive(Clone, Debug)]
enum PathRule {
    Open,
    Scopes(ScopePolicy),
}

impl ScopesByPath {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires a scope or policy on one path, such as `/orders.v1.Orders/List`.
    pub fn path(self, path: &str, policy: impl Into<ScopePolicy>) -> Self {
        self.add(path, PathRule::Scopes(policy.into()))
    }

    /// Requires no scope on one path, such as `/grpc.health.v1.Health/Check`. The authenticate layer in front still
    /// requires credentials unless it is [`optional`](crate::AuthenticateLayer::optional).
    pub fn open(self, path: &str) -> Self {
        self.add(path, PathRule::Open)
    }

    /// Requires a scope or policy on every path that is not listed. Default: such paths are refused.
    pub fn otherwise(mut self, policy: impl Into<ScopePolicy>) -> Self {
        self.otherwise = Some(policy.into());
        self
    }

    fn add(mut self, path: &str, rule: PathRule) -> Self {
        self.decoded.insert(decoded(path).into_owned());
        if self.rules.insert(path.into(), rule).is_some() {
            self.repeated = Some(path.to_owned());
        }
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let find = |is_wrong: fn(&str) -> bool| self.rules.keys().find(|path| is_wrong(path));
        let problem = if let Some(path) = &self.repeated {
            format!("{path:?} is listed twice: list each path once")
        } else if let Some(path) = find(|path| !path.starts_with('/')) {
            format!("{path:?} must begin with `/`, or it never matches a request: write `/{path}`")
        } else if let Some(path) = find(|path| path.contains(['{', '}', '*', '?', '#'])) {
            format!(
                "{path:?} looks like a pattern or has a query, but paths are compared whole: list each path without a query"
            )
        } else if self.rules.is_empty() {
            "no path is listed, so every request would be refused: list the paths, or use a policy"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(ConfigError::new("path", problem))
    }

    pub(super) fn require<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let path = request.uri().path();
        match self.rules.get(path) {
            Some(PathRule::Open) => Authentication::of(request.extensions()).map(|_| ()),
            Some(PathRule::Scopes(policy)) => {
                Authentication::require(request.extensions())?.require_scopes(policy)
            }
            None => {
                let principal = Authentication::require(request.extensions())?;
                // A router could take an ambiguous path for a listed one.
                let is_ambiguous = || !is_normal(path) || self.decoded.contains(&*decoded(path));
                let (kind, external, internal) = match &self.otherwise {
                    Some(policy) if !is_ambiguous() => return principal.require_scopes(policy),
                    Some(_) => (FailureKind::Malformed, AMBIGUOUS, AMBIGUOUS),
                    None => (
                        FailureKind::InsufficientScope,
                        "no credential grants this path",
                        "`ScopesByPath` does not list this path: list it, or set `otherwise`",
                    ),
                };
                let failure = Failure::new(kind, external).with_internal(internal);
                Err(Refusal::of_caller(failure, principal, None))
            }
        }
    }
}
