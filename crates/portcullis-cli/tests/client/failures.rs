//! Errors of the server, and servers that do not answer.

use std::time::Duration;

use portcullis_test::{Endpoint, Fault};
use serde_json::json;

use crate::support::{SECRET, Scene, TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_is_reported_with_its_code() {
    let scene = Scene::start().await;
    scene.file("secret", format!("{SECRET} of another"));
    let ended = scene.fetch(&[]).await;
    ended.failed(1, &["--client-id", "--auth"]);
    let first = ended.stderr.lines().next();
    assert_eq!(
        first,
        Some("error: invalid_client (wrong client or secret)")
    );
}

/// A 401 concerns the client's credential, whatever the error code.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_is_recognised_at_any_server() {
    for (body, first) in [
        (
            json!({"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials"}),
            "unauthorized_client (Invalid client or Invalid client credentials)",
        ),
        (
            json!({"error": "access_denied", "error_description": "Unauthorized"}),
            "access_denied (Unauthorized)",
        ),
        (
            json!({"error": "unauthorized", "error_description": "Bad credentials"}),
            "unauthorized (Bad credentials)",
        ),
        (
            json!({"errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter."}),
            "invalid_client (Invalid value for 'client_id' parameter.)",
        ),
    ] {
        let scene = Scene::start().await;
        let fault = Fault::Answer {
            status: 401,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
        };
        for endpoint in [Endpoint::Token, Endpoint::Revocation] {
            scene.issuer.fault(endpoint, fault.clone());
        }
        for ended in [scene.fetch(&[]).await, scene.revoke(TOKEN, &[]).await] {
            ended.failed(1, &["check --client-id, the secret"]);
            let error = ended.stderr.lines().next();
            assert_eq!(error, Some(&*format!("error: {first}")));
            assert!(!ended.stderr.contains("grant"), "{}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_request_is_reported_with_its_code() {
    let scene = Scene::start().await;
    for (options, code, advice) in [
        (["--scope", "orders:admin"], "invalid_scope", "--scope"),
        (
            ["--resource", "https://other.example.com"],
            "invalid_target",
            "--resource",
        ),
        (["--audience", "another"], "invalid_target", "--audience"),
    ] {
        let ended = scene.fetch(&options).await;
        ended.failed(1, &[advice]);
        assert!(
            ended.stderr.starts_with(&format!("error: {code} (")),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usual_codes_come_with_advice() {
    let scene = Scene::start().await;
    for (code, advice) in [
        ("invalid_client", "check --client-id"),
        (
            "invalid_scope",
            "check --scope: scopes are separated by spaces",
        ),
        ("invalid_target", "check --resource"),
        ("unauthorized_client", "client_credentials"),
        ("unsupported_grant_type", "token endpoint"),
    ] {
        // Some servers answer errors with 200.
        scene
            .issuer
            .fault(Endpoint::Token, Fault::Json(json!({"error": code})));
        let ended = scene.fetch(&["--scope", "orders:read"]).await;
        ended.failed(1, &[advice]);
        assert!(
            ended.stderr.starts_with(&format!("error: {code}\n")),
            "{}",
            ended.stderr
        );
    }
    // No scope was sent.
    let body = json!({"error": "invalid_scope"});
    scene.issuer.fault(Endpoint::Token, Fault::Json(body));
    let ended = scene.fetch(&[]).await;
    assert_eq!(ended.stderr, "error: invalid_scope\n");

    // A configured endpoint may be the wrong one.
    let fault = Fault::Answer {
        status: 404,
        content_type: "application/json",
        body: json!({"error": "not_found"}).to_string().into_bytes(),
    };
    scene.issuer.fault(Endpoint::Token, fault);
    let endpoint = scene.issuer.token_endpoint();
    let ended = scene.fetch(&["--token-endpoint", &endpoint]).await;
    ended.failed(1, &["not_found", &endpoint, "check --token-endpoint"]);

    let other = json!({"error": "teapot", "error_description": "short and stout"});
    scene.issuer.fault(Endpoint::Token, Fault::Json(other));
    let ended = scene.fetch(&[]).await;
    ended.failed(1, &[]);
    assert_eq!(ended.stderr, "error: teapot (short and stout)\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_from_the_server_are_escaped() {
    let scene = Scene::start().await;
    let hostile = "\u{1b}]0;owned\u{7}\r\n\u{9b}31m\u{202e}";
    let body = json!({"error": format!("invalid_client{hostile}"), "error_description": hostile});
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        scene.issuer.fault(
            endpoint,
            Fault::Answer {
                status: 400,
                content_type: "application/json",
                body: body.to_string().into_bytes(),
            },
        );
    }
    for ended in [scene.fetch(&[]).await, scene.revoke(TOKEN, &[]).await] {
        ended.failed(1, &["invalid_client\\u{1b}]0;owned"]);
        assert!(
            ended
                .stderr
                .bytes()
                .all(|byte| matches!(byte, b'\n' | b' '..=b'~')),
            "{:?}",
            ended.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_answer_is_reported() {
    let scene = Scene::start().await;
    for (fault, said) in [
        (Fault::Html, &["answered 200", "not JSON"][..]),
        (Fault::Empty, &["answered 200"]),
        (Fault::Null, &["answered 200", "not a JSON object"]),
        (Fault::EmptySet, &["access_token"]),
        (Fault::Down, &["/token"]),
        (
            Fault::Redirect("https://elsewhere.example".to_owned()),
            &["redirect"],
        ),
        (
            Fault::Json(json!({"access_token": "a.t0ken", "token_type": "DPoP"})),
            &["DPoP", "Bearer"],
        ),
        (
            Fault::TooManyRequests {
                retry_after: Some(Duration::from_secs(7)),
            },
            &["slow_down", "try again in 7 s"],
        ),
        (
            Fault::Answer {
                status: 502,
                content_type: "text/html",
                body: b"<h1>Bad gateway</h1>".to_vec(),
            },
            &["answered 502"],
        ),
    ] {
        scene.issuer.fault(Endpoint::Token, fault);
        let ended = scene.fetch(&[]).await;
        ended.failed(1, said);
        assert!(!ended.stderr.contains("t0ken"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_server_is_reported() {
    let scene = Scene::start().await;
    scene.issuer.fault(Endpoint::Discovery, Fault::Html);
    scene.fetch(&[]).await.failed(1, &["openid-configuration"]);

    scene.issuer.stop().await;
    let ended = scene.fetch(&[]).await;
    ended.failed(1, &["failed", "refused"]);
    let ended = scene.revoke("t", &[]).await;
    ended.failed(1, &["refused", "may still be valid"]);
}
