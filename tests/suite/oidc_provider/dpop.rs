//! Clients whose tokens are bound to a key (RFC 9449).

use portcullis_client::{DpopKey, TokenSource};
use portcullis_jwt::Algorithm;
use portcullis_test::{SigningAlgorithm, TestKey};
use portcullis_tests::OidcProvider;

use super::{ORDERS, orders_api};
use crate::clients::{Client, SECRET, claims, server, signing};

#[tokio::test]
async fn token_is_bound_to_the_dpop_key() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let keys = [
        DpopKey::generate(),
        DpopKey::new(signing(&TestKey::shared(SigningAlgorithm::EdDSA, 0))),
    ];
    for client in [
        Client::secret_basic("secret-basic", SECRET),
        Client::secret_jwt(Algorithm::HS256),
        Client::private_key_jwt(SigningAlgorithm::ES256),
    ] {
        provider.register(&client.metadata).await;
        for key in keys.clone() {
            let key = key.expect("a key");
            let what = format!("{} and {}", client.authentication.method(), key.algorithm());
            // The server requires a nonce, which is not known yet.
            let builder =
                TokenSource::builder(&server(provider.issuer()), client.authentication.clone());
            let builder = builder.scopes(["orders:read"]).resource(ORDERS);
            let source = builder.dpop(key.clone()).build().expect("a source");
            for token in [source.token().await, source.refresh().await] {
                let token = token.unwrap_or_else(|error| panic!("{what}: {error}"));
                let thumbprint = key.thumbprint().to_string();
                assert_eq!(claims(&token)["cnf"]["jkt"], thumbprint, "{what}");
                let answer = service.get_with_token("/orders", token.expose()).await;
                assert_eq!(answer.status, 401, "{what} without a proof: {answer:?}");
            }
        }
    }
}
