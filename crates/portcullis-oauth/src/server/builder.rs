//! The configuration of an authorization server.

use std::{fmt, sync::Arc};

use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
    log::escape_url,
};
use url::{Origin, Url};

use super::{AuthorizationServer, Inner, endpoints::DiscoveredEndpoints};
use crate::{
    DpopNonces,
    discovery::Discovery,
    http::{HttpClient, HttpSettings, url_rules},
};

const NO_METADATA: &str = "has no effect without metadata: remove it, or use `discover`";

/// Configures an [`AuthorizationServer`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct AuthorizationServerBuilder {
    issuer_to_discover: Option<String>,
    discover_at: Option<String>,
    issuer: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    allowed_origins: Vec<String>,
    http: HttpSettings,
    clock: SharedClock,
}

impl AuthorizationServer {
    /// A server whose metadata names its endpoints (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
    ///
    /// `issuer` must equal the `issuer` in the metadata exactly. An endpoint from metadata receives the client's credentials,
    /// so it must be on the origin of `issuer` or of `discover_at`, or on a
    /// [listed](AuthorizationServerBuilder::allow_origin) one. Any origin may be requested by a client that authenticates by
    /// certificate only, if the form contains no token.
    pub fn discover(issuer: impl Into<String>) -> AuthorizationServerBuilder {
        let mut builder = AuthorizationServerBuilder::new();
        builder.issuer_to_discover = Some(issuer.into());
        builder
    }

    /// A server whose token endpoint is at `url`. No metadata is read.
    pub fn token_endpoint(url: impl Into<String>) -> AuthorizationServerBuilder {
        AuthorizationServerBuilder::new().token_endpoint(url)
    }
}

impl AuthorizationServerBuilder {
    fn new() -> Self {
        Self {
            issuer_to_discover: None,
            discover_at: None,
            issuer: None,
            token_endpoint: None,
            revocation_endpoint: None,
            allowed_origins: Vec::new(),
            http: HttpSettings::default(),
            clock: system_clock(),
        }
    }

    /// The server's issuer identifier, for a server without metadata. It is the audience of client assertions.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Reads the metadata at this URL, for an issuer that cannot be reached at its own. The metadata must still name the
    /// issuer. A URL with `/.well-known/` in its path is used as is. To any other, the well-known paths are added.
    pub fn discover_at(mut self, url: impl Into<String>) -> Self {
        self.discover_at = Some(url.into());
        self
    }

    /// The token endpoint (RFC 6749 §3.2). Overrides the metadata.
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.token_endpoint = Some(url.into());
        self
    }

    /// The revocation endpoint (RFC 7009). Overrides the metadata.
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.revocation_endpoint = Some(url.into());
        self
    }

    /// Allows endpoints from metadata on this origin (scheme, host and port), in addition to the origins of the issuer and of
    /// `discover_at`. Such endpoints receive the client's credentials. A private address is allowed only if the issuer's
    /// address is private too.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Timeout, trusted root certificates and proxies of the requests.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// The clock. The system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Creates the server, without sending a request.
    ///
    /// # Errors
    ///
    /// When a URL, an origin or a certificate cannot be used, or settings conflict.
    pub fn build(self) -> Result<AuthorizationServer, ConfigError> {
        let allow_http = self.http.is_http_allowed();
        let configured = |setting, url: &Option<String>| {
            let url = url.as_deref();
            url.map(|url| url_rules::configured(setting, url, allow_http))
                .transpose()
        };
        let token_endpoint = configured("token_endpoint", &self.token_endpoint)?;
        let revocation_endpoint = configured("revocation_endpoint", &self.revocation_endpoint)?;
        self.check_issuer()?;
        let others: Vec<&Url> = token_endpoint.iter().chain(&revocation_endpoint).collect();
        let client = |url: &Url| HttpClient::new(&self.http, self.clock.clone(), url, &others);
        let discover_at = self.discover_at.as_deref();
        let discover = |issuer: &String| Discovery::new(issuer, discover_at, allow_http, client);
        let discovery = self.issuer_to_discover.as_ref().map(discover).transpose()?;
        let http = match (&discovery, &token_endpoint) {
            (Some(discovery), _) => discovery.http.clone(),
            (None, Some(endpoint)) => client(endpoint)?,
            // `discover` sets the issuer, and `token_endpoint` the endpoint.
            (None, None) => return Err(ConfigError::new("token_endpoint", "missing")),
        };
        let origins = self.allowed_origins.iter().map(|text| {
            url_rules::configured_origin("allow_origin", text, allow_http).map(|url| url.origin())
        });
        let origins: Vec<Origin> = origins.collect::<Result<_, _>>()?;
        let discovered = discovery.map(|discovery| {
            DiscoveredEndpoints::new(discovery, origins, token_endpoint.is_none())
        });
        Ok(AuthorizationServer(Arc::new(Inner {
            http,
            issuer: self.issuer_to_discover.or(self.issuer),
            token_endpoint,
            revocation_endpoint,
            discovered,
            nonces: DpopNonces::default(),
        })))
    }

    fn check_issuer(&self) -> Result<(), ConfigError> {
        let error = |setting, problem: &'static str| Err(ConfigError::new(setting, problem));
        match (&self.issuer_to_discover, self.issuer.as_deref()) {
            (Some(discovered), Some(issuer)) if discovered != issuer => error(
                "issuer",
                "differs from the discovered issuer: remove it, or use `discover_at` or `token_endpoint`",
            ),
            (Some(_), _) => Ok(()),
            (None, _) if !self.allowed_origins.is_empty() => error("allow_origin", NO_METADATA),
            (None, _) if self.discover_at.is_some() => error("discover_at", NO_METADATA),
            (None, Some(issuer)) if issuer.trim() != issuer || issuer.is_empty() => error(
                "issuer",
                "must not be empty, nor begin or end with white space",
            ),
            (None, Some(issuer)) => url_rules::issuer_name(issuer),
            (None, None) => Ok(()),
        }
    }
}

/// Shows URLs without user names, passwords and queries.
impl fmt::Debug for AuthorizationServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(escape_url);
        f.debug_struct("AuthorizationServerBuilder")
            .field("issuer_to_discover", &shown(&self.issuer_to_discover))
            .field("token_endpoint", &shown(&self.token_endpoint))
            .finish_non_exhaustive()
    }
}
