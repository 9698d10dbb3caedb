use std::{sync::Arc, time::Duration};

use http::{HeaderName, Uri};
use portcullis_client::{ApiKeySource, HttpSettings, TokenSource};
use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
};
use portcullis_oauth::http::{HttpClient, url_rules};
use tokio::time::Instant;

use super::{
    Bounds, Inner, IntrospectionStore,
    endpoint::{Credential, Endpoint},
};

/// Builds an [`IntrospectionStore`].
#[must_use]
pub struct IntrospectionStoreBuilder {
    url: String,
    credential: Option<Credential>,
    http: HttpSettings,
    bounds: Bounds,
    clock: SharedClock,
}

impl IntrospectionStore {
    /// Checks keys by the introspection endpoint at this URL. It must be https, or http on this machine.
    pub fn builder(url: impl Into<String>) -> IntrospectionStoreBuilder {
        IntrospectionStoreBuilder {
            url: url.into(),
            credential: None,
            http: HttpSettings::default().timeout(Duration::from_secs(2)),
            bounds: Bounds {
                reachable: Duration::from_secs(5),
                unreachable: Duration::from_secs(15 * 60),
            },
            clock: system_clock(),
        }
    }
}

impl IntrospectionStoreBuilder {
    /// Authenticates this service by an API key of its own, in the header `X-API-Key`.
    pub fn api_key(self, key: ApiKeySource) -> Self {
        self.api_key_in(HeaderName::from_static("x-api-key"), key)
    }

    /// As [`api_key`](Self::api_key), in another header.
    pub fn api_key_in(mut self, header: HeaderName, key: ApiKeySource) -> Self {
        self.credential = Some(Credential::ApiKey(header, key));
        self
    }

    /// Authenticates this service by access tokens.
    pub fn token_source(mut self, source: TokenSource) -> Self {
        self.credential = Some(Credential::Tokens(source));
        self
    }

    /// Sets how requests are sent; with a time limit of 2 s by default.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Sets how long a revoked key may be accepted while the endpoint can be reached; 5 s by default.
    pub fn reachable_bound(mut self, bound: Duration) -> Self {
        self.bounds.reachable = bound;
        self
    }

    /// Sets how long a key may be accepted after its last check while the endpoint cannot be reached; 15 min by default.
    pub fn unreachable_bound(mut self, bound: Duration) -> Self {
        self.bounds.unreachable = bound;
        self
    }

    /// Sets the clock; the system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the store.
    ///
    /// # Errors
    ///
    /// Without a credential; when the URL or the settings cannot be used; when a bound is zero, or the unreachable bound is
    /// shorter than the reachable one.
    pub fn build(self) -> Result<IntrospectionStore, ConfigError> {
        let credential = self.credential.ok_or_else(|| {
            let problem =
                "missing: the endpoint must know this service; set `api_key` or `token_source`";
            ConfigError::new("api_key", problem)
        })?;
        if self.bounds.reachable.is_zero() {
            return Err(ConfigError::new("reachable_bound", "must be > 0"));
        }
        if self.bounds.unreachable < self.bounds.reachable {
            let problem = "must be at least as long as `reachable_bound`";
            return Err(ConfigError::new("unreachable_bound", problem));
        }
        let url = url_rules::configured("url", &self.url, self.http.is_http_allowed())?;
        let http = HttpClient::new(&self.http, self.clock.clone(), &url, &[])?;
        let uri = Uri::try_from(url.as_str())
            .map_err(|error| ConfigError::new("url", format!("not a URI ({error}): correct it")))?;
        Ok(IntrospectionStore(Arc::new(Inner {
            endpoint: Endpoint {
                http,
                url,
                uri,
                credential,
            },
            answers: std::sync::Mutex::default(),
            bounds: self.bounds,
            clock: self.clock,
            started: Instant::now(),
        })))
    }
}
