//! The builder of a [`JwtVerifier`], and what the builder of a scheme shares with it.

use std::{any::Any, borrow::Cow, sync::Arc, time::Duration};

use portcullis_core::{ConfigError, scheme::Challenge};
use portcullis_jose::{Algorithm, TokenLimits, json::objects_from_slice};
use serde::de::DeserializeOwned;

use super::{DEFAULT_REALM, JwtVerifier, SCHEME, times::TimeRules};
use crate::{IssuerKeys, Profile};

/// Builds a [`JwtVerifier`].
pub type JwtVerifierBuilder = JwtBuilder<JwtVerifier, ()>;

/// A [`JwtVerifierBuilder`] or a [`BearerBuilder`](crate::BearerBuilder).
///
/// `V` verifies the tokens: a [`JwtVerifier`] for one issuer, whose rules are set here, or
/// [`TrustedIssuers`](crate::TrustedIssuers), whose verifiers have their own rules. `S` has the settings of the scheme.
#[derive(Debug)]
#[must_use]
pub struct JwtBuilder<V, S> {
    /// A [`JwtVerifier`] whose settings `build` checks, or the trusted issuers.
    pub(crate) verifier: V,
    pub(crate) settings: S,
}

impl<S> JwtBuilder<JwtVerifier, S> {
    /// Accepts tokens for this audience (RFC 7519 §4.1.3): the issuer's name for this service, compared exactly. Call it
    /// again, or use [`audiences`](Self::audiences), to accept several.
    ///
    /// Mandatory if the profile's [`AudienceRule`](crate::AudienceRule) requires an audience, as in most presets.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.verifier.audiences.push(audience.into());
        self
    }

    /// Accepts tokens for any of these audiences too.
    pub fn audiences<I: IntoIterator<Item: Into<Box<str>>>>(mut self, audiences: I) -> Self {
        let audiences = audiences.into_iter().map(Into::into);
        self.verifier.audiences.extend(audiences);
        self
    }

    /// Accepts only tokens of these clients, compared exactly; further calls add to the list.
    ///
    /// Mandatory if the profile's [`AudienceRule`](crate::AudienceRule) requires accepted clients, as in [`Profile::cognito`].
    pub fn client_ids<I: IntoIterator<Item: Into<Box<str>>>>(mut self, client_ids: I) -> Self {
        let accepted = self.verifier.client_ids.get_or_insert_default();
        accepted.extend(client_ids.into_iter().map(Into::into));
        self
    }

    /// Accepts only these signature algorithms (RFC 8725 §3.1). Mandatory; further calls add to the list.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.verifier.algorithms.extend(algorithms);
        self
    }

    /// The form of the issuer's access tokens: [`Profile::rfc9068`] by default.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.verifier.profile = profile;
        self
    }

    /// The tolerated difference between the issuer's clock and ours: 60 s by default, at most 5 minutes.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.verifier.times.leeway = leeway;
        self
    }

    /// The longest accepted time from `iat` to `exp`: 48 h by default.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.verifier.times.max_lifetime = max_lifetime;
        self
    }

    /// The longest accepted token, in bytes as it is sent: 8 KiB by default, at most 64 KiB. The HTTP server must accept
    /// header lines of that length too.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.verifier.limits.token_bytes = bytes;
        self
    }

    /// The longest accepted header of a token, in bytes as it is sent: 4 KiB by default, at most 64 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.verifier.limits.header_bytes = bytes;
        self
    }

    /// Also decodes the claims into a `T`, once, when a token is verified. Handlers borrow it from
    /// [`Principal::claims`](portcullis_core::Principal::claims). A token whose claims do not decode is rejected. A struct
    /// decodes from an object only, not from an array, except under serde's `flatten`, `untagged` or `tag`.
    ///
    /// `T` decodes from a [`serde_json::Value`]. An integer that fits neither `i64` nor `u64` is a floating-point number there,
    /// so it does not decode into an `i128` or `u128`, and a `RawValue` is the value written anew, not the issuer's text.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.verifier.custom_claims = Some(|payload| {
            let claims: Arc<dyn Any + Send + Sync> = Arc::new(objects_from_slice::<T>(payload)?);
            Ok(claims)
        });
        self
    }
}

impl JwtVerifierBuilder {
    /// Builds the verifier.
    ///
    /// # Errors
    ///
    /// If a setting is missing or cannot be used.
    pub fn build(self) -> Result<JwtVerifier, ConfigError> {
        self.verifier.checked()
    }
}

