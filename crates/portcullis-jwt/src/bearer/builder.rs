//! The builder of a [`Bearer`].

use std::{sync::Arc, time::Duration};

use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
    scheme::Challenge,
};
use serde::de::DeserializeOwned;

use super::{Bearer, Inner, Issuers};
use crate::{
    Algorithm, CacheLimits, JwtVerifierBuilder, Profile, TrustedIssuers,
    cache::TokenCache,
    verifier::{DEFAULT_REALM, SCHEME},
};

/// Builds a [`Bearer`].
///
/// `V` verifies the tokens: a [`JwtVerifierBuilder`] for one issuer, whose settings this builder has too, or
/// [`TrustedIssuers`], whose verifiers have their own settings.
#[derive(Debug)]
#[must_use]
pub struct BearerBuilder<V = JwtVerifierBuilder> {
    verifier: V,
    realm: Box<str>,
    clock: SharedClock,
    cache: Option<CacheLimits>,
    keep_access_token: bool,
}

impl<V> BearerBuilder<V> {
    pub(super) fn new(verifier: V) -> Self {
        Self {
            verifier,
            realm: DEFAULT_REALM.into(),
            clock: system_clock(),
            cache: Some(CacheLimits::default()),
            keep_access_token: false,
        }
    }

    /// The realm in challenges (RFC 9110 §11.5): `api` by default.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The clock that tokens are checked with: the system's clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// The limits of the cache of verified tokens, which makes a repeated token cheap. On by default, with
    /// [`CacheLimits::default`].
    ///
    /// A hit spares the check of the signature only: the issuer's keys must be unchanged and not stale, the issuer trusted
    /// by the same rules, and the token's times hold. While the cache is full, a new token is cached when it is verified
    /// for the second time, so that tokens that are sent only once evict nothing.
    pub fn token_cache(mut self, limits: CacheLimits) -> Self {
        self.cache = Some(limits);
        self
    }

    /// Disables the cache of verified tokens: every request has its signature checked.
    pub fn without_token_cache(mut self) -> Self {
        self.cache = None;
        self
    }

    /// Keeps the caller's token with its principal ([`Principal::access_token`](portcullis_core::Principal::access_token)),
    /// so that the service can call others on its behalf by token exchange (RFC 8693). Off by default, since the token
    /// authenticates as the caller.
    pub fn keep_access_token(mut self) -> Self {
        self.keep_access_token = true;
        self
    }

    fn build_with(
        self,
        issuers: impl FnOnce(V) -> Result<Issuers, ConfigError>,
    ) -> Result<Bearer, ConfigError> {
        let issuers = issuers(self.verifier)?;
        if let Some(limits) = &self.cache {
            limits.check()?;
        }
        let challenge = Challenge::new(SCHEME, &self.realm)?;
        Ok(Bearer(Arc::new(Inner {
            issuers,
            cache: self.cache.map(TokenCache::new),
            keep_access_token: self.keep_access_token,
            challenge: Arc::new(challenge.refusal_log_clock(self.clock.clone())),
            clock: self.clock,
        })))
    }
}

impl BearerBuilder {
    /// Accepts tokens for this audience; see [`JwtVerifierBuilder::audience`].
    pub fn audience(self, audience: impl Into<Box<str>>) -> Self {
        self.map(|verifier| verifier.audience(audience))
    }

    /// Accepts tokens for any of these audiences too; see [`JwtVerifierBuilder::audience`].
    pub fn audiences<I: IntoIterator<Item: Into<Box<str>>>>(self, audiences: I) -> Self {
        self.map(|verifier| verifier.audiences(audiences))
    }

    /// Accepts only tokens of these clients; see [`JwtVerifierBuilder::client_ids`].
    pub fn client_ids<I: IntoIterator<Item: Into<Box<str>>>>(self, client_ids: I) -> Self {
        self.map(|verifier| verifier.client_ids(client_ids))
    }

    /// Accepts only these signature algorithms; see [`JwtVerifierBuilder::algorithms`].
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.map(|verifier| verifier.algorithms(algorithms))
    }

    /// The form of the issuer's access tokens: [`Profile::rfc9068`] by default.
    pub fn profile(self, profile: Profile) -> Self {
        self.map(|verifier| verifier.profile(profile))
    }

    /// The tolerated difference between clocks; see [`JwtVerifierBuilder::leeway`].
    pub fn leeway(self, leeway: Duration) -> Self {
        self.map(|verifier| verifier.leeway(leeway))
    }

    /// The longest accepted lifetime of a token; see [`JwtVerifierBuilder::max_lifetime`].
    pub fn max_lifetime(self, max_lifetime: Duration) -> Self {
        self.map(|verifier| verifier.max_lifetime(max_lifetime))
    }

    /// The longest accepted token; see [`JwtVerifierBuilder::max_token_bytes`].
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        self.map(|verifier| verifier.max_token_bytes(bytes))
    }

    /// The longest accepted header of a token; see [`JwtVerifierBuilder::max_header_bytes`].
    pub fn max_header_bytes(self, bytes: usize) -> Self {
        self.map(|verifier| verifier.max_header_bytes(bytes))
    }

    /// Also decodes the claims into a `T`; see [`JwtVerifierBuilder::claims`].
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(self) -> Self {
        self.map(JwtVerifierBuilder::claims::<T>)
    }

    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// If a setting is missing or cannot be used.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        self.build_with(|verifier| Ok(Issuers::One(Box::new(verifier.build()?))))
    }

    fn map(self, set: impl FnOnce(JwtVerifierBuilder) -> JwtVerifierBuilder) -> Self {
        Self {
            verifier: set(self.verifier),
            ..self
        }
    }
}

impl BearerBuilder<TrustedIssuers> {
    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// If the realm cannot be sent in a header, or a limit of the cache cannot be used.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        self.build_with(|issuers| Ok(Issuers::Many(issuers)))
    }
}
