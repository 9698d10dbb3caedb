//! The caller of a route, and what it may do with which keys.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, OriginalUri},
};
use http::{Extensions, HeaderMap, Method, Uri, request::Parts};
use portcullis_api_key::KeyRecord;
use portcullis_axum::{Caller, Rejection};
use portcullis_core::{Principal, Scope, ScopePolicy, ScopeSet, log::escape};

use crate::router::{admin::Admin, problem::Refused, scopes::ADMIN_KEYS};

/// The authenticated caller, with what its refusal needs of the request.
pub(crate) struct Actor {
    principal: Principal,
    method: Method,
    uri: Uri,
}

impl FromRequestParts<Arc<Admin>> for Actor {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Rejection> {
        let Caller(principal) = Caller::from_request_parts(parts, admin).await?;
        let original = parts.extensions.get::<OriginalUri>();
        Ok(Self {
            principal,
            method: parts.method.clone(),
            uri: original.map_or_else(|| parts.uri.clone(), |original| original.0.clone()),
        })
    }
}

impl Actor {
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The path of the request as the caller sent it, without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        self.uri.path().trim_end_matches('/')
    }

    fn is_admin(&self) -> bool {
        self.principal.scopes().contains(ADMIN_KEYS)
    }

    /// The owner whose keys the caller sees; `None` for all owners.
    ///
    /// # Errors
    ///
    /// 403 when the caller may not see the keys of the `requested` owner, or has no subject.
    pub(crate) fn visible_owner(
        &self,
        requested: Option<Box<str>>,
    ) -> Result<Option<Box<str>>, Refused> {
        let own = self.principal.subject();
        if requested.is_none() && !self.is_admin() && own.is_some() {
            return Ok(own.map(Into::into));
        }
        if own.is_none() || requested.as_deref() != own {
            self.require(&ADMIN_KEYS.into())?;
        }
        Ok(requested)
    }

    /// Whether the caller may know of the key.
    pub(crate) fn sees(&self, record: &KeyRecord) -> bool {
        self.is_admin() || self.principal.subject() == Some(&*record.owner)
    }

    /// Requires that the caller may hand out a key of `owner` with these scopes.
    ///
    /// # Errors
    ///
    /// 403 when the owner is another, or the caller lacks one of the scopes.
    pub(crate) fn require_grant(&self, owner: &str, scopes: &ScopeSet) -> Result<(), Refused> {
        /// The most missing scopes that the refusal names.
        const MAX_NAMED: usize = 8;

        if self.is_admin() {
            return Ok(());
        }
        if self.principal.subject() != Some(owner) {
            self.require(&ADMIN_KEYS.into())?;
        }
        let granted = self.principal.scopes();
        let missing = scopes.iter().filter(|scope| !granted.contains(scope));
        let missing = missing
            .take(MAX_NAMED)
            .filter_map(|scope| Scope::parse(scope).ok());
        let both = |one, other| ScopePolicy::all([one, other]);
        match missing.map(ScopePolicy::from).reduce(both) {
            None => Ok(()),
            Some(missing) => self.require(&missing),
        }
    }

    /// Requires the scopes of a policy.
    fn require(&self, policy: &ScopePolicy) -> Result<(), Refused> {
        self.principal.require_scopes(policy).map_err(|refusal| {
            let (headers, extensions) = (HeaderMap::new(), Extensions::new());
            let response = refusal.into_response(&self.method, &self.uri, &headers, &extensions);
            response.map(Body::from).into()
        })
    }

    /// Logs a change of a key.
    pub(crate) fn log_change(&self, record: &KeyRecord, done: &'static str) {
        let caller = &self.principal;
        tracing::info!(
            key_id = %record.id,
            owner = escape(&record.owner),
            scheme = caller.scheme(),
            issuer = caller.issuer().map(escape),
            subject = caller.subject().map(escape),
            client_id = caller.client_id().map(escape),
            credential_id = caller.credential_id().map(escape),
            "API key {done}"
        );
    }
}
