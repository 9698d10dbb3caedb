//! With Debian's glewlwyd, an independent authorization server.

use portcullis_client::{ClientAuthentication, DpopKey, TokenError, TokenErrorKind, TokenSource};
use portcullis_jwt::Algorithm;
use portcullis_test::SigningAlgorithm;
use portcullis_tests::{Glewlwyd, Service};

use crate::clients::certificates::{BILLING, SELF_SIGNED, by_authority, by_itself, certificate};
use crate::clients::{Client, ORDERS, SECRET, WRONG, assert_served, claims, server, source};

/// The root of the server's certificate.
const ROOT_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/portcullis-remote/tests/remote/certificates/root.pem"
);

async fn orders_api(server: &Glewlwyd) -> Service {
    let trusting = [("SSL_CERT_FILE", ROOT_FILE)];
    Service::spawn_with("orders-api", &["--issuer", server.issuer()], &trusting).await
}

#[tokio::test]
async fn each_client_authentication_method_works() {
    let glewlwyd = Glewlwyd::start().await;
    let service = orders_api(&glewlwyd).await;
    let by_secret = [
        Client::secret_basic("secret-basic", SECRET),
        Client::secret_post("secret-post", SECRET),
        // Not by Basic: this server does not decode form-encoded credentials (RFC 6749 §2.3.1).
        Client::secret_post("a:b c", "p%ss w/ö&=rd:+%20"),
    ];
    let by_assertion = Algorithm::SYMMETRIC.map(Client::secret_jwt);
    let by_key = SigningAlgorithm::ASYMMETRIC
        .into_iter()
        .filter(|algorithm| *algorithm != SigningAlgorithm::Ed25519) // as `EdDSA`
        .map(Client::private_key_jwt);
    let clients = by_secret.into_iter().chain(by_assertion).chain(by_key);
    for client in clients {
        glewlwyd.register(&client.metadata).await;
        // The server requires its token endpoint as the audience of assertions.
        let authentication = client.authentication.dangerous_endpoint_audience();
        assert_served(glewlwyd.issuer(), &authentication, &service).await;
    }
}

#[tokio::test]
async fn refused_requests_report_the_servers_error() {
    let glewlwyd = Glewlwyd::start().await;
    let by_secret = Client::secret_basic("secret-basic", SECRET);
    let by_key = Client::private_key_jwt(SigningAlgorithm::ES256);
    for client in [&by_secret, &by_key] {
        glewlwyd.register(&client.metadata).await;
    }
    // The server rejects a client by the status alone.
    let wrong = ClientAuthentication::secret_basic("secret-basic", WRONG);
    for (what, client) in [
        ("a wrong secret", wrong),
        ("an assertion for the issuer", by_key.authentication.clone()),
    ] {
        let error = refused(what, &source(glewlwyd.issuer(), &client)).await;
        assert_eq!(error.kind(), TokenErrorKind::Status(403), "{what}: {error}");
    }
    let addressed = by_key.authentication.dangerous_endpoint_audience();
    let token = source(glewlwyd.issuer(), &addressed).token().await;
    token.expect("a token for an assertion with the right audience");

    let client = &by_secret.authentication;
    let asking = || TokenSource::builder(&server(glewlwyd.issuer()), client.clone());
    let beyond = asking().resource(ORDERS).scopes(["orders:burn"]);
    let elsewhere = asking().resource("https://nowhere.example.com");
    for (what, source, code) in [
        ("an unknown scope", beyond, "scope_invalid"), // not a code of RFC 6749
        (
            "an unknown resource",
            elsewhere.scopes(["orders:read"]),
            "invalid_target",
        ),
    ] {
        let error = refused(what, &source.build().expect("a source")).await;
        assert_eq!(error.kind(), TokenErrorKind::Refused, "{what}: {error}");
        let said = error.oauth_error().map(|error| &*error.code);
        assert_eq!(said, Some(code), "{what}: {error}");
    }
}

async fn refused(what: &str, source: &TokenSource) -> TokenError {
    source.token().await.expect_err(what)
}

#[tokio::test]
async fn revoked_token_is_inactive() {
    let glewlwyd = Glewlwyd::start().await;
    let client = Client::secret_basic("secret-basic", SECRET);
    glewlwyd.register(&client.metadata).await;
    let source = source(glewlwyd.issuer(), &client.authentication);
    let token = source.token().await.expect("a token");
    let is_active = async |token: &str| {
        let known = glewlwyd.introspect("secret-basic", SECRET, token).await;
        known["active"].as_bool().expect("a boolean")
    };
    assert!(is_active(token.expose()).await);

    source.revoke().await.expect("a revoked token");
    assert!(!is_active(token.expose()).await);

    let next = source.token().await.expect("another token");
    assert!(is_active(next.expose()).await);
    source.shut_down().await.expect("a revoked token");
    assert!(!is_active(next.expose()).await);
}

#[tokio::test]
async fn token_is_bound_to_the_client_certificate() {
    let glewlwyd = Glewlwyd::start().await;
    let service = orders_api(&glewlwyd).await;
    glewlwyd.register(&by_authority("billing")).await;
    glewlwyd.register(&by_itself("reports")).await;
    for client in [
        ClientAuthentication::tls_client_auth("billing", certificate(BILLING[0])),
        ClientAuthentication::self_signed_tls_client_auth("reports", certificate(SELF_SIGNED)),
    ] {
        let what = client.method();
        let token = source(glewlwyd.issuer(), &client).token().await;
        let token = token.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(claims(&token)["cnf"]["x5t#S256"].is_string(), "{what}");
        // This server binds every token of a client with a certificate.
        let answer = service.get_with_token("/orders", token.expose()).await;
        assert_eq!(answer.status, 401, "{what} without it: {answer:?}");
    }
    for client in [
        ClientAuthentication::tls_client_auth("billing", certificate(SELF_SIGNED)),
        ClientAuthentication::self_signed_tls_client_auth("reports", certificate(BILLING[0])),
    ] {
        let what = client.method();
        let error = refused(what, &source(glewlwyd.issuer(), &client)).await;
        assert_eq!(error.kind(), TokenErrorKind::Status(403), "{what}: {error}");
    }
}

#[tokio::test]
async fn token_is_bound_to_the_dpop_key() {
    let glewlwyd = Glewlwyd::start().await;
    let service = orders_api(&glewlwyd).await;
    let client = Client::secret_basic("secret-basic", SECRET);
    glewlwyd.register(&client.metadata).await;
    let key = DpopKey::generate().expect("a key");
    let builder = TokenSource::builder(&server(glewlwyd.issuer()), client.authentication);
    let builder = builder.scopes(["orders:read"]).resource(ORDERS);
    let source = builder.dpop(key.clone()).build().expect("a source");
    for token in [source.token().await, source.refresh().await] {
        let token = token.expect("a token");
        let thumbprint = key.thumbprint().to_string();
        assert_eq!(claims(&token)["cnf"]["jkt"], thumbprint);
        let answer = service.get_with_token("/orders", token.expose()).await;
        assert_eq!(answer.status, 401, "without a proof: {answer:?}");
    }
}
