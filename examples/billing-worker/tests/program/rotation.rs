//! Rotation of a secret while the worker uses it.

use std::{fs, time::Duration};

use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, TestIssuer, TestIssuerBuilder};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    files::Files,
    worker::{Worker, orders_api},
};

#[tokio::test]
async fn rotation_loses_no_call_at_any_server() {
    let mut rotations = JoinSet::new();
    rotations.spawn(rotate_at("RFC 6749", TestIssuer::builder()));
    for (server, body) in [
        (
            "Keycloak",
            json!({
                "error": "unauthorized_client",
                "error_description": "Invalid client or Invalid client credentials",
            }),
        ),
        (
            "Auth0",
            json!({ "error": "access_denied", "error_description": "Unauthorized" }),
        ),
        (
            "Cloud Foundry UAA",
            json!({ "error": "unauthorized", "error_description": "Bad credentials" }),
        ),
        (
            "Okta",
            json!({
                "errorCode": "invalid_client",
                "errorSummary": "Invalid value for 'client_id' parameter.",
                "errorLink": "invalid_client",
                "errorId": "oaeW0pWkbCbTFuPvOHhTqDIFw",
                "errorCauses": [],
            }),
        ),
    ] {
        rotations.spawn(rotate_at(
            server,
            TestIssuer::builder().client_rejection(body),
        ));
    }
    while let Some(rotation) = rotations.join_next().await {
        rotation.expect("a rotation without lost calls");
    }
}

/// The rotation that the README describes, at a server that accepts one secret at a time.
async fn rotate_at(server: &str, issuer: TestIssuerBuilder) {
    let new_secret = "another-secret";
    let issuer = issuer
        // A token is fetched at each step of the rotation, and none expires in transit on a slow machine.
        .token_lifetime(Duration::from_secs(4))
        .start()
        .await
        .expect("an issuer");
    let (orders, _running) = orders_api(["--issuer", &issuer.url()]).await;

    let files = Files::new(DEFAULT_CLIENT_SECRET);
    let replace = |content: &str| {
        files.write("new", content);
        fs::rename(files.path("new"), files.path("secret")).expect("renamed");
    };
    let more = ["--scope", "orders:read", "--calls", "70"];
    let args = files.options(&orders, &issuer, &more);
    let mut worker = Worker::spawn_at(["--interval", "0.3"], args, "off");
    worker.says("call 10:").await;
    replace(&format!("{DEFAULT_CLIENT_SECRET}\n{new_secret}\n"));
    worker.says("call 25:").await;
    issuer.client_secrets(DEFAULT_CLIENT_ID, [new_secret]);
    worker.says("call 45:").await;
    replace(new_secret);
    let ended = worker.ends().await;
    let printed = &ended.printed;
    assert!(ended.status.success(), "{server}: {printed:#?}");
    let done = printed.last().map(String::as_str);
    assert_eq!(done, Some("done: 70 requests, 0 failed"), "{server}");
}
