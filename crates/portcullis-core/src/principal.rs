//! The caller, whatever scheme it authenticated with.

use std::{any::Any, fmt, sync::Arc};

use crate::{challenge::Challenge, clock::UnixTime, scope::ScopeSet, secret::Secret};

/// An authenticated caller, as guards, extractors and handlers see it. Clones share one value.
#[derive(Clone, Debug)]
pub struct Principal(Arc<PrincipalParts>);

/// The values of a [`Principal`], which the author of a [`Scheme`](crate::scheme::Scheme) sets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PrincipalParts {
    /// A short name of the scheme, such as `jwt`.
    pub scheme: &'static str,
    /// Machine, user or unknown.
    pub kind: PrincipalKind,
    /// See [`Principal::subject`].
    pub subject: Option<Box<str>>,
    /// See [`Principal::client_id`].
    pub client_id: Option<Box<str>>,
    /// See [`Principal::credential_id`].
    pub credential_id: Option<Box<str>>,
    /// See [`Principal::issuer`].
    pub issuer: Option<Arc<str>>,
    /// The granted scopes.
    pub scopes: ScopeSet,
    /// See [`Principal::expires_at`].
    pub expires_at: Option<UnixTime>,
    /// See [`Principal::claims`].
    pub claims: Option<Arc<dyn Any + Send + Sync>>,
    /// See [`Principal::access_token`].
    pub access_token: Option<Secret>,
    /// The scheme's own challenge: guards answer a missing scope with it.
    pub challenge: Arc<Challenge>,
}

impl PrincipalParts {
    /// A caller without subject, scopes or other optional values.
    pub fn new(challenge: Arc<Challenge>, scheme: &'static str, kind: PrincipalKind) -> Self {
        Self {
            scheme,
            kind,
            subject: None,
            client_id: None,
            credential_id: None,
            issuer: None,
            scopes: ScopeSet::default(),
            expires_at: None,
            claims: None,
            access_token: None,
            challenge,
        }
    }
}

impl From<PrincipalParts> for Principal {
    fn from(parts: PrincipalParts) -> Self {
        Self(Arc::new(parts))
    }
}

/// What a caller is, as the profile or scheme that verified it decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A program that acts for itself.
    Machine,
    /// A person, through a program.
    User,
    /// The credential does not tell.
    Unknown,
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "machine",
            Self::User => "user",
            Self::Unknown => "unknown",
        })
    }
}

impl Principal {
    /// A copy with a reference count of its own, for authors of a [`Scheme`](crate::scheme::Scheme) that caches
    /// principals: threads that clone the same one contend for its count.
    pub fn unshared(&self) -> Self {
        Self(Arc::new(PrincipalParts::clone(&self.0)))
    }

    /// The same principal with the token that authenticated it, for authors of a [`Scheme`](crate::scheme::Scheme).
    #[must_use]
    pub fn with_access_token(mut self, token: Secret) -> Self {
        Arc::make_mut(&mut self.0).access_token = Some(token);
        self
    }

    /// The caller's own token, to call other services on its behalf (RFC 8693). Present if the scheme is configured to
    /// keep it.
    pub fn access_token(&self) -> Option<&Secret> {
        self.0.access_token.as_ref()
    }

    /// The scheme that authenticated it, such as `jwt` or `api-key`.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme
    }

    /// Machine, user or unknown.
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// Who it is: a token's `sub` (RFC 7519 §4.1.2), an API key's owner.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The OAuth client that requested the token (RFC 9068 §2.2).
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The issuer: a token's `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The public name of the credential, for audit and revocation: a token's `jti`, an API key's id.
    pub fn credential_id(&self) -> Option<&str> {
        self.0.credential_id.as_deref()
    }

    /// The granted scopes.
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// When the credential expires; `None` if it does not.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.expires_at
    }

    /// The custom claims, if the scheme was configured to decode a `T`. While a token is cached, all its requests share
    /// one value.
    pub fn claims<T: 'static>(&self) -> Option<&T> {
        self.0.claims.as_deref()?.downcast_ref()
    }

    pub(crate) fn challenge(&self) -> &Challenge {
        &self.0.challenge
    }
}
