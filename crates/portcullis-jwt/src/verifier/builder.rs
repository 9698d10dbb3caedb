//! Building a [`JwtVerifier`]: nothing left out, or an error that names it.

use std::{any::Any, sync::Arc, time::Duration};

use portcullis_core::{Challenge, ConfigError};
use portcullis_jose::{Algorithm, AlgorithmSet, KeySet, TokenLimits, json::objects_from_slice};
use serde::de::DeserializeOwned;

use super::{DecodeClaims, JwtVerifier, times::TimeRules};
use crate::{IssuerKeys, Profile};

/// Builds a [`JwtVerifier`].
#[derive(Debug)]
#[must_use]
pub struct JwtVerifierBuilder {
    keys: IssuerKeys,
    audiences: Vec<Box<str>>,
    client_ids: Option<Vec<Box<str>>>,
    algorithms: Option<Vec<Algorithm>>,
    profile: Profile,
    times: TimeRules,
    limits: TokenLimits,
    custom_claims: Option<DecodeClaims>,
    realm: Box<str>,
}

impl JwtVerifierBuilder {
    pub(super) fn new(keys: IssuerKeys) -> Self {
        Self {
            keys,
            audiences: Vec::new(),
            client_ids: None,
            algorithms: None,
            profile: Profile::default(),
            times: TimeRules {
                leeway: TimeRules::DEFAULT_LEEWAY,
                max_lifetime: TimeRules::DEFAULT_MAX_LIFETIME,
            },
            limits: TokenLimits::default(),
            custom_claims: None,
            realm: "api".into(),
        }
    }

    /// Accepts tokens for this audience (RFC 7519 §4.1.3): the name under which the issuer knows this service,
    /// compared exactly. Call it again, or use [`audiences`](Self::audiences), to accept several.
    ///
    /// Mandatory, unless the profile says that the issuer puts none in its tokens.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts tokens for any of these audiences too.
    pub fn audiences<I: IntoIterator<Item: Into<Box<str>>>>(mut self, audiences: I) -> Self {
        self.audiences.extend(audiences.into_iter().map(Into::into));
        self
    }

    /// Accepts tokens of these clients only, compared exactly; further calls add to the list.
    ///
    /// Mandatory where the profile says that it stands in for the audience, as with [`Profile::cognito`].
    pub fn client_ids<I: IntoIterator<Item: Into<Box<str>>>>(mut self, client_ids: I) -> Self {
        self.client_ids
            .get_or_insert_default()
            .extend(client_ids.into_iter().map(Into::into));
        self
    }

    /// Accepts these signature algorithms and no others (RFC 8725 §3.1). Mandatory; further calls add to the list.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms.get_or_insert_default().extend(algorithms);
        self
    }

    /// What the issuer's access tokens look like; [`Profile::rfc9068`] by default.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How far the issuer's clock and ours may be apart: 60 s by default, at most 5 minutes.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.times.leeway = leeway;
        self
    }

    /// How far `exp` may be from `iat`: 48 h by default.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.times.max_lifetime = max_lifetime;
        self
    }

    /// How long a token may be, in bytes as it is sent: 8 KiB by default, at most 64 KiB. The server in front must accept
    /// header lines of that length too.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.limits.token_bytes = bytes;
        self
    }

    /// How long the header of a token may be, in bytes as it is sent: 4 KiB by default, at most 64 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.limits.header_bytes = bytes;
        self
    }

    /// Decodes the claims into a `T` as well, once, when a token is verified; handlers borrow it from
    /// [`Principal::claims`](portcullis_core::Principal::claims). A token whose claims do not decode is refused. A struct
    /// decodes from an object only, never from an array. The exceptions are structs under serde's `flatten`, `untagged`
    /// or `tag`: serde buffers their values, and then takes an array for a struct.
    ///
    /// ```
    /// # use portcullis_jwt::{Algorithm, IssuerKeys, JwtVerifier};
    /// #[derive(serde::Deserialize)]
    /// struct Tenant {
    ///     tenant: String,
    /// }
    ///
    /// # fn build(issuer: &IssuerKeys) -> Result<JwtVerifier, portcullis_core::ConfigError> {
    /// let verifier = JwtVerifier::of(issuer)
    ///     .audience("https://orders.example.com")
    ///     .algorithms([Algorithm::ES256])
    ///     .claims::<Tenant>()
    ///     .build()?;
    /// // in a handler: principal.claims::<Tenant>()
    /// # Ok(verifier)
    /// # }
    /// ```
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.custom_claims = Some(|payload| {
            let claims: Arc<dyn Any + Send + Sync> = Arc::new(objects_from_slice::<T>(payload)?);
            Ok(claims)
        });
        self
    }

    /// The realm named in challenges (RFC 9110 §11.5); `api` by default.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Checks that nothing is missing.
    ///
    /// # Errors
    ///
    /// Which setting is missing or cannot be used, and what to do.
    pub fn build(self) -> Result<JwtVerifier, ConfigError> {
        let Self {
            keys,
            audiences,
            client_ids,
            algorithms,
            profile,
            times,
            limits,
            custom_claims,
            realm,
        } = self;
        profile.check()?;
        check_audience(&profile, &audiences, client_ids.as_deref())?;
        let algorithms = check_algorithms(&keys, algorithms)?;
        if times.leeway > TimeRules::MAX_LEEWAY {
            return Err(ConfigError::new(
                "leeway",
                "longer than 5 minutes: it lets every expired token live on",
            ));
        }
        if times.max_lifetime.is_zero() {
            return Err(ConfigError::new(
                "max_lifetime",
                "zero: no token would be accepted",
            ));
        }
        for (setting, bytes) in [
            ("max_token_bytes", limits.token_bytes),
            ("max_header_bytes", limits.header_bytes),
        ] {
            if bytes == 0 || bytes > TokenLimits::MAX {
                return Err(ConfigError::new(
                    setting,
                    format!(
                        "{bytes} is out of range: must be >= 1 and <= {}",
                        TokenLimits::MAX
                    ),
                ));
            }
        }
        Ok(JwtVerifier {
            issuer: keys.issuer().clone(),
            audiences: audiences.into(),
            client_ids: client_ids.map(Into::into),
            algorithms,
            profile,
            times,
            limits,
            custom_claims,
            challenge: Arc::new(Challenge::new("Bearer", &realm)?),
            keys,
        })
    }
}

