//! The endpoints that a server's metadata names.

use serde::Deserialize;
use serde_json::Value;
use url::{Origin, Url};

use super::OAuthEndpoint;
use crate::{
    FetchError, FetchErrorKind,
    client_auth::MutualTls,
    discovery::Discovery,
    http::{HttpClient, display_url},
};

/// The members of metadata about endpoints (RFC 8414 §2).
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) token_endpoint: Option<Value>,
    revocation_endpoint: Option<Value>,
    mtls_endpoint_aliases: Option<Value>,
}

/// The endpoints in metadata, as far as they can be used.
#[derive(Clone, Debug)]
pub(super) struct MetadataEndpoints {
    usual: ByEndpoint,
    /// For clients with a certificate (`mtls_endpoint_aliases`, RFC 8705 §5).
    aliases: ByEndpoint,
}

type ByEndpoint = [Option<Result<FoundEndpoint, FetchError>>; OAuthEndpoint::ALL.len()];

#[derive(Clone, Debug)]
struct FoundEndpoint {
    url: Url,
    /// Whether its origin is the issuer's or a listed one, so that it may receive a secret.
    is_trusted: bool,
}

impl MetadataEndpoints {
    pub(super) fn new(
        metadata: &Metadata,
        discovery: &Discovery,
        allowed: &[Origin],
        http: &HttpClient,
    ) -> Self {
        let find = |endpoint: OAuthEndpoint, url: Option<&Value>| {
            let url = discovery.check(http, endpoint.as_str(), url?.as_str()?);
            Some(url.map(|url| FoundEndpoint {
                is_trusted: discovery.is_own(&url) || allowed.contains(&url.origin()),
                url,
            }))
        };
        let aliases = metadata.mtls_endpoint_aliases.as_ref();
        Self {
            usual: OAuthEndpoint::ALL.map(|endpoint| {
                let url = match endpoint {
                    OAuthEndpoint::Token => &metadata.token_endpoint,
                    OAuthEndpoint::Revocation => &metadata.revocation_endpoint,
                };
                find(endpoint, url.as_ref())
            }),
            aliases: OAuthEndpoint::ALL
                .map(|endpoint| find(endpoint, aliases?.get(endpoint.as_str()))),
        }
    }

    pub(super) fn has(&self, endpoint: OAuthEndpoint) -> bool {
        self.usual[endpoint as usize].is_some()
    }

    /// Whether every URL can be used. Others are read again soon.
    pub(super) fn are_usable(&self) -> bool {
        let all = self.usual.iter().chain(&self.aliases);
        all.flatten().all(Result::is_ok)
    }

    /// Takes what is missing here from `other`.
    pub(super) fn fill_from(&mut self, other: Self) {
        let missing = self.usual.iter_mut().chain(&mut self.aliases);
        for (missing, found) in missing.zip(other.usual.into_iter().chain(other.aliases)) {
            *missing = missing.take().or(found);
        }
    }

    /// The URL of an endpoint. A client with a certificate uses the alias if there is one.
    pub(super) fn url(&self, endpoint: OAuthEndpoint, tls: MutualTls) -> Result<Url, FetchError> {
        let alias = match tls {
            MutualTls::No => None,
            MutualTls::Additional | MutualTls::Only => self.aliases[endpoint as usize].as_ref(),
        };
        let Some(found) = alias.or(self.usual[endpoint as usize].as_ref()) else {
            return Err(no_endpoint(endpoint));
        };
        let found = found.clone()?;
        // The server cannot use a certificate itself, unlike a secret or a token.
        if found.is_trusted || tls == MutualTls::Only {
            return Ok(found.url);
        }
        let message = format!(
            "the discovered `{}` {} is neither on the origin of the issuer nor of `discover_at`, and would receive the client's credentials: if this is intended, list its origin with `allow_origin`",
            endpoint.as_str(),
            display_url(&found.url)
        );
        Err(FetchError::new(FetchErrorKind::Forbidden, message))
    }
}

pub(super) fn no_endpoint(endpoint: OAuthEndpoint) -> FetchError {
    let name = endpoint.as_str();
    let message = format!(
        "the authorization server has no `{name}`: neither its metadata nor the configuration names one"
    );
    FetchError::new(FetchErrorKind::NoEndpoint, message)
}
