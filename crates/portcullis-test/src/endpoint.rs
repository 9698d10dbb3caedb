//! The endpoints of an issuer.

use std::fmt;

/// An endpoint of the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The metadata, at either well-known path (OpenID Connect Discovery §4, RFC 8414 §3).
    Discovery,
    /// The key set (RFC 7517 §5).
    Jwks,
    /// The token endpoint (RFC 6749 §3.2).
    Token,
    /// The revocation endpoint (RFC 7009 §2).
    Revocation,
    /// Any other path, so that a test can assert that nothing else was requested.
    Other,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::Jwks,
        Self::Token,
        Self::Revocation,
        Self::Other,
    ];
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
