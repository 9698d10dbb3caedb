//! The paths of the endpoints.

use crate::{Endpoint, state::Settings};

pub(crate) const JWKS: &str = "/jwks";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REVOCATION: &str = "/revoke";

/// Appended to the issuer's path (OpenID Connect Discovery §4).
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";

/// Inserted before the issuer's path (RFC 8414 §3.1).
pub(crate) const OAUTH: &str = "/.well-known/oauth-authorization-server";

pub(super) fn endpoint(settings: &Settings, path: &str) -> Endpoint {
    let prefix = settings.prefix.as_str();
    if settings.oauth_discovery && path.strip_prefix(OAUTH) == Some(prefix) {
        return Endpoint::Discovery;
    }
    match path.strip_prefix(prefix) {
        Some(OPENID) if settings.openid_discovery => Endpoint::Discovery,
        Some(JWKS) => Endpoint::Jwks,
        Some(TOKEN) => Endpoint::Token,
        Some(REVOCATION) => Endpoint::Revocation,
        _ => Endpoint::Other,
    }
}
