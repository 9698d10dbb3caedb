//! The credentials of the stacks, tokens and API keys, and the layer that accepts them.

use http::{HeaderMap, HeaderName};
use portcullis_api_key::{ApiKeys, MemoryStore, NewKey};
use portcullis_core::{AuthenticateLayer, Scope, ScopeSet};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys};
use portcullis_test::{Broken, TestIssuer};
use portcullis_tests::apply_token_cache_env;

use super::client::Client;

/// The scope that the guarded routes of every stack require.
pub(super) const READ: Scope = Scope::from_static("orders:read");

pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Valid credentials of a reader with [`READ`], and of a stranger without it.
pub(super) struct Credentials {
    layer: AuthenticateLayer,
    /// Values of `Authorization`.
    pub(super) token: String,
    pub(super) stranger_token: String,
    pub(super) expired_token: String,
    /// Values of `X-API-Key`.
    pub(super) key: String,
    pub(super) stranger_key: String,
}

impl Credentials {
    pub(super) async fn issue() -> Self {
        let issuer = TestIssuer::start().await;
        let jwks = Client::http1()
            .get(&issuer.jwks_uri(), HeaderMap::new())
            .await;
        let keys = KeySet::parse(jwks.body()).expect("a key set");
        let bearer = Bearer::jwt(&IssuerKeys::fixed(&issuer.url(), keys).expect("an issuer"))
            .audience(issuer.audience())
            .algorithms(Algorithm::ASYMMETRIC)
            .realm("orders");
        let bearer = apply_token_cache_env(bearer)
            .build()
            .expect("a complete configuration");

        let store = MemoryStore::new();
        let key = |scopes: &str| {
            let new = NewKey::new("billing").scopes(ScopeSet::parse(scopes));
            let issued = store.create(new).expect("a key");
            issued.key().expose().to_owned()
        };
        let of = |token: String| format!("Bearer {token}");
        Self {
            token: of(issuer.token().scope(READ.as_str()).mint()),
            stranger_token: of(issuer.token().scope("orders:write").mint()),
            expired_token: of(issuer
                .token()
                .scope(READ.as_str())
                .mint_broken(Broken::Expired)),
            key: key(READ.as_str()),
            stranger_key: key("orders:write"),
            layer: AuthenticateLayer::any_of((bearer, ApiKeys::new(store)))
                .expect("two schemes that read different headers"),
        }
    }

    /// Accepts tokens and API keys, and offers them in this order.
    pub(super) fn layer(&self) -> AuthenticateLayer {
        self.layer.clone()
    }
}
