//! `--profile`, `--profile-file` and `--client-id`.

use std::path::Path;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use clap::Parser;
use orders_api::Args;
use portcullis_test::TestIssuer;
use serde_json::{Value, json};
use tower::ServiceExt;

const AUDIENCE: &str = "https://orders.example.com";
const LEMONLDAP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/guide/profiles/lemonldap-ng.toml"
);

/// Starts a service with these arguments. Returns its `/whoami` for `token`.
async fn whoami(issuer: &TestIssuer, arguments: &[&str], token: &str) -> (StatusCode, Value) {
    let url = issuer.url();
    let arguments = [&["orders-api", "--issuer", &url], arguments].concat();
    let args = Args::try_parse_from(arguments).expect("arguments");
    let router = orders_api::router(&args).await.expect("a service");
    let request = Request::get("/whoami")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .expect("a request");
    let response = router.oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// The error of a service that does not start with these arguments.
async fn error(arguments: &[&str]) -> String {
    // No issuer listens there: the mistake is found before any request.
    let issuer = ["orders-api", "--issuer", "http://127.0.0.1:1"];
    let args = Args::try_parse_from([&issuer, arguments].concat()).expect("arguments");
    let error = orders_api::router(&args).await.expect_err("a mistake");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_file_is_applied_to_tokens() {
    let issuer = TestIssuer::start().await;
    let token = |sub: &str| {
        issuer
            .token()
            .audience(AUDIENCE)
            .typ("JWT")
            .client_id("billing")
            .subject(sub)
            .scope("orders:read")
    };
    let machine = token("billing").mint();
    assert_eq!(
        whoami(&issuer, &[], &machine).await.0,
        StatusCode::UNAUTHORIZED
    );
    let flag = ["--profile-file", LEMONLDAP];
    let (status, caller) = whoami(&issuer, &flag, &machine).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(caller["kind"], "machine");
    assert_eq!(caller["scopes"], json!(["orders:read"]));
    let (_, caller) = whoami(&issuer, &flag, &token("jane").mint()).await;
    assert_eq!(caller["kind"], "user");
    let id_token = token("jane").claim("azp", "billing").mint();
    assert_eq!(
        whoami(&issuer, &flag, &id_token).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_with_client_ids_rejects_other_clients() {
    let issuer = TestIssuer::start().await;
    let token = issuer
        .token()
        .without_claim("aud")
        .typ("JWT")
        .claim("token_use", "access")
        .client_id("billing")
        .mint();
    let cognito = |client| ["--profile", "cognito", "--client-id", client];
    assert_eq!(
        whoami(&issuer, &cognito("billing"), &token).await.0,
        StatusCode::OK
    );
    assert_eq!(
        whoami(&issuer, &cognito("other"), &token).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_profile_options_are_reported() {
    assert!(
        error(&["--profile", "cognito"])
            .await
            .contains("give --client-id")
    );
    let missing = error(&["--profile-file", "/nowhere/profile.toml"]).await;
    assert!(missing.contains("/nowhere/profile.toml"), "{missing}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.toml");
    std::fs::write(&path, "name = \"own\"\nbase = \"okta\"\nissuer = \"x\"\n").expect("written");
    let shown = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let elsewhere = error(&["--profile-file", &shown(&path)]).await;
    assert!(
        elsewhere.contains("own.toml: line 3: `issuer` is not part of a profile"),
        "{elsewhere}"
    );
}
