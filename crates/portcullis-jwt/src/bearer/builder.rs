//! Building a [`Bearer`].

use std::{sync::Arc, time::Duration};

use portcullis_core::{Challenge, ConfigError, SharedClock, system_clock};
use serde::de::DeserializeOwned;

use super::{Bearer, Inner, Issuers};
use crate::{
    Algorithm, CacheLimits, JwtVerifierBuilder, Profile, TrustedIssuers, cache::TokenCache,
    known_headers::KnownHeaders,
};

/// Builds a [`Bearer`] for one issuer. The settings are those of [`JwtVerifierBuilder`], and the clock.
#[derive(Debug)]
#[must_use]
pub struct BearerBuilder {
    verifier: JwtVerifierBuilder,
    scheme: SchemeSettings,
}

impl BearerBuilder {
    pub(super) fn new(verifier: JwtVerifierBuilder) -> Self {
        Self {
            verifier,
            scheme: SchemeSettings::default(),
        }
    }

    /// Accepts tokens for this audience; see [`JwtVerifierBuilder::audience`].
    pub fn audience(self, audience: impl Into<Box<str>>) -> Self {
        self.map(|verifier| verifier.audience(audience))
    }

    /// Accepts tokens for any of these audiences too; see [`JwtVerifierBuilder::audience`].
    pub fn audiences<I: IntoIterator<Item: Into<Box<str>>>>(self, audiences: I) -> Self {
        self.map(|verifier| verifier.audiences(audiences))
    }

    /// Accepts tokens of these clients only; see [`JwtVerifierBuilder::client_ids`].
    pub fn client_ids<I: IntoIterator<Item: Into<Box<str>>>>(self, client_ids: I) -> Self {
        self.map(|verifier| verifier.client_ids(client_ids))
    }

    /// Accepts these signature algorithms and no others; see [`JwtVerifierBuilder::algorithms`].
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.map(|verifier| verifier.algorithms(algorithms))
    }

    /// What the issuer's access tokens look like; [`Profile::rfc9068`] by default.
    pub fn profile(self, profile: Profile) -> Self {
        self.map(|verifier| verifier.profile(profile))
    }

    /// How far clocks may be apart; see [`JwtVerifierBuilder::leeway`].
    pub fn leeway(self, leeway: Duration) -> Self {
        self.map(|verifier| verifier.leeway(leeway))
    }

    /// How long a token may live; see [`JwtVerifierBuilder::max_lifetime`].
    pub fn max_lifetime(self, max_lifetime: Duration) -> Self {
        self.map(|verifier| verifier.max_lifetime(max_lifetime))
    }

    /// How long a token may be; see [`JwtVerifierBuilder::max_token_bytes`].
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        self.map(|verifier| verifier.max_token_bytes(bytes))
    }

    /// How long the header of a token may be; see [`JwtVerifierBuilder::max_header_bytes`].
    pub fn max_header_bytes(self, bytes: usize) -> Self {
        self.map(|verifier| verifier.max_header_bytes(bytes))
    }

    /// Decodes the claims into a `T` as well; see [`JwtVerifierBuilder::claims`].
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(self) -> Self {
        self.map(JwtVerifierBuilder::claims::<T>)
    }

    /// The realm named in challenges; see [`JwtVerifierBuilder::realm`].
    pub fn realm(self, realm: impl Into<Box<str>>) -> Self {
        self.map(|verifier| verifier.realm(realm))
    }

    /// Where the time comes from; the system's clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.scheme.clock = clock;
        self
    }

    /// How many verified tokens are kept, so that the same token again costs next to nothing. On by default, with
    /// the limits of [`CacheLimits::default`].
    ///
    /// A token from the cache is held to all that a new one is: its key is still in the issuer's set and the set not
    /// too old, its issuer is still trusted by the same rules, and its times hold by the clock.
    ///
    /// While it is full of tokens that still live, a new one is kept when it is verified for the second time: tokens
    /// that are sent once make no other be forgotten.
    pub fn token_cache(mut self, limits: CacheLimits) -> Self {
        self.scheme.cache = Some(limits);
        self
    }

    /// Keeps the caller's token with its principal ([`Principal::access_token`](portcullis_core::Principal::access_token)),
    /// so that the service can call others on its behalf by token exchange (RFC 8693). Off by default: whoever gets at
    /// the token is the caller.
    pub fn keep_access_token(mut self) -> Self {
        self.scheme.keep_access_token = true;
        self
    }

    /// Keeps no verified tokens: every request has its signature checked.
    pub fn without_token_cache(mut self) -> Self {
        self.scheme.cache = None;
        self
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    ///
    /// Which setting is missing or cannot be used, and what to do.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        let verifier = self.verifier.build()?;
        let challenge = verifier.challenge().clone();
        self.scheme
            .build(Issuers::One(Box::new(verifier)), challenge)
    }

    fn map(self, set: impl FnOnce(JwtVerifierBuilder) -> JwtVerifierBuilder) -> Self {
        Self {
            verifier: set(self.verifier),
            scheme: self.scheme,
        }
    }
}

