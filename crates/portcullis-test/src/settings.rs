//! What an issuer is built with, and the URLs that follow from it.

use std::{net::SocketAddr, time::Duration};

use portcullis_core::clock::SharedClock;
use serde_json::{Value, json};

use crate::{Endpoint, TestKey};

pub(crate) const JWKS: &str = "/jwks";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REVOCATION: &str = "/revoke";

/// Appended to the issuer's path (OpenID Connect Discovery §4).
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";

/// Inserted before the issuer's path (RFC 8414 §3.1).
pub(crate) const OAUTH: &str = "/.well-known/oauth-authorization-server";

pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The audience of a test issuer that was configured with none.
pub const DEFAULT_AUDIENCE: &str = "https://orders.example.com";

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    /// The path of the issuer's URL: empty, or with a leading slash.
    pub(crate) prefix: String,
    pub(crate) clock: SharedClock,
    /// The first is the default; with none, clients may request any.
    pub(crate) audiences: Vec<String>,
    pub(crate) token_lifetime: Duration,
    /// The body of the answer to a client with a wrong credential, unless it is RFC 6749's.
    pub(crate) client_rejection: Option<Value>,
    pub(crate) openid_discovery: bool,
    pub(crate) oauth_discovery: bool,
    /// Whether a connection serves one request only.
    pub(crate) connections_die: bool,
}

impl Settings {
    pub(crate) fn audience(&self) -> &str {
        let first = self.audiences.first();
        first.map_or(DEFAULT_AUDIENCE, String::as_str)
    }

    /// The URL of a path under the issuer's; without one, the issuer identifier (RFC 8414 §2).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{}{path}", self.address, self.prefix)
    }

    pub(crate) fn endpoint(&self, path: &str) -> Endpoint {
        let prefix = self.prefix.as_str();
        if self.oauth_discovery && path.strip_prefix(OAUTH) == Some(prefix) {
            return Endpoint::Discovery;
        }
        match path.strip_prefix(prefix) {
            Some(OPENID) if self.openid_discovery => Endpoint::Discovery,
            Some(JWKS) => Endpoint::Jwks,
            Some(TOKEN) => Endpoint::Token,
            Some(REVOCATION) => Endpoint::Revocation,
            _ => Endpoint::Other,
        }
    }

    /// RFC 8414 §2, and the members of OpenID Connect Discovery §3 that make sense without users.
    pub(crate) fn metadata(&self, signing: &TestKey) -> Value {
        json!({
            "issuer": self.url(""),
            "jwks_uri": self.url(JWKS),
            "token_endpoint": self.url(TOKEN),
            "revocation_endpoint": self.url(REVOCATION),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "grant_types_supported": ["client_credentials", TOKEN_EXCHANGE],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [signing.algorithm().as_str()],
        })
    }
}
