//! The builder of a [`JwtVerifier`].

use std::{any::Any, sync::Arc, time::Duration};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, KeySet, TokenLimits, json::objects_from_slice};
use serde::de::DeserializeOwned;

use super::{JwtVerifier, times::TimeRules};
use crate::Profile;

/// Builds a [`JwtVerifier`].
#[derive(Debug)]
#[must_use]
pub struct JwtVerifierBuilder(pub(super) JwtVerifier);

impl JwtVerifierBuilder {
    /// Accepts tokens for this audience (RFC 7519 §4.1.3): the issuer's name for this service, compared exactly. Call it
    /// again, or use [`audiences`](Self::audiences), to accept several.
    ///
    /// Mandatory, unless the issuer puts no audience in its tokens according to the profile.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.0.audiences.push(audience.into());
        self
    }

    /// Accepts tokens for any of these audiences too.
    pub fn audiences<I: IntoIterator<Item: Into<Box<str>>>>(mut self, audiences: I) -> Self {
        self.0
            .audiences
            .extend(audiences.into_iter().map(Into::into));
        self
    }

    /// Accepts only tokens of these clients, compared exactly; further calls add to the list.
    ///
    /// Mandatory if the client replaces the audience in the profile, as in [`Profile::cognito`].
    pub fn client_ids<I: IntoIterator<Item: Into<Box<str>>>>(mut self, client_ids: I) -> Self {
        self.0
            .client_ids
            .get_or_insert_default()
            .extend(client_ids.into_iter().map(Into::into));
        self
    }

    /// Accepts only these signature algorithms (RFC 8725 §3.1). Mandatory; further calls add to the list.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.0.algorithms.extend(algorithms);
        self
    }

    /// The form of the issuer's access tokens: [`Profile::rfc9068`] by default.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.0.profile = profile;
        self
    }

    /// The tolerated difference between the issuer's clock and ours: 60 s by default, at most 5 minutes.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.0.times.leeway = leeway;
        self
    }

    /// The longest accepted time from `iat` to `exp`: 48 h by default.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.0.times.max_lifetime = max_lifetime;
        self
    }

    /// The longest accepted token, in bytes as it is sent: 8 KiB by default, at most 64 KiB. The HTTP server must accept
    /// header lines of that length too.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.0.limits.token_bytes = bytes;
        self
    }

    /// The longest accepted header of a token, in bytes as it is sent: 4 KiB by default, at most 64 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.0.limits.header_bytes = bytes;
        self
    }

    /// Also decodes the claims into a `T`, once, when a token is verified. Handlers borrow it from
    /// [`Principal::claims`](portcullis_core::Principal::claims). A token whose claims do not decode is rejected. A struct
    /// decodes from an object only, not from an array, except under serde's `flatten`, `untagged` or `tag`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.0.custom_claims = Some(|payload| {
            let claims: Arc<dyn Any + Send + Sync> = Arc::new(objects_from_slice::<T>(payload)?);
            Ok(claims)
        });
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    ///
    /// If a setting is missing or cannot be used.
    pub fn build(self) -> Result<JwtVerifier, ConfigError> {
        let verifier = self.0;
        let (times, limits) = (&verifier.times, &verifier.limits);
        verifier.profile.check()?;
        verifier.check_audience_settings()?;
        verifier.check_algorithms()?;
        if times.leeway > TimeRules::MAX_LEEWAY {
            return Err(ConfigError::new(
                "leeway",
                "must be <= 5 minutes: expired tokens are accepted for that long",
            ));
        }
        if times.max_lifetime.is_zero() {
            return Err(ConfigError::new(
                "max_lifetime",
                "must be > 0: no token would be accepted",
            ));
        }
        for (setting, bytes) in [
            ("max_token_bytes", limits.token_bytes),
            ("max_header_bytes", limits.header_bytes),
        ] {
            if bytes == 0 || bytes > TokenLimits::MAX_BYTES {
                return Err(ConfigError::new(
                    setting,
                    format!(
                        "{bytes} is out of range: must be >= 1 and <= {}",
                        TokenLimits::MAX_BYTES
                    ),
                ));
            }
        }
        Ok(verifier)
    }
}

impl JwtVerifier {
    fn check_audience_settings(&self) -> Result<(), ConfigError> {
        let client_ids = self.client_ids.as_deref();
        let (setting, problem) = if self.audiences.iter().any(|audience| audience.is_empty()) {
            ("audience", "an audience is empty".into())
        } else if client_ids.is_some_and(|ids| ids.is_empty() || ids.iter().any(|id| id.is_empty()))
        {
            ("client_ids", "the list or one of its ids is empty".into())
        } else if self.profile.needs_audience() && self.audiences.is_empty() {
            let problem =
                "not set: call `.audience(\"https://…\")` with the issuer's name for this service";
            ("audience", problem.into())
        } else if self.profile.needs_client_id() && client_ids.is_none() {
            let problem = format!(
                "not set: the profile {:?} requires the list of accepted clients; call `.client_ids([\"…\"])`",
                self.profile.name()
            );
            ("client_ids", problem)
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }

    fn check_algorithms(&self) -> Result<(), ConfigError> {
        let (keys, algorithms) = (&self.keys, &self.algorithms);
        if algorithms.is_empty() {
            return Err(ConfigError::new(
                "algorithms",
                "not set: call `.algorithms([Algorithm::ES256])` with the algorithms that the issuer signs with",
            ));
        }
        let snapshot = keys.snapshot();
        let fixed = snapshot.keys().filter(|_| keys.is_fixed());
        let serves = |keys: &KeySet, algorithm: &Algorithm| {
            keys.keys().any(|key| key.algorithms().contains(algorithm))
        };
        let unserved = |algorithm: &&Algorithm| !fixed.is_some_and(|keys| serves(keys, algorithm));
        let mut secrets = algorithms
            .iter()
            .filter(|algorithm| algorithm.is_symmetric());
        if let Some(secret) = secrets.find(unserved) {
            return Err(ConfigError::new(
                "algorithms",
                format!(
                    "{secret} needs a secret from `KeySet::from_secret`, and these keys have none"
                ),
            ));
        }
        if fixed.is_some_and(|keys| !algorithms.iter().any(|algorithm| serves(keys, algorithm))) {
            return Err(ConfigError::new(
                "algorithms",
                "none of the keys is for any of these algorithms, so no token would be accepted",
            ));
        }
        Ok(())
    }
}
