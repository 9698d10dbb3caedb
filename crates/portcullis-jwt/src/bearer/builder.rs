//! The builder of a [`Bearer`].

use std::sync::Arc;

use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
    scheme::Challenge,
};

use super::{Bearer, Inner, Issuers};
use crate::{
    CacheLimits, IssuerKeys, JwtBuilder, JwtVerifier, TrustedIssuers,
    cache::TokenCache,
    verifier::{DEFAULT_REALM, SCHEME},
};

/// Builds a [`Bearer`]: for one issuer, whose rules are set here too, or for [`TrustedIssuers`].
pub type BearerBuilder<V = JwtVerifier> = JwtBuilder<V, BearerSettings>;

/// The settings of a [`Bearer`], apart from the rules for each issuer.
#[derive(Debug)]
pub struct BearerSettings {
    realm: Box<str>,
    clock: SharedClock,
    cache: Option<CacheLimits>,
    keep_access_token: bool,
}

impl Default for BearerSettings {
    fn default() -> Self {
        Self {
            realm: DEFAULT_REALM.into(),
            clock: system_clock(),
            cache: Some(CacheLimits::default()),
            keep_access_token: false,
        }
    }
}

impl Bearer {
    /// Accepts the access tokens of one issuer.
    pub fn jwt(issuer: &impl AsRef<IssuerKeys>) -> BearerBuilder {
        JwtBuilder {
            verifier: JwtVerifier::of(issuer).verifier,
            settings: BearerSettings::default(),
        }
    }

    /// Accepts the access tokens of several issuers, each by its own rules.
    pub fn trusting(issuers: &TrustedIssuers) -> BearerBuilder<TrustedIssuers> {
        JwtBuilder {
            verifier: issuers.clone(),
            settings: BearerSettings::default(),
        }
    }
}

impl<V> BearerBuilder<V> {
    /// The realm in challenges (RFC 9110 §11.5): `api` by default.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.settings.realm = realm.into();
        self
    }

    /// The clock that tokens are checked with: the system's clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// The limits of the cache of verified tokens, which makes a repeated token cheap. On by default, with
    /// [`CacheLimits::default`].
    ///
    /// A hit skips the signature and the claims. On each hit the issuer's keys must be unchanged and not stale, the issuer
    /// trusted by the same rules, and the token's times must hold. While the cache is full, a new token is cached when it is verified
    /// for the second time, so that tokens that are sent only once evict nothing.
    pub fn token_cache(mut self, limits: CacheLimits) -> Self {
        self.settings.cache = Some(limits);
        self
    }

    /// Disables the cache of verified tokens: the signature is checked on every request.
    pub fn without_token_cache(mut self) -> Self {
        self.settings.cache = None;
        self
    }

    /// Keeps the caller's token with its principal ([`Principal::access_token`](portcullis_core::Principal::access_token)),
    /// so that the service can call others on its behalf by token exchange (RFC 8693). Off by default, since the token
    /// authenticates as the caller.
    pub fn keep_access_token(mut self) -> Self {
        self.settings.keep_access_token = true;
        self
    }
}

impl BearerBuilder {
    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// If a setting is missing or cannot be used.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        let verifier = self.verifier.checked()?;
        self.settings.build(Issuers::One(Box::new(verifier)))
    }
}

impl BearerBuilder<TrustedIssuers> {
    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// If the realm cannot be sent in a header, or a limit of the cache cannot be used.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        self.settings.build(Issuers::Many(self.verifier))
    }
}

impl BearerSettings {
    fn build(self, issuers: Issuers) -> Result<Bearer, ConfigError> {
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
