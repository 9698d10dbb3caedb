//! The token endpoint of an issuer without faults, and the secrets of its clients.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis_test::{
    DEFAULT_AUDIENCE, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, TestIssuer,
};
use serde_json::{Value, json};
use support::{get, post_form, verified};

#[tokio::test]
async fn client_credentials_by_basic_and_by_post() {
    let issuer = TestIssuer::start().await;
    let endpoint = issuer.token_endpoint();
    let basic = STANDARD.encode(format!("{DEFAULT_CLIENT_ID}:{DEFAULT_CLIENT_SECRET}"));
    let reply = post_form(
        &endpoint,
        Some(&basic),
        "grant_type=client_credentials&scope=a+b",
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.json()["token_type"], "Bearer");
    assert_eq!(reply.json()["expires_in"], 300);
    let claims = verified(&issuer, reply.json()["access_token"].as_str().unwrap()).await;
    assert_eq!(claims["scope"], "a b");

    let form = format!(
        "grant_type=client_credentials&client_id={DEFAULT_CLIENT_ID}&client_secret={DEFAULT_CLIENT_SECRET}"
    );
    let reply = post_form(&endpoint, None, &form).await;
    let claims = verified(&issuer, reply.json()["access_token"].as_str().unwrap()).await;
    assert_eq!(claims.get("scope"), None);
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn clients_get_their_scopes_and_the_requested_audience() {
    let issuer = TestIssuer::builder()
        .client("demo", "s3cr3t", ["orders:read", "orders:write"])
        .client("idle", "other", [] as [&str; 0])
        .audience("https://one.example.com")
        .audience("https://two.example.com")
        .start()
        .await
        .unwrap();
    let request = async |id_and_secret: &str, more: &str| {
        let basic = STANDARD.encode(id_and_secret);
        let form = format!("grant_type=client_credentials{more}");
        post_form(&issuer.token_endpoint(), Some(&basic), &form).await
    };
    assert_eq!(
        request("demo:s3cr3t", "").await.json()["scope"],
        "orders:read orders:write"
    );
    assert_eq!(request("idle:other", "").await.json().get("scope"), None);
    for (more, audience) in [
        ("", json!("https://one.example.com")),
        (
            "&resource=https://two.example.com",
            json!("https://two.example.com"),
        ),
        (
            "&audience=https://two.example.com",
            json!("https://two.example.com"),
        ),
        (
            "&resource=https://two.example.com&resource=https://one.example.com",
            json!(["https://two.example.com", "https://one.example.com"]),
        ),
    ] {
        let token = request("demo:s3cr3t", more).await.json()["access_token"].clone();
        assert_eq!(payload(token.as_str().unwrap())["aud"], audience, "{more}");
    }
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn token_endpoint_errors_follow_rfc_6749() {
    let issuer = TestIssuer::builder()
        .client("demo", "s3cr3t", ["orders:read"])
        .audience(DEFAULT_AUDIENCE)
        .start()
        .await
        .unwrap();
    let good = STANDARD.encode("demo:s3cr3t");
    let wrong = STANDARD.encode("demo:guess");
    let grant = "grant_type=client_credentials";
    for (basic, form, status, error) in [
        (Some(&good), "", 400, "invalid_request"),
        (
            Some(&good),
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (
            Some(&good),
            &format!("{grant}&scope=orders:admin"),
            400,
            "invalid_scope",
        ),
        (
            Some(&good),
            &format!("{grant}&scope=a&scope=b"),
            400,
            "invalid_request",
        ),
        (
            Some(&good),
            &format!("{grant}&resource=https://x.example%23f"),
            400,
            "invalid_target",
        ),
        (
            Some(&good),
            &format!("{grant}&resource=https://x.example"),
            400,
            "invalid_target",
        ),
        (
            Some(&good),
            &format!("{grant}&client_id=demo&client_secret=s3cr3t"),
            400,
            "invalid_request",
        ),
        (Some(&wrong), grant, 401, "invalid_client"),
        (None, grant, 401, "invalid_client"),
        (
            None,
            &format!("{grant}&client_id=demo&client_secret=guess"),
            401,
            "invalid_client",
        ),
    ] {
        let reply = post_form(&issuer.token_endpoint(), basic.map(String::as_str), form).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (status, &json!(error)),
            "{form}"
        );
        assert_eq!(
            reply.header("www-authenticate").is_some(),
            status == 401,
            "{form}"
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let reply = get(&issuer.token_endpoint()).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), reply.header("allow")),
        (405, Some("POST"))
    );
}

#[tokio::test]
async fn client_secret_can_be_rotated() {
    let issuer = TestIssuer::builder()
        .client("demo", "old", ["orders:read"])
        .client("other", "old", ["orders:read"])
        .start()
        .await
        .unwrap();
    let accepts = async |id_and_secret: &str| {
        let basic = STANDARD.encode(id_and_secret);
        let (token, grant) = (issuer.token_endpoint(), "grant_type=client_credentials");
        let issued = post_form(&token, Some(&basic), grant).await.status;
        let revocation = format!("{}/revoke", issuer.url());
        let revoked = post_form(&revocation, Some(&basic), "token=t").await.status;
        assert_eq!(issued, revoked, "{id_and_secret}");
        issued == 200
    };
    let each = async || {
        [
            accepts("demo:old").await,
            accepts("demo:new").await,
            accepts("other:old").await,
            accepts("other:new").await,
        ]
    };
    assert_eq!(each().await, [true, false, true, false]);
    issuer.client_secrets("demo", ["old", "new"]);
    assert_eq!(each().await, [true, true, true, false]);
    issuer.client_secrets("demo", ["new"]);
    assert_eq!(each().await, [false, true, true, false]);
    issuer.client_secrets("demo", [] as [&str; 0]);
    assert_eq!(each().await, [false, false, true, false]);
}

#[tokio::test]
async fn body_of_a_client_rejection_can_be_set() {
    let issuer = TestIssuer::builder()
        .client_rejection(json!({ "errorCode": "invalid_client" }))
        .start()
        .await
        .unwrap();
    let token = issuer.token_endpoint();
    let basic = STANDARD.encode("test-client:wrong");
    let reply = post_form(&token, Some(&basic), "grant_type=client_credentials").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.json(), json!({ "errorCode": "invalid_client" }));
    // Other errors stay those of RFC 6749.
    let basic = STANDARD.encode("test-client:test-secret");
    let reply = post_form(&token, Some(&basic), "grant_type=password").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
}

#[tokio::test]
#[should_panic(expected = "no client \"nobody\"")]
async fn secrets_of_an_unknown_client_panic() {
    TestIssuer::start().await.client_secrets("nobody", ["s"]);
}
