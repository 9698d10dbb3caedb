//! Clients that obtain their tokens from the server.

use std::fs;

use portcullis_client::{
    ClientAuthentication, ClientKeys, ClientSecrets, TokenErrorKind, TokenSource,
};
use portcullis_jwt::Algorithm;
use portcullis_test::{SigningAlgorithm, TestKey};
use portcullis_tests::OidcProvider;
use serde_json::json;

use super::{ORDERS, orders_api};
use crate::clients::{Client, SECRET, WRONG, assert_served, server, signing, source, with_keys};

/// An id and a secret that must be form-encoded before Base64 (RFC 6749 §2.3.1). The server accepts only ASCII (RFC 6749
/// appendix A.2).
const ODD: (&str, &str) = ("a:b c", r#"p%ss w/"&=rd:+%20"#);

#[tokio::test]
async fn each_client_authentication_method_works() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let by_secret = [
        Client::secret_basic("secret-basic", SECRET),
        Client::secret_post("secret-post", SECRET),
        Client::secret_basic(ODD.0, ODD.1),
        Client::secret_post(ODD.0, ODD.1),
    ];
    let by_assertion = Algorithm::SYMMETRIC.map(Client::secret_jwt);
    // Clients use the name `EdDSA` only.
    let by_key = SigningAlgorithm::ASYMMETRIC
        .into_iter()
        .filter(|algorithm| *algorithm != SigningAlgorithm::Ed25519)
        .map(Client::private_key_jwt);
    let clients = by_secret.into_iter().chain(by_assertion).chain(by_key);
    for client in clients {
        provider.register(&client.metadata).await;
        assert_served(provider.issuer(), &client.authentication, &service).await;
    }
}

#[tokio::test]
async fn assertion_audience_can_be_the_endpoint() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    for client in [
        Client::secret_jwt(Algorithm::HS256),
        Client::private_key_jwt(SigningAlgorithm::ES256),
    ] {
        provider.register(&client.metadata).await;
        let authentication = client.authentication.dangerous_endpoint_audience();
        assert_served(provider.issuer(), &authentication, &service).await;
    }
}

#[tokio::test]
async fn refused_requests_report_the_servers_error_code() {
    let provider = OidcProvider::start().await;
    let clients = [
        Client::secret_basic("secret-basic", SECRET),
        Client::secret_post("secret-post", SECRET),
        Client::secret_jwt(Algorithm::HS256),
        Client::private_key_jwt(SigningAlgorithm::ES256),
    ];
    for client in &clients {
        provider.register(&client.metadata).await;
    }
    let stranger = signing(&TestKey::shared(SigningAlgorithm::ES256, 1));
    let [basic, post, by_secret, by_key] = clients
        .each_ref()
        .map(|client| client.authentication.client_id());
    for client in [
        ClientAuthentication::secret_basic(basic, WRONG),
        ClientAuthentication::secret_post(post, WRONG),
        ClientAuthentication::secret_jwt(by_secret, WRONG, Algorithm::HS256),
        ClientAuthentication::private_key_jwt(by_key, stranger),
        ClientAuthentication::secret_basic("nobody", SECRET),
        // A method that is not registered for the client.
        ClientAuthentication::secret_basic(by_secret, SECRET),
    ] {
        let source = source(provider.issuer(), &client);
        assert_refused(&source, client.method(), "invalid_client").await;
    }

    let mut reader = Client::secret_basic("reader", SECRET);
    reader.metadata["scope"] = "orders:read".into();
    provider.register(&reader.metadata).await;
    let asking = || TokenSource::builder(&server(provider.issuer()), reader.authentication.clone());
    let beyond = asking().resource(ORDERS).scopes(["orders:write"]);
    let elsewhere = asking().resource("https://nowhere.example.com");
    for (what, source, code) in [
        ("a scope that is not the client's", beyond, "invalid_scope"),
        ("an unknown resource", elsewhere, "invalid_target"),
    ] {
        assert_refused(&source.build().expect("a source"), what, code).await;
    }
}

