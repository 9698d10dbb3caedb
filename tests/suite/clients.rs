//! Clients of a real authorization server, one for each authentication method, and checks that apply to all.

pub(crate) mod certificates;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis_client::{
    AccessToken, AuthorizationServer, AuthorizationServerBuilder, ClientAuthentication,
    HttpSettings, TokenError, TokenSource,
};
use portcullis_jwt::Algorithm;
use portcullis_test::{SigningAlgorithm, TestKey};
use portcullis_tests::Service;
use serde_json::{Value, json};

/// The root of the servers' certificate.
const ROOT: &[u8] =
    include_bytes!("../../crates/portcullis-remote/tests/remote/certificates/root.pem");
pub(crate) const ORDERS: &str = "https://orders.example.com";
/// As long as the longest hash, as `client_secret_jwt` requires (RFC 7518 §3.2).
pub(crate) const SECRET: &str = "sixty-four-bytes-of-no-value-outside-of-this-test-suite-12345678";
/// A wrong secret.
pub(crate) const WRONG: &str = "sixty-four-bytes-of-no-value-inside-of-this-test-suite-either---";

/// The metadata of a client for the server (RFC 7591 §2), and its credential.
pub(crate) struct Client {
    pub(crate) metadata: Value,
    pub(crate) authentication: ClientAuthentication,
}

impl Client {
    pub(crate) fn secret_basic(id: &str, secret: &str) -> Self {
        Self {
            metadata: with_secret(id, "client_secret_basic", secret),
            authentication: ClientAuthentication::secret_basic(id, secret),
        }
    }

    pub(crate) fn secret_post(id: &str, secret: &str) -> Self {
        Self {
            metadata: with_secret(id, "client_secret_post", secret),
            authentication: ClientAuthentication::secret_post(id, secret),
        }
    }

    pub(crate) fn secret_jwt(algorithm: Algorithm) -> Self {
        let id = format!("secret-jwt-{algorithm}");
        let mut metadata = with_secret(&id, "client_secret_jwt", SECRET);
        metadata["token_endpoint_auth_signing_alg"] = algorithm.as_str().into();
        Self {
            metadata,
            authentication: ClientAuthentication::secret_jwt(id, SECRET, algorithm),
        }
    }

    pub(crate) fn private_key_jwt(algorithm: SigningAlgorithm) -> Self {
        let id = format!("private-key-jwt-{algorithm}");
        let key = TestKey::shared(algorithm, 0);
        Self {
            metadata: with_keys(&id, &[&key]),
            authentication: ClientAuthentication::private_key_jwt(id, signing(&key)),
        }
    }
}

/// The metadata of a client that signs with these keys.
pub(crate) fn with_keys(id: &str, keys: &[&TestKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    json!({
        "client_id": id,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": keys[0]["alg"],
        "jwks": { "keys": keys },
    })
}

fn with_secret(id: &str, method: &str, secret: &str) -> Value {
    json!({ "client_id": id, "client_secret": secret, "token_endpoint_auth_method": method })
}

/// The key in the client's type.
pub(crate) fn signing(key: &TestKey) -> portcullis_jose::SigningKey {
    let jwk = key.private_jwk().to_string();
    portcullis_jose::SigningKey::from_jwk(jwk.as_bytes(), None).expect("a private JWK")
}

/// A source of tokens with `orders:read`.
pub(crate) fn source(issuer: &str, client: &ClientAuthentication) -> TokenSource {
    source_at(&server(issuer), client)
}

pub(crate) fn source_at(
    server: &AuthorizationServer,
    client: &ClientAuthentication,
) -> TokenSource {
    let builder = TokenSource::builder(server, client.clone());
    builder
        .scopes(["orders:read"])
        .resource(ORDERS)
        .build()
        .expect("a source")
}

pub(crate) fn server(issuer: &str) -> AuthorizationServer {
    discover(issuer).build().expect("a server")
}

pub(crate) fn discover(issuer: &str) -> AuthorizationServerBuilder {
    AuthorizationServer::discover(issuer).http(HttpSettings::default().root_certificates(ROOT))
}

/// Checks that the client obtains two different tokens, and that `orders-api` accepts them for their scope only.
pub(crate) async fn assert_served(issuer: &str, client: &ClientAuthentication, service: &Service) {
    let what = format!("{} by {}", client.client_id(), client.method());
    let source = source(issuer, client);
    let first = obtained(&what, source.token().await);
    // The server would reject a repeated assertion.
    let second = obtained(&what, source.refresh().await);
    assert!(!first.ptr_eq(&second), "{what}: a new token");

    for token in [first, second] {
        assert_eq!(token.scopes().to_string(), "orders:read", "{what}");
        let answer = service.get_with_token("/orders", token.expose()).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        let answer = service.get_with_token("/reports", token.expose()).await;
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
        let caller = service.get_with_token("/whoami", token.expose()).await;
        assert_eq!(caller.json()["client_id"], client.client_id(), "{what}");
    }
}

fn obtained(what: &str, token: Result<AccessToken, TokenError>) -> AccessToken {
    token.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &AccessToken) -> Value {
    let payload = token
        .expose()
        .split('.')
        .nth(1)
        .expect("a token of three parts");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
