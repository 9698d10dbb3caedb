use std::sync::Arc;

use http::HeaderName;
use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
    scheme::Challenge,
};

use super::{ApiKeys, Inner, Settings, limits::Limits, missing_peppers::MissingPeppers};
use crate::{
    digest::KeyDigest,
    format::KeyPrefix,
    limit::{Limit, Limiter},
    pepper::Peppers,
    store::KeyStore,
};

/// Builds [`ApiKeys`].
#[derive(Debug)]
#[must_use]
pub struct ApiKeysBuilder(Settings);

impl ApiKeys {
    /// The scheme over `store`, with the defaults of [`ApiKeysBuilder`].
    ///
    /// # Panics
    ///
    /// Never: the defaults are valid.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Self::builder(store)
            .build()
            .expect("the defaults are valid")
    }

    /// Builds a scheme over `store`.
    pub fn builder(store: impl KeyStore) -> ApiKeysBuilder {
        ApiKeysBuilder(Settings {
            store: Arc::new(store),
            header: HeaderName::from_static("x-api-key"),
            prefixes: Vec::new(),
            peppers: None,
            accepts_foreign: false,
            limits: Limits::default(),
            clock: system_clock(),
            realm: "api".into(),
        })
    }
}

impl ApiKeysBuilder {
    /// Sets the header of the key; `X-API-Key` by default. The layer removes the header before it calls the service.
    pub fn header(mut self, header: HeaderName) -> Self {
        self.0.header = header;
        self
    }

    /// Accepts only keys with these prefixes, and rejects other keys without a lookup. By default, every prefix is accepted.
    pub fn prefixes(mut self, prefixes: impl IntoIterator<Item = KeyPrefix>) -> Self {
        self.0.prefixes = prefixes.into_iter().collect();
        self
    }

    /// Sets the peppers of the digests in the store; none by default.
    pub fn peppers(mut self, peppers: Peppers) -> Self {
        self.0.peppers = Some(peppers);
        self
    }

    /// Also accepts foreign keys, which were issued in another format and imported by their digest
    /// ([`KeyRecord::foreign`](crate::KeyRecord::foreign)); off by default.
    ///
    /// A text of 8 to 512 visible ASCII characters that is not an [`ApiKey`](crate::ApiKey) is then looked up by the ids of its
    /// plain digest and of its digest under each pepper, so every such text causes as many lookups as there are peppers and one
    /// more. A foreign key whose pepper is missing gets 401, since only its digest leads to its record.
    pub fn accept_foreign_keys(mut self) -> Self {
        self.0.accepts_foreign = true;
        self
    }

    /// Sets what counts requests against limits. By default, with the feature `limit`, a `LocalLimiter`.
    ///
    /// Without that feature and without a limiter, a key whose record has a limit gets 500, and the log says what to do: the limit
    /// cannot be applied, and must not be ignored.
    pub fn limiter(mut self, limiter: impl Limiter) -> Self {
        self.0.limits.limiter = Some(Arc::new(limiter));
        self
    }

    /// Limits each key whose record has no limit of its own; not by default.
    pub fn key_limit(mut self, limit: Limit) -> Self {
        self.0.limits.key_limit = Some(limit);
        self
    }

    /// Limits all keys of an owner together, beside the limits of the keys; not by default.
    pub fn owner_limit(mut self, limit: Limit) -> Self {
        self.0.limits.owner_limit = Some(limit);
        self
    }

    /// Sets the clock; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.0.clock = clock;
        self
    }

    /// Sets the realm named in challenges (RFC 9110 §11.5); `api` by default.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.0.realm = realm.into();
        self
    }

    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// When HTTP defines another meaning for the header, or the realm is not printable ASCII, or limits are set but nothing that
    /// counts.
    pub fn build(self) -> Result<ApiKeys, ConfigError> {
        let mut settings = self.0;
        settings.limits.choose_limiter()?;
        let header = &settings.header;
        if has_another_meaning(header) {
            let problem = format!(
                "`{header}` has another meaning in HTTP, gRPC or proxies: use a header only for keys, such as `x-api-key`"
            );
            return Err(ConfigError::new("header", problem));
        }
        let challenge = Challenge::new("ApiKey", &settings.realm)?
            .header(header)
            .refusal_log_clock(settings.clock.clone());
        Ok(ApiKeys(Arc::new(Inner {
            challenge: Arc::new(challenge),
            dummy_digest: KeyDigest::dummy(settings.peppers.as_ref()),
            missing_peppers: MissingPeppers::default(),
            settings,
        })))
    }
}

/// Whether HTTP or a proxy uses the header for something else, so that the layer must not remove it.
fn has_another_meaning(name: &HeaderName) -> bool {
    const TAKEN: &str = "accept authorization connection content-encoding content-length content-type cookie date dpop expect \
                         forwarded host keep-alive origin proxy-authenticate proxy-authorization proxy-connection referer \
                         set-cookie te trailer transfer-encoding upgrade user-agent www-authenticate";
    let name = name.as_str();
    TAKEN.split(' ').any(|taken| taken == name)
        || ["x-forwarded-", "grpc-", "sec-"]
            .iter()
            .any(|family| name.starts_with(family))
}
