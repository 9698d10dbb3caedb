//! Which tokens of an authorization server the service accepts.

use portcullis_tests::{OidcProvider, Response};
use serde_json::json;

use super::{ALGORITHMS, BILLING, ORDERS, orders_api};

#[tokio::test]
async fn access_tokens_of_every_algorithm_are_accepted() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    for algorithm in ALGORITHMS {
        let token = provider.machine_token(algorithm, ORDERS).await;
        let client = format!("machine-{algorithm}");

        let answer = service.get_with_token("/orders", &token).await;
        assert_eq!(answer.status, 200, "{algorithm}: {answer:?}");
        let principal = service.get_with_token("/whoami", &token).await.json();
        assert_eq!(principal["kind"], "machine", "{algorithm}");
        assert_eq!(principal["subject"], json!(client));
        assert_eq!(principal["client_id"], json!(client));
        assert_eq!(principal["issuer"], json!(provider.issuer()));
        assert_eq!(principal["scopes"], json!(["orders:read", "orders:write"]));
        assert_eq!(
            service.get_with_token("/reports", &token).await.status,
            403,
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn user_access_token_has_kind_user() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let token = provider.user_tokens().await.access_token;
    let principal = service.get_with_token("/whoami", &token).await.json();
    assert_eq!(principal["kind"], "user");
    assert_eq!(principal["subject"], "alice");
    assert_eq!(service.get_with_token("/orders", &token).await.status, 200);
}

#[tokio::test]
async fn tokens_for_other_purposes_are_rejected() {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    let strangers = [
        (
            "an opaque token",
            provider.machine_token("opaque", ORDERS).await,
            1,
        ),
        (
            "an ID token with the service's audience",
            provider.user_tokens().await.id_token,
            3,
        ),
        (
            "a token for another audience",
            provider.machine_token("ES256", BILLING).await,
            3,
        ),
        (
            "an encrypted token",
            provider.machine_token("encrypted", ORDERS).await,
            5,
        ),
    ];
    for (what, token, parts) in strangers {
        assert_eq!(token.split('.').count(), parts, "{what} has {parts} parts");
        let answer = service.get_with_token("/orders", &token).await;
        assert_refused_as_invalid(what, &answer);
        assert!(!answer.text().contains(&token), "{what} is not echoed");
    }
}

#[tokio::test]
async fn tokens_of_another_server_are_rejected() {
    let (ours, other) = tokio::join!(OidcProvider::start(), OidcProvider::start());
    let service = orders_api(&ours).await;
    let token = other.machine_token("ES256", ORDERS).await;
    assert_refused_as_invalid(
        "another issuer's token",
        &service.get_with_token("/orders", &token).await,
    );
    // Also with a `kid` of the accepted server.
    other
        .publish_key("ES256", &ours.signing_kid("ES256").await)
        .await;
    other.sign_with(&ours.signing_kid("ES256").await).await;
    let token = other.machine_token("ES256", ORDERS).await;
    assert_refused_as_invalid(
        "another issuer's token",
        &service.get_with_token("/orders", &token).await,
    );
}

fn assert_refused_as_invalid(what: &str, answer: &Response) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer "), "{what}: {challenge}");
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{what}: {challenge}"
    );
}
