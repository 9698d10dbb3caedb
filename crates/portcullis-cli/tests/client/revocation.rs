//! Revocation of tokens.

use portcullis_test::{Endpoint, Fault};

use crate::support::{CLIENT, SECRET, Scene, TOKEN, run};

#[tokio::test(flavor = "multi_thread")]
async fn revocation_of_known_and_unknown_tokens_succeeds() {
    let scene = Scene::start().await;
    let minted = scene.issuer.token().mint();
    for (input, token) in [
        (format!("{minted}\n"), &*minted),
        (format!("Bearer {minted}"), &minted),
        (format!("  {TOKEN}\r\n"), TOKEN),
    ] {
        scene.revoke(&input, &[]).await.printed("");
        assert!(
            scene
                .last(Endpoint::Revocation)
                .headers
                .contains_key("authorization")
        );
        let form = scene.form(Endpoint::Revocation);
        let expected = [("token", token), ("token_type_hint", "access_token")];
        assert_eq!(
            form,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_202_or_204_confirms_a_revocation() {
    let scene = Scene::start().await;
    for status in [202, 204] {
        let fault = Fault::Answer {
            status,
            content_type: "text/plain",
            body: Vec::new(),
        };
        scene.issuer.fault(Endpoint::Revocation, fault);
        scene.revoke(TOKEN, &[]).await.printed("");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_endpoint_needs_no_metadata() {
    let scene = Scene::start().await;
    let (url, secret) = (scene.issuer.token_endpoint(), scene.path("secret"));
    let revocation = format!("{}/revoke", scene.issuer.url());
    let arguments = [
        &["token", "revoke", "--token-endpoint", &url][..],
        &["--revocation-endpoint", &revocation],
        &["--client-id", CLIENT, "--client-secret-file", &secret],
    ];
    run(&arguments.concat(), TOKEN).await.printed("");
    assert_eq!(scene.issuer.requests(Endpoint::Discovery), 0);
    assert_eq!(scene.issuer.requests(Endpoint::Revocation), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_revocation_is_a_failure() {
    let scene = Scene::start().await;
    let answer = |status, content_type, body: &str| Fault::Answer {
        status,
        content_type,
        body: body.as_bytes().to_vec(),
    };
    for (fault, said) in [
        (Fault::Status(503), "server_error"),
        (
            answer(503, "text/html", "<h1>Sorry</h1>"),
            "/revoke answered 503",
        ),
        (answer(404, "text/plain", ""), "/revoke answered 404"),
        (
            answer(
                400,
                "application/json",
                r#"{"error":"unsupported_token_type"}"#,
            ),
            "does not revoke",
        ),
        (
            answer(401, "application/json", r#"{"error":"invalid_client"}"#),
            "check --client-id",
        ),
        (
            answer(
                200,
                "application/json",
                r#"{"error":"unsupported_token_type"}"#,
            ),
            "does not revoke",
        ),
        (
            Fault::Redirect("https://elsewhere.example".to_owned()),
            "302",
        ),
        (Fault::Down, "/revoke"),
    ] {
        scene.issuer.fault(Endpoint::Revocation, fault);
        let ended = scene.revoke(TOKEN, &[]).await;
        ended.failed(1, &[said, "the token may still be valid"]);
        assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_is_reported_with_its_code() {
    let scene = Scene::start().await;
    scene.file("secret", format!("{SECRET} of another"));
    let ended = scene.revoke(TOKEN, &[]).await;
    ended.failed(1, &["--client-id", "may still be valid"]);
    assert!(
        ended.stderr.starts_with("error: invalid_client ("),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn server_without_revocation_endpoint_is_reported() {
    let scene = Scene::start().await;
    scene.issuer.without_metadata("revocation_endpoint");
    let ended = scene.revoke(TOKEN, &[]).await;
    ended.failed(
        1,
        &["the `revocation_endpoint` of the authorization server"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_token_input_is_not_sent() {
    let scene = Scene::start().await;
    let long = "a".repeat(64 * 1024 + 1);
    for (input, said) in [
        ("", "no token"),
        (" \n", "no token"),
        ("Bearer \n", "no token"),
        ("t0ken-one\nt0ken-two\n", "not a single token"),
        ("t0ken-\u{1b}", "not a single token"),
        (&*long, "more than 65536 bytes"),
    ] {
        let ended = scene.revoke(input, &[]).await;
        assert!(!ended.stderr.contains("t0ken"), "{}", ended.stderr);
        ended.failed(1, &[said]);
    }
    assert_eq!(scene.issuer.requests(Endpoint::Revocation), 0);
}
