//! What can be chosen about an authorization server.

use std::{sync::Arc, time::Duration};

use portcullis_core::{ConfigError, SharedClock, system_clock};
use url::{Origin, Url};

use super::{
    AuthorizationServer, Inner, OAuthEndpoint,
    endpoints::{Discovered, Endpoints},
};
use crate::{
    discovery::Discovery,
    http::{HttpClient, HttpSettings, location},
};

/// Configures an [`AuthorizationServer`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the server"]
pub struct AuthorizationServerBuilder {
    place: Place,
    revocation_endpoint: Option<String>,
    allowed_origins: Vec<String>,
    http: HttpSettings,
    clock: SharedClock,
}

#[derive(Clone, Debug)]
enum Place {
    Discover {
        issuer: String,
        /// Given as well, which says the same or is a mistake.
        other: Option<String>,
    },
    TokenEndpoint {
        url: String,
        issuer: Option<String>,
    },
}

impl AuthorizationServerBuilder {
    pub(super) fn discover(issuer: String) -> Self {
        Self::new(Place::Discover {
            issuer,
            other: None,
        })
    }

    pub(super) fn token_endpoint(url: String) -> Self {
        Self::new(Place::TokenEndpoint { url, issuer: None })
    }

    fn new(place: Place) -> Self {
        Self {
            place,
            revocation_endpoint: None,
            allowed_origins: Vec::new(),
            http: HttpSettings::default(),
            clock: system_clock(),
        }
    }

    /// The server's issuer identifier, where its token endpoint is configured and metadata is not read. Client
    /// assertions are addressed to it. A server that is discovered has its own.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        match &mut self.place {
            Place::Discover { other, .. } => *other = Some(issuer.into()),
            Place::TokenEndpoint { issuer: own, .. } => *own = Some(issuer.into()),
        }
        self
    }

    /// Where tokens are revoked (RFC 7009), where the token endpoint is configured and metadata is not read.
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

    /// How long one request to the server may take, body included. 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.http.timeout = timeout;
        self
    }

    /// Trusts these root certificates, in PEM, beside those of the system.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.root_certificates.push(pem.into());
        self
    }

    /// Asks the server through the proxies that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    pub fn use_environment_proxies(mut self) -> Self {
        self.http.environment_proxies = true;
        self
    }

    /// Allows plain http to any host. Whoever is on the way can then read the client's credentials and its tokens.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.http.any_http = true;
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
        let any_http = self.http.any_http;
        let (url, endpoints) = match &self.place {
            Place::Discover { issuer, other } => {
                if other.as_ref().is_some_and(|other| other != issuer) {
                    return Err(ConfigError::new(
                        "issuer",
                        "the server is discovered by another: leave it out, or use `token_endpoint`",
                    ));
                }
                if self.revocation_endpoint.is_some() {
                    return Err(ConfigError::new(
                        "revocation_endpoint",
                        "the server is discovered, so its metadata says where that is: leave it out, or use `token_endpoint`",
                    ));
                }
                let url = location::issuer(issuer, any_http)?;
                let discovery = Discovery::new(issuer, url.clone(), any_http);
                let discovered = Discovered::new(discovery, self.origins()?);
                (url, Endpoints::Discovered(Box::new(discovered)))
            }
            Place::TokenEndpoint { url, issuer } => {
                if !self.allowed_origins.is_empty() {
                    return Err(ConfigError::new(
                        "allow_origin",
                        "it is for endpoints that metadata names, and none is read: leave it out",
                    ));
                }
                let configured = |endpoint: OAuthEndpoint, text: &str| {
                    location::configured(endpoint.as_str(), text, any_http)
                };
                let token = configured(OAuthEndpoint::Token, url)?;
                let revocation = self
                    .revocation_endpoint
                    .as_deref()
                    .map(|url| configured(OAuthEndpoint::Revocation, url))
                    .transpose()?;
                if issuer
                    .as_deref()
                    .is_some_and(|issuer| issuer.trim() != issuer || issuer.is_empty())
                {
                    return Err(ConfigError::new(
                        "issuer",
                        "it is empty, or begins or ends with white space: give the identifier exactly as the server names itself",
                    ));
                }
                let issuer = issuer.as_deref().map(Box::from);
                let endpoints = Endpoints::Configured {
                    issuer,
                    token: token.clone(),
                    revocation,
                };
                (token, endpoints)
            }
        };
        Ok(AuthorizationServer(Arc::new(Inner {
            http: HttpClient::new(&self.http, &url)?,
            endpoints,
            nonces: crate::DpopNonces::default(),
            clock: self.clock,
        })))
    }

    fn origins(&self) -> Result<Vec<Origin>, ConfigError> {
        let origin = |text: &String| {
            let url = location::configured("allow_origin", text, self.http.any_http)?;
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