fn check_audience(
    profile: &Profile,
    audiences: &[Box<str>],
    client_ids: Option<&[Box<str>]>,
) -> Result<(), ConfigError> {
    if audiences.iter().any(|audience| audience.is_empty()) {
        return Err(ConfigError::new("audience", "an audience is empty"));
    }
    if client_ids.is_some_and(|ids| ids.is_empty() || ids.iter().any(|id| id.is_empty())) {
        return Err(ConfigError::new(
            "client_ids",
            "the list is empty, or one of them is",
        ));
    }
    let rule = profile.audience_rule();
    if rule.needs_audience() && audiences.is_empty() {
        return Err(ConfigError::new(
            "audience",
            "not set: call `.audience(\"https://…\")` with the name under which the issuer knows this service",
        ));
    }
    if rule.needs_client_id() && client_ids.is_none() {
        return Err(ConfigError::new(
            "client_ids",
            format!(
                "not set: under the profile {:?} only listed clients may call, so call `.client_ids([\"…\"])` with the \
                 clients that may call this service",
                profile.name()
            ),
        ));
    }
    Ok(())
}

fn check_algorithms(
    keys: &IssuerKeys,
    algorithms: Option<Vec<Algorithm>>,
) -> Result<AlgorithmSet, ConfigError> {
    let algorithms: AlgorithmSet = algorithms
        .filter(|algorithms| !algorithms.is_empty())
        .ok_or_else(|| {
            ConfigError::new(
                "algorithms",
                "not set: call `.algorithms([Algorithm::ES256])` with the algorithms the issuer signs with",
            )
        })?
        .into_iter()
        .collect();
    let snapshot = keys.snapshot();
    let fixed = snapshot.keys().filter(|_| keys.is_fixed());
    let serves =
        |keys: &KeySet, algorithm| keys.keys().any(|key| key.algorithms().contains(algorithm));
    let unserved = |algorithm: &Algorithm| !fixed.is_some_and(|keys| serves(keys, *algorithm));
    let mut secrets = algorithms
        .iter()
        .filter(|algorithm| algorithm.is_symmetric());
    if let Some(secret) = secrets.find(unserved) {
        return Err(ConfigError::new(
            "algorithms",
            format!(
                "{secret} is for a secret configured with `KeySet::from_secret`, and these keys hold none"
            ),
        ));
    }
    if fixed.is_some_and(|keys| !algorithms.iter().any(|algorithm| serves(keys, algorithm))) {
        return Err(ConfigError::new(
            "algorithms",
            "none of them goes with any of the keys, so no token would be accepted",
        ));
    }
    Ok(algorithms)
}
