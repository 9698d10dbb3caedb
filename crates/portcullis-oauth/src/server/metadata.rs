//! The endpoints that a server's metadata names.

use serde::Deserialize;
use serde_json::Value;

use super::OAuthEndpoint;
use crate::client_auth::MutualTls;

/// The members of metadata about endpoints (RFC 8414 §2).
#[derive(Deserialize)]
pub(super) struct Metadata {
    token_endpoint: Option<Value>,
    revocation_endpoint: Option<Value>,
    /// For clients with a certificate (RFC 8705 §5).
    mtls_endpoint_aliases: Option<Value>,
}

impl Metadata {
    /// The URL of an endpoint. A client with a certificate uses the alias if there is one.
    pub(super) fn url(&self, endpoint: OAuthEndpoint, tls: MutualTls) -> Option<&str> {
        let aliases = self.mtls_endpoint_aliases.as_ref();
        let alias = aliases
            .filter(|_| tls != MutualTls::No)
            .and_then(|aliases| aliases.get(endpoint.as_str())?.as_str());
        let usual = match endpoint {
            OAuthEndpoint::Token => &self.token_endpoint,
            OAuthEndpoint::Revocation => &self.revocation_endpoint,
        };
        alias.or_else(|| usual.as_ref()?.as_str())
    }
}
