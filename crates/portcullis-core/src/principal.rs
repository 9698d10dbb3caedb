//! The caller, whatever it authenticated with.

use std::{any::Any, fmt, sync::Arc};

use crate::{Challenge, ScopeSet, Secret, UnixTime};

/// A caller that is known: the one thing guards, extractors and handlers look at.
///
/// Cloning it shares it.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    scheme: &'static str,
    kind: PrincipalKind,
    names: Names,
    subject: Option<Name>,
    client_id: Option<Name>,
    credential_id: Option<Name>,
    issuer: Option<Arc<str>>,
    scopes: ScopeSet,
    expires_at: Option<UnixTime>,
    claims: Option<Arc<dyn Any + Send + Sync>>,
    access_token: Option<Secret>,
    challenge: Arc<Challenge>,
}

/// The names of one caller, in one text: a principal is made for each new token.
#[derive(Clone, Default)]
struct Names(String);

/// Where in the text a name is.
#[derive(Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
}

impl Names {
    /// Enough for most callers.
    const USUAL_BYTES: usize = 96;

    fn add(&mut self, name: &str) -> Name {
        if self.0.is_empty() {
            self.0.reserve(Self::USUAL_BYTES.max(name.len()));
        }
        let start = self.0.len();
        self.0.push_str(name);
        Name {
            start,
            end: self.0.len(),
        }
    }

    fn get(&self, name: Option<Name>) -> Option<&str> {
        self.0.get(name?.start..name?.end)
    }
}

/// What a caller is: set by the profile or scheme that verified it.
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
    /// Starts a principal. For authors of a [`Scheme`](crate::Scheme): `challenge` is the scheme's own, with which a
    /// lack of scope is answered; `scheme` is a short name such as `jwt`.
    #[must_use]
    pub fn builder(
        challenge: Arc<Challenge>,
        scheme: &'static str,
        kind: PrincipalKind,
    ) -> PrincipalBuilder {
        PrincipalBuilder(Arc::new(Inner {
            scheme,
            kind,
            names: Names::default(),
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

    /// The same principal in a place of its own, whose reference count it shares with no other clone. For authors of a
    /// [`Scheme`](crate::Scheme) that keeps principals: threads that clone one and the same slow each other down.
    #[must_use]
    pub fn unshared(&self) -> Self {
        Self(Arc::new(Inner::clone(&self.0)))
    }

    /// The same principal with the token it was verified by. For authors of a [`Scheme`](crate::Scheme), where the user
    /// asked for it.
    #[must_use]
    pub fn with_access_token(mut self, token: Secret) -> Self {
        Arc::make_mut(&mut self.0).access_token = Some(token);
        self
    }

    /// The caller's own token, to call others on its behalf (RFC 8693); `None` unless the scheme was told to keep it.
    /// `Debug` does not show it.
    #[must_use]
    pub fn access_token(&self) -> Option<&Secret> {
        self.0.access_token.as_ref()
    }

    /// The scheme that verified it: `jwt`, `api-key`.
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
        self.0.names.get(self.0.subject)
    }

    /// The OAuth client that asked for the token (RFC 9068 §2.2).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.names.get(self.0.client_id)
    }

    /// Who vouches for it: a token's `iss`.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The public name of the credential itself, for audit and revocation: a token's `jti`, an API key's id.
    #[must_use]
    pub fn credential_id(&self) -> Option<&str> {
        self.0.names.get(self.0.credential_id)
    }

    /// What it may do.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// When the credential ends; `None` where it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.expires_at
    }

    /// The custom claims, where the scheme was told to decode a `T`. One value serves all requests with the same token
    /// while that is cached.
    #[must_use]
    pub fn claims<T: 'static>(&self) -> Option<&T> {
        self.0.claims.as_deref()?.downcast_ref()
    }

    /// The challenge of its scheme.
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
///
/// In the place where the principal will be: it is of many words, which each setting would move.
pub struct PrincipalBuilder(Arc<Inner>);

impl PrincipalBuilder {
    /// Sets [`Principal::subject`].
    #[must_use]
    pub fn subject(mut self, subject: impl AsRef<str>) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.subject = Some(inner.names.add(subject.as_ref()));
        self
    }

    /// Sets [`Principal::client_id`].
    #[must_use]
    pub fn client_id(mut self, client_id: impl AsRef<str>) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.client_id = Some(inner.names.add(client_id.as_ref()));
        self
    }

    /// Sets [`Principal::issuer`]. An `Arc<str>` is shared, not copied.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.0).issuer = Some(issuer.into());
        self
    }

    /// Sets [`Principal::credential_id`].
    #[must_use]
    pub fn credential_id(mut self, id: impl AsRef<str>) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.credential_id = Some(inner.names.add(id.as_ref()));
        self
    }

    /// Sets [`Principal::scopes`].
    #[must_use]
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        Arc::make_mut(&mut self.0).scopes = scopes;
        self
    }

    /// Sets [`Principal::expires_at`].
    #[must_use]
    pub fn expires_at(mut self, at: UnixTime) -> Self {
        Arc::make_mut(&mut self.0).expires_at = Some(at);
        self
    }

    /// Sets what [`Principal::claims`] finds.
    #[must_use]
    pub fn claims(mut self, claims: Arc<dyn Any + Send + Sync>) -> Self {
        Arc::make_mut(&mut self.0).claims = Some(claims);
        self
    }

    /// The principal.
    #[must_use]
    pub fn build(self) -> Principal {
        Principal(self.0)
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder")
            .field("scheme", &self.0.scheme)
            .finish_non_exhaustive()
    }
}
