//! The caller, whatever scheme it authenticated with.

use std::{any::Any, fmt, sync::Arc};

use crate::{challenge::Challenge, clock::UnixTime, scope::ScopeSet, secret::Secret};

/// An authenticated caller, as guards, extractors and handlers see it. Clones share one value.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    scheme: &'static str,
    kind: PrincipalKind,
    subject: Option<Box<str>>,
    client_id: Option<Box<str>>,
    credential_id: Option<Box<str>>,
    issuer: Option<Arc<str>>,
    scopes: ScopeSet,
    expires_at: Option<UnixTime>,
    claims: Option<Arc<dyn Any + Send + Sync>>,
    access_token: Option<Secret>,
    challenge: Arc<Challenge>,
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

impl PrincipalKind {
    /// `machine`, `user` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::User => "user",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Principal {
    /// Starts a principal, for authors of a [`Scheme`](crate::scheme::Scheme). `challenge` is the scheme's own: guards
    /// answer a missing scope with it. `scheme` is a short name such as `jwt`.
    pub fn builder(
        challenge: Arc<Challenge>,
        scheme: &'static str,
        kind: PrincipalKind,
    ) -> PrincipalBuilder {
        PrincipalBuilder(Box::new(Inner {
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
        }))
    }

    /// A copy with a reference count of its own, for authors of a [`Scheme`](crate::scheme::Scheme) that caches
    /// principals: threads that clone the same one contend for its count.
    #[must_use]
    pub fn unshared(&self) -> Self {
        Self(Arc::new(Inner::clone(&self.0)))
    }

    /// The same principal with the token that authenticated it, for authors of a [`Scheme`](crate::scheme::Scheme).
    #[must_use]
    pub fn with_access_token(mut self, token: Secret) -> Self {
        Arc::make_mut(&mut self.0).access_token = Some(token);
        self
    }

    /// The caller's own token, to call other services on its behalf (RFC 8693). `None` unless the scheme was configured
    /// to keep it.
    #[must_use]
    pub fn access_token(&self) -> Option<&Secret> {
        self.0.access_token.as_ref()
    }

    /// The scheme that authenticated it, such as `jwt` or `api-key`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.0.scheme
    }

    /// Machine, user or unknown.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// Who it is: a token's `sub` (RFC 7519 §4.1.2), an API key's owner.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The OAuth client that requested the token (RFC 9068 §2.2).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The issuer: a token's `iss`.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The public name of the credential, for audit and revocation: a token's `jti`, an API key's id.
    #[must_use]
    pub fn credential_id(&self) -> Option<&str> {
        self.0.credential_id.as_deref()
    }

    /// The granted scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// When the credential expires; `None` if it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.expires_at
    }

    /// The custom claims, if the scheme was configured to decode a `T`. While a token is cached, all its requests share
    /// one value.
    #[must_use]
    pub fn claims<T: 'static>(&self) -> Option<&T> {
        self.0.claims.as_deref()?.downcast_ref()
    }

    pub(crate) fn challenge(&self) -> &Challenge {
        &self.0.challenge
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("scheme", &self.scheme())
            .field("kind", &self.kind())
            .field("subject", &self.subject())
            .field("client_id", &self.client_id())
            .field("issuer", &self.issuer())
            .field("credential_id", &self.credential_id())
            .field("scopes", self.scopes())
            .finish_non_exhaustive()
    }
}

/// Builds a [`Principal`].
#[must_use]
pub struct PrincipalBuilder(
    /// Boxed, so that a setter moves one pointer.
    Box<Inner>,
);

impl PrincipalBuilder {
    /// Sets [`Principal::subject`].
    pub fn subject(mut self, subject: impl AsRef<str>) -> Self {
        self.0.subject = Some(subject.as_ref().into());
        self
    }

    /// Sets [`Principal::client_id`].
    pub fn client_id(mut self, client_id: impl AsRef<str>) -> Self {
        self.0.client_id = Some(client_id.as_ref().into());
        self
    }

    /// Sets [`Principal::issuer`]. An `Arc<str>` is shared, not copied.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.0.issuer = Some(issuer.into());
        self
    }

    /// Sets [`Principal::credential_id`].
    pub fn credential_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.credential_id = Some(id.as_ref().into());
        self
    }

    /// Sets [`Principal::scopes`].
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.0.scopes = scopes;
        self
    }

    /// Sets [`Principal::expires_at`].
    pub fn expires_at(mut self, at: UnixTime) -> Self {
        self.0.expires_at = Some(at);
        self
    }

    /// Sets [`Principal::claims`].
    pub fn claims(mut self, claims: Arc<dyn Any + Send + Sync>) -> Self {
        self.0.claims = Some(claims);
        self
    }

    /// The principal.
    #[must_use]
    pub fn build(self) -> Principal {
        Principal(Arc::from(self.0))
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder")
            .field("scheme", &self.0.scheme)
            .finish_non_exhaustive()
    }
}
