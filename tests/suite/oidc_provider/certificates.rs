//! Clients that authenticate with a certificate (RFC 8705).

use std::fs;

use portcullis_client::{AccessToken, ClientAuthentication, ClientCertificate};
use portcullis_tests::OidcProvider;
use serde_json::Value;

use super::orders_api;
use crate::clients::certificates::{BILLING, SELF_SIGNED, by_authority, by_itself, certificate};
use crate::clients::{Client, SECRET, assert_served, claims, discover, source, source_at};

fn binding(mut metadata: Value) -> Value {
    metadata["tls_client_certificate_bound_access_tokens"] = true.into();
    metadata
}

#[tokio::test]
async fn client_certificate_authentication_works() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    provider.register(&by_authority("billing")).await;
    provider.register(&by_itself("reports")).await;
    for client in [
        ClientAuthentication::tls_client_auth("billing", certificate(BILLING[0])),
        ClientAuthentication::self_signed_tls_client_auth("reports", certificate(SELF_SIGNED)),
    ] {
        assert_served(provider.issuer(), &client, &service).await;
    }
}

#[tokio::test]
async fn certificate_of_another_client_is_rejected() {
    let provider = OidcProvider::start().await;
    provider.register(&by_authority("billing")).await;
    provider.register(&by_itself("reports")).await;
    let mut elsewhere = by_authority("elsewhere");
    elsewhere["tls_client_auth_san_dns"] = "elsewhere.example".into();
    provider.register(&elsewhere).await;
    for client in [
        ClientAuthentication::tls_client_auth("billing", certificate(SELF_SIGNED)),
        ClientAuthentication::tls_client_auth("elsewhere", certificate(BILLING[0])),
        ClientAuthentication::self_signed_tls_client_auth("reports", certificate(BILLING[0])),
    ] {
        let what = client.client_id();
        let error = source(provider.issuer(), &client).token().await;
        let error = error.expect_err(what);
        let code = error.oauth_error().map(|error| &*error.code);
        assert_eq!(code, Some("invalid_client"), "{what}: {error}");
    }
}

#[tokio::test]
async fn token_is_bound_to_the_current_certificate_file() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("billing.pem");
    let put = |(certificate, key): (&str, &str)| {
        fs::write(&path, format!("{certificate}{key}")).expect("a file in the temporary folder");
    };

    provider.register(&binding(by_authority("billing"))).await;
    let beside = Client::secret_basic("beside", SECRET);
    provider.register(&binding(beside.metadata)).await;
    // The client also sends a secret, so the alias on another origin must be allowed.
    let server = discover(provider.issuer()).allow_origin(provider.tls_origin());
    let server = server.build().expect("a server");
    for client in [
        ClientAuthentication::tls_client_auth("billing", ClientCertificate::files(&path, &path)),
        beside
            .authentication
            .certificate(ClientCertificate::files(&path, &path)),
    ] {
        let what = client.method();
        put(BILLING[0]);
        let source = source_at(&server, &client);
        let first = source.token().await.expect(what);
        put(BILLING[1]);
        let second = source.refresh().await.expect(what);
        assert_ne!(bound_to(&first), bound_to(&second), "{what}");
        for token in [first, second] {
            let answer = service.get_with_token("/orders", token.expose()).await;
            assert_eq!(
                answer.status, 401,
                "{what} without the certificate: {answer:?}"
            );
        }
    }
}

fn bound_to(token: &AccessToken) -> String {
    let thumbprint = &claims(token)["cnf"]["x5t#S256"];
    thumbprint.as_str().expect("a bound token").to_owned()
}