/// Builds a [`Bearer`] for several issuers, whose rules are in their verifiers.
#[derive(Debug)]
#[must_use]
pub struct TrustingBearerBuilder {
    issuers: TrustedIssuers,
    scheme: SchemeSettings,
    realm: Box<str>,
}

impl TrustingBearerBuilder {
    pub(super) fn new(issuers: TrustedIssuers) -> Self {
        Self {
            issuers,
            scheme: SchemeSettings::default(),
            realm: "api".into(),
        }
    }

    /// The realm named in challenges (RFC 9110 §11.5), instead of those of the verifiers; `api` by default.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Where the time comes from; the system's clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.scheme.clock = clock;
        self
    }

    /// How many verified tokens are kept, so that the same token again costs next to nothing. On by default, with
    /// the limits of [`CacheLimits::default`].
    ///
    /// A token from the cache is held to all that a new one is: its key is still in the issuer's set and the set not
    /// too old, its issuer is still trusted by the same rules, and its times hold by the clock.
    ///
    /// While it is full of tokens that still live, a new one is kept when it is verified for the second time: tokens
    /// that are sent once make no other be forgotten.
    pub fn token_cache(mut self, limits: CacheLimits) -> Self {
        self.scheme.cache = Some(limits);
        self
    }

    /// Keeps the caller's token with its principal ([`Principal::access_token`](portcullis_core::Principal::access_token)),
    /// so that the service can call others on its behalf by token exchange (RFC 8693). Off by default: whoever gets at
    /// the token is the caller.
    pub fn keep_access_token(mut self) -> Self {
        self.scheme.keep_access_token = true;
        self
    }

    /// Keeps no verified tokens: every request has its signature checked.
    pub fn without_token_cache(mut self) -> Self {
        self.scheme.cache = None;
        self
    }

    /// The scheme.
    ///
    /// # Errors
    ///
    /// If the realm cannot be sent in a header, or a limit of the cache is zero.
    pub fn build(self) -> Result<Bearer, ConfigError> {
        let challenge = Arc::new(Challenge::new(super::SCHEME, &self.realm)?);
        self.scheme.build(Issuers::Many(self.issuers), challenge)
    }
}

/// What is set of the scheme, whoever verifies.
#[derive(Debug)]
struct SchemeSettings {
    clock: SharedClock,
    cache: Option<CacheLimits>,
    keep_access_token: bool,
}

impl Default for SchemeSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            cache: Some(CacheLimits::default()),
            keep_access_token: false,
        }
    }
}

impl SchemeSettings {
    fn build(self, issuers: Issuers, challenge: Arc<Challenge>) -> Result<Bearer, ConfigError> {
        if let Some(limits) = &self.cache {
            limits.check()?;
        }
        let challenge = Challenge::clone(&challenge).with_clock(self.clock.clone());
        Ok(Bearer(Arc::new(Inner {
            issuers,
            known_headers: KnownHeaders::new(),
            cache: self.cache.map(TokenCache::new),
            keep_access_token: self.keep_access_token,
            clock: self.clock,
            challenge: Arc::new(challenge),
        })))
    }
}