#[tokio::test]
async fn unknown_scope_grants_nothing() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let client = Client::secret_basic("secret-basic", SECRET);
    provider.register(&client.metadata).await;
    let source = TokenSource::builder(&server(provider.issuer()), client.authentication);
    let source = source.scopes(["orders:burn"]).resource(ORDERS).build();
    let token = source.expect("a source").token().await;
    // The server ignores the scope silently.
    let token = token.expect("a token without scopes");
    let caller = service.get_with_token("/whoami", token.expose()).await;
    assert_eq!(caller.json()["scopes"], json!([]));
    let answer = service.get_with_token("/orders", token.expose()).await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

async fn assert_refused(source: &TokenSource, what: &str, code: &str) {
    let error = source.token().await.expect_err(what);
    assert_eq!(error.kind(), TokenErrorKind::Refused, "{what}: {error}");
    let oauth_error = error.oauth_error().expect("an OAuth error");
    assert_eq!(&*oauth_error.code, code, "{what}: {error}");
}

#[tokio::test]
async fn accepted_credential_of_several_is_used() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let secrets = || ClientSecrets::new([WRONG, SECRET]);
    let keys = [0, 1].map(|index| TestKey::shared(SigningAlgorithm::ES256, index));
    for client in [
        Client::secret_basic("secret-basic", SECRET),
        Client::secret_post("secret-post", SECRET),
        Client::secret_jwt(Algorithm::HS512),
    ] {
        provider.register(&client.metadata).await;
    }
    provider
        .register(&with_keys("private-key-jwt", &[&keys[1]]))
        .await;
    for client in [
        ClientAuthentication::secret_basic("secret-basic", secrets()),
        ClientAuthentication::secret_post("secret-post", secrets()),
        ClientAuthentication::secret_jwt("secret-jwt-HS512", secrets(), Algorithm::HS512),
        ClientAuthentication::private_key_jwt(
            "private-key-jwt",
            ClientKeys::new(keys.each_ref().map(signing)),
        ),
    ] {
        assert_served(provider.issuer(), &client, &service).await;
    }
}

#[tokio::test]
async fn private_key_file_can_be_replaced_at_run_time() {
    let provider = OidcProvider::start().await;
    let [old, new] = [0, 1].map(|index| TestKey::shared(SigningAlgorithm::PS256, index));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("key.json");
    let put = |key: &TestKey| {
        fs::write(&path, key.private_jwk().to_string()).expect("a file in the temporary folder");
    };

    put(&old);
    provider
        .register(&with_keys("rotating", &[&old, &new]))
        .await;
    let client = ClientAuthentication::private_key_jwt("rotating", ClientKeys::jwk_file(&path));
    let source = source(provider.issuer(), &client);
    source.token().await.expect("a token by the old key");

    put(&new);
    source.refresh().await.expect("a token by the new key");
    provider.register(&with_keys("rotating", &[&new])).await;
    source
        .refresh()
        .await
        .expect("another token by the new key");

    put(&old);
    let error = source.refresh().await.expect_err("an unknown key");
    let code = error.oauth_error().map(|error| &*error.code);
    assert_eq!(code, Some("invalid_client"), "{error}");
}

#[tokio::test]
async fn revoked_token_is_inactive() {
    let provider = OidcProvider::start().await;
    let client = ClientAuthentication::secret_basic("machine-opaque", OidcProvider::MACHINE_SECRET);
    let source = source(provider.issuer(), &client);
    let token = source.token().await.expect("a token");
    assert_eq!(provider.introspect(token.expose()).await["active"], true);

    source.revoke().await.expect("a revoked token");
    assert_eq!(provider.introspect(token.expose()).await["active"], false);
    assert!(source.current().is_none());
    source.revoke().await.expect("nothing to revoke");

    let next = source.token().await.expect("another token");
    assert!(!next.ptr_eq(&token));
    assert_eq!(provider.introspect(next.expose()).await["active"], true);
    source.shut_down().await.expect("a revoked token");
    assert_eq!(provider.introspect(next.expose()).await["active"], false);
}