impl JwtVerifier {
    /// Builds a verifier of the tokens of `issuer`.
    #[expect(clippy::missing_panics_doc, reason = "the challenge is valid")]
    pub fn of(issuer: &impl AsRef<IssuerKeys>) -> JwtVerifierBuilder {
        let challenge = Challenge::new(SCHEME, DEFAULT_REALM).expect("a token and printable text");
        let verifier = Self {
            keys: issuer.as_ref().clone(),
            audiences: Vec::new(),
            client_ids: None,
            algorithms: Vec::new(),
            profile: Profile::rfc9068(),
            times: TimeRules::DEFAULT,
            limits: TokenLimits::default(),
            custom_claims: None,
            challenge: Arc::new(challenge),
        };
        JwtBuilder {
            verifier,
            settings: (),
        }
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        self.profile.check()?;
        match self.problem() {
            Some((setting, problem)) => Err(ConfigError::new(setting, problem)),
            None => Ok(self),
        }
    }

    /// The first setting that is missing or cannot be used, and why.
    fn problem(&self) -> Option<(&'static str, Cow<'static, str>)> {
        let client_ids = self.client_ids.as_deref();
        let limits = [
            ("max_token_bytes", self.limits.token_bytes),
            ("max_header_bytes", self.limits.header_bytes),
        ];
        let accepted_bytes = 1..=TokenLimits::MAX_BYTES;
        let snapshot = self.keys.snapshot();
        let fixed = snapshot.keys().filter(|_| self.keys.is_fixed());
        let has_fixed_key = |algorithm: &Algorithm| {
            fixed.is_some_and(|keys| keys.keys().any(|key| key.algorithms().contains(algorithm)))
        };
        let issuer = self.keys.issuer();
        let mut algorithms = self.algorithms.iter();
        let lacks_secret = |it: &&Algorithm| it.is_symmetric() && !has_fixed_key(it);
        Some(
            if self.audiences.iter().any(|audience| audience.is_empty()) {
                ("audience", "an audience is empty: name this service".into())
            } else if client_ids
                .is_some_and(|ids| ids.is_empty() || ids.iter().any(|id| id.is_empty()))
            {
                (
                    "client_ids",
                    "the list or an id is empty: list the clients".into(),
                )
            } else if self.profile.needs_audience() && self.audiences.is_empty() {
                let problem = "not set: call `.audience(\"https://…\")` with the issuer's name for this service";
                ("audience", problem.into())
            } else if self.profile.needs_client_id() && client_ids.is_none() {
                let problem = format!(
                    "not set: the profile {:?} requires the list of accepted clients; call `.client_ids([\"…\"])`",
                    self.profile.name()
                );
                ("client_ids", problem.into())
            } else if self.algorithms.is_empty() {
                let problem = "not set: call `.algorithms([Algorithm::ES256])` with the algorithms that the issuer signs with";
                ("algorithms", problem.into())
            } else if let Some(symmetric) = algorithms.find(lacks_secret) {
                let problem = format!(
                    "{symmetric} needs a secret, and the keys of {issuer:?} have none for it: use `KeySet::from_secret`, or another algorithm"
                );
                ("algorithms", problem.into())
            } else if fixed.is_some() && !self.algorithms.iter().any(has_fixed_key) {
                let names: Vec<&str> = self.algorithms.iter().map(|it| it.as_str()).collect();
                let names = names.join(" or ");
                let problem = format!(
                    "no key of {issuer:?} is for {names}: allow others, or correct the keys"
                );
                ("algorithms", problem.into())
            } else if self.times.leeway > TimeRules::MAX_LEEWAY {
                let problem = "must be <= 5 minutes, as expired tokens are accepted for that long";
                ("leeway", problem.into())
            } else if self.times.max_lifetime.is_zero() {
                let problem = "must be > 0, or no token would be accepted";
                ("max_lifetime", problem.into())
            } else {
                let mut limits = limits.into_iter();
                let (setting, bytes) = limits.find(|(_, bytes)| !accepted_bytes.contains(bytes))?;
                let most = TokenLimits::MAX_BYTES;
                let problem = format!("{bytes} is out of range: must be >= 1 and <= {most}");
                (setting, problem.into())
            },
        )
    }
}
