//! What can be chosen about an authorization server.

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, SharedClock, escape_url, system_clock};
use url::{Origin, Url};

use super::{
    AuthorizationServer, Inner, OAuthEndpoint,
    endpoints::{Discovered, Endpoints},
};
use crate::{
    discovery::Discovery,
    http::{HttpClient, HttpSettings, url_rules},
};

/// Configures an [`AuthorizationServer`].
#[derive(Clone)]
#[must_use = "`build` makes the server"]
pub struct AuthorizationServerBuilder {
    /// The issuer that is discovered; `None` where no metadata is read.
    discovered: Option<String>,
    discover_at: Option<String>,
    issuer: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    allowed_origins: Vec<String>,
    http: HttpSettings,
    clock: SharedClock,
}

impl AuthorizationServerBuilder {
    pub(super) fn discover(issuer: String) -> Self {
        Self {
            discovered: Some(issuer),
            ..Self::new()
        }
    }

    pub(super) fn configured(token_endpoint: String) -> Self {
        Self {
            token_endpoint: Some(token_endpoint),
            ..Self::new()
        }
    }

    fn new() -> Self {
        Self {
            discovered: None,
            discover_at: None,
            issuer: None,
            token_endpoint: None,
            revocation_endpoint: None,
            allowed_origins: Vec::new(),
            http: HttpSettings::default(),
            clock: system_clock(),
        }
    }

    /// The server's issuer identifier, where its token endpoint is configured and metadata is not read. Client
    /// assertions are addressed to it. A server that is discovered has its own.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Reads the metadata at this URL, where the issuer cannot be reached at its own. The metadata must still name the
    /// issuer. The well-known paths are added to the URL, unless it has `/.well-known/` in it.
    pub fn discover_at(mut self, url: impl Into<String>) -> Self {
        self.discover_at = Some(url.into());
        self
    }

    /// Where tokens are issued (RFC 6749 §3.2), whatever the metadata says.
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.token_endpoint = Some(url.into());
        self
    }

    /// Where tokens are revoked (RFC 7009), whatever the metadata says.
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.revocation_endpoint = Some(url.into());
        self
    }

    /// Lets endpoints that metadata names be on this origin (scheme, host and port), beside the issuer's own. They are
    /// sent the client's credentials. The address it resolves to must still be of a kind of network that the issuer is in.
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

    /// The server. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When a URL, an origin or a certificate cannot be used, or settings do not go together.
    pub fn build(self) -> Result<AuthorizationServer, ConfigError> {
        let allow_http = self.http.is_http_allowed();
        let configured = |endpoint: OAuthEndpoint, url: &Option<String>| {
            url.as_deref()
                .map(|url| url_rules::configured(endpoint.as_str(), url, allow_http))
                .transpose()
        };
        let token = configured(OAuthEndpoint::Token, &self.token_endpoint)?;
        let revocation = configured(OAuthEndpoint::Revocation, &self.revocation_endpoint)?;
        let discovery = match &self.discovered {
            Some(issuer) => Some(self.discovery(issuer)?),
            None => {
                self.check_undiscovered()?;
                None
            }
        };
        let (place, others) = match (&discovery, &token) {
            (Some(discovery), _) => (
                discovery.url().clone(),
                [&token, &revocation].into_iter().flatten().collect(),
            ),
            (None, Some(token)) => (token.clone(), Vec::new()),
            // The constructors see to it that one is given.
            (None, None) => return Err(ConfigError::new("token_endpoint", "there is none")),
        };
        let http = HttpClient::new(&self.http, &place, &others)?;
        let issuer = self.discovered.as_ref().or(self.issuer.as_ref());
        let issuer = issuer.map(|issuer| Box::from(issuer.as_str()));
        let discovered = match discovery {
            Some(discovery) => {
                let discovered = Discovered::new(discovery, self.origins()?, token.is_none());
                Some(Box::new(discovered))
            }
            None => None,
        };
        Ok(AuthorizationServer(Arc::new(Inner {
            http,
            endpoints: Endpoints {
                issuer,
                token,
                revocation,
                discovered,
            },
            nonces: crate::DpopNonces::default(),
            clock: self.clock,
        })))
    }

    fn discovery(&self, issuer: &str) -> Result<Discovery, ConfigError> {
        if self.issuer.as_ref().is_some_and(|other| other != issuer) {
            return Err(ConfigError::new(
                "issuer",
                "it differs from the issuer that is discovered: remove it, or use `discover_at` or `token_endpoint`",
            ));
        }
        Discovery::new(
            issuer,
            self.discover_at.as_deref(),
            self.http.is_http_allowed(),
        )
    }

    /// Whether the settings go together where no metadata is read.
    fn check_undiscovered(&self) -> Result<(), ConfigError> {
        let unused = |setting, is_set| match is_set {
            true => Err(ConfigError::new(
                setting,
                "it is for metadata, and none is read: leave it out, or use `discover`",
            )),
            false => Ok(()),
        };
        unused("allow_origin", !self.allowed_origins.is_empty())?;
        unused("discover_at", self.discover_at.is_some())?;
        let Some(issuer) = &self.issuer else {
            return Ok(());
        };
        if issuer.trim() != issuer || issuer.is_empty() {
            return Err(ConfigError::new(
                "issuer",
                "it is empty, or begins or ends with white space: give the identifier exactly as the server names itself",
            ));
        }
        url_rules::issuer_name(issuer)
    }

    fn origins(&self) -> Result<Vec<Origin>, ConfigError> {
        let origin = |text: &String| {
            let url = url_rules::configured("allow_origin", text, self.http.is_http_allowed())?;
            if url.path() != "/" || url.query().is_some() {
                return Err(ConfigError::new(
                    "allow_origin",
                    "it has a path or a query: an origin is scheme, host and port",
                ));
            }
            Ok(Url::origin(&url))
        };
        self.allowed_origins.iter().map(origin).collect()
    }
}

/// URLs without what may be secret in them.
impl fmt::Debug for AuthorizationServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(escape_url);
        f.debug_struct("AuthorizationServerBuilder")
            .field("discovered", &shown(&self.discovered))
            .field("discover_at", &shown(&self.discover_at))
            .field("issuer", &shown(&self.issuer))
            .field("token_endpoint", &shown(&self.token_endpoint))
            .field("revocation_endpoint", &shown(&self.revocation_endpoint))
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
