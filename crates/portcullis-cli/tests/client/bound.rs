//! Tokens that are bound to a key, and exchanged tokens.

use portcullis_test::{Endpoint, Fault, SigningAlgorithm, TestKey};
use serde_json::json;

use crate::support::{Scene, TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn dpop_key_file_binds_the_token() {
    let scene = Scene::start().await;
    let issued = json!({"access_token": TOKEN, "token_type": "DPoP", "expires_in": 300});
    scene.issuer.fault(Endpoint::Token, Fault::Json(issued));
    for algorithm in [
        SigningAlgorithm::ES256,
        SigningAlgorithm::EdDSA,
        SigningAlgorithm::RS256,
    ] {
        let key = TestKey::shared(algorithm, 0);
        for content in [key.private_pem(), key.private_jwk().to_string()] {
            let path = scene.file("dpop", content);
            let ended = scene.fetch(&["--dpop-key", &path]).await;
            ended.printed(&format!("{TOKEN}\n"));
            let request = scene.last(Endpoint::Token);
            assert!(request.headers.contains_key("dpop"), "{algorithm}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_token_is_rejected_when_dpop_was_requested() {
    let scene = Scene::start().await;
    let path = scene.file(
        "dpop",
        TestKey::shared(SigningAlgorithm::ES256, 0).private_pem(),
    );
    let ended = scene.fetch(&["--dpop-key", &path]).await;
    ended.failed(1, &["type Bearer", "DPoP was requested"]);
    let path = scene.file("no-key", "what is this");
    let ended = scene.fetch(&["--dpop-key", &path]).await;
    ended.failed(1, &["--dpop-key", "no private key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_exchanged() {
    let scene = Scene::start().await;
    let subject = scene.issuer.token().subject("alice").mint();
    let path = scene.file("subject", format!("{subject}\n"));
    let ended = scene
        .fetch(&["--exchange", &path, "--scope", "orders:read"])
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_ne!(ended.stdout.trim(), subject);
    let form = scene.form(Endpoint::Token);
    let of = |name: &str| {
        form.iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| &**value)
    };
    assert_eq!(of("subject_token"), Some(&*subject));
    assert_eq!(
        of("grant_type"),
        Some("urn:ietf:params:oauth:grant-type:token-exchange")
    );

    for (content, said) in [
        ("", "is empty"),
        ("a b", "does not contain exactly one token"),
    ] {
        let path = scene.file("subject", content);
        scene.fetch(&["--exchange", &path]).await.failed(1, &[said]);
    }
    let path = scene.file("subject", "opaque");
    let ended = scene.fetch(&["--exchange", &path]).await;
    ended.failed(1, &["error: invalid_grant"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_excludes_other_credentials() {
    let scene = Scene::start().await;
    let pem = scene.file("pem", "no certificate");
    let secret = scene.path("secret");
    scene
        .fetch_with(&["--cert", &pem])
        .await
        .failed(2, &["--key"]);
    scene
        .fetch_with(&["--key", &pem])
        .await
        .failed(2, &["--cert"]);
    let both = [
        "--cert",
        &pem,
        "--key",
        &pem,
        "--client-secret-file",
        &secret,
    ];
    scene.fetch_with(&both).await.failed(2, &["--cert"]);
    let unusable = ["--cert", &pem, "--key", &pem];
    scene
        .fetch_with(&unusable)
        .await
        .failed(1, &["is not https"]);
    assert_eq!(scene.issuer.requests(Endpoint::Token), 0);
}
