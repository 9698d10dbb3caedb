//! Against npm's oidc-provider, an authorization server that shares no code with us.

use portcullis_tests::OidcProvider;

const ORDERS: &str = "https://orders.example.com";
const ALGORITHMS: [&str; 7] = [
    "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
];

#[tokio::test]
async fn issues_tokens_in_every_algorithm() {
    let provider = OidcProvider::start().await;
    for algorithm in ALGORITHMS {
        let token = provider.machine_token(algorithm, ORDERS).await;
        assert_eq!(token.split('.').count(), 3, "{algorithm}");
    }
    assert_eq!(
        provider
            .machine_token("encrypted", ORDERS)
            .await
            .split('.')
            .count(),
        5
    );
    assert_eq!(
        provider
            .machine_token("opaque", ORDERS)
            .await
            .split('.')
            .count(),
        1
    );
    let personal = provider.personal_tokens().await;
    assert_ne!(personal.access_token, personal.id_token);
}
