//! `portcullis token inspect`, against a live issuer.

mod support;

use std::io::Write;

use portcullis_test::{Endpoint, Fault, TestIssuer};
use support::{AUDIENCE, inspect, inspect_alone, run, spawn};

#[tokio::test(flavor = "multi_thread")]
async fn valid_token_is_accepted_and_its_principal_printed() {
    let issuer = TestIssuer::start().await;
    let token = issuer
        .token()
        .audience(AUDIENCE)
        .client_id("billing")
        .subject("billing")
        .scope("orders:read")
        .mint();
    for sent in [token.clone(), format!("Bearer {token}\n")] {
        let inspected = inspect(&issuer, &sent, &[]).await.exits(0);
        let inspected = inspected.prints(&["accepted", "machine", "billing", "orders:read"]);
        inspected.hides(&[&token]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_token_gets_a_reason_and_advice() {
    let issuer = TestIssuer::start().await;
    let other = issuer.token().audience("https://other.example.com").mint();
    let inspected = inspect(&issuer, &other, &[]).await.exits(1);
    inspected.prints(&["`aud`"]);

    let keycloak = issuer
        .token()
        .audience(AUDIENCE)
        .typ("JWT")
        .claim("typ", "Bearer")
        .claim("azp", "billing")
        .mint();
    // The strictest profile that accepts the token is advised.
    let inspected = inspect(&issuer, &keycloak, &[]).await.exits(1);
    let inspected = inspected.prints(&["--profile keycloak"]);
    inspected.hides(&["--profile auth0"]);
    let inspected = inspect(&issuer, &keycloak, &["--profile", "keycloak"]).await;
    let inspected = inspected.exits(0);
    inspected.prints(&["accepted with --profile keycloak"]);

    let token = issuer.token().audience(AUDIENCE).mint();
    let inspected = inspect(&issuer, &token, &["--algorithm", "RS256"]).await;
    inspected.exits(1).prints(&["ES256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_without_an_issuer_does_not_verify() {
    let issuer = TestIssuer::start().await;
    let inspected = inspect_alone(&issuer.token().mint()).await;
    inspected.exits(0).prints(&["not verified"]);
    let refused = async |input: &str, said: &str| {
        let inspected = inspect_alone(input).await.exits(1);
        let inspected = inspected.reports(&[said]).hides(&["9Zr3m"]);
        assert_eq!(inspected.stdout, "", "{input:?}");
    };
    for input in ["", " \n", "Bearer "] {
        refused(input, "standard input: it has no token").await;
    }
    for (input, said) in [
        (
            "{ \"access_token\": \"eyJ\", \"token_type\": \"Bearer\" }",
            "pipe only the value of `access_token`",
        ),
        (
            "acme_4fXq0ZbT9kLm_9Zr3mWq8TfL2xVb7Nc5Ky1Jd0Ph4aBcDeF",
            "it is an API key, not a token",
        ),
        (
            "Bearer acme_4fXq0ZbT9kLm_9Zr3m",
            "it is an API key, not a token",
        ),
    ] {
        refused(input, said).await;
    }
    let token = issuer.token().mint();
    for header in ["Authorization: Bearer", "authorization:bearer"] {
        let sent = format!("{header} {token}\r\n");
        inspect_alone(&sent).await.exits(0);
    }
    let late = issuer.token().claim("exp", 1_000_000_000).mint();
    let inspected = inspect_alone(&late).await;
    inspected.prints(&[" d ago (`exp`)"]);
    for rubbish in ["a.b", "a.b.c", "{}"] {
        inspect_alone(rubbish).await.exits(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_issuer_is_an_error_without_a_verdict() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    issuer.fault(Endpoint::Discovery, Fault::Html);
    let inspected = inspect(&issuer, &token, &[]).await.exits(1);
    inspected.reports(&["error:"]).hides(&["refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_arguments_is_not_printed() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().mint();
    let refused = run(&["token", "inspect", &token], "").await.exits(2);
    let refused = refused.reports(&["standard input"]).hides(&[&token[..20]]);
    assert_eq!(refused.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_token_arguments_exit_with_2() {
    let (one, other) = ("https://a.example.com", "https://b.example.com");
    for arguments in [
        &["token", "inspect", "--algorithm", "none"][..],
        &["token", "inspect", "--jwks-uri", one],
        &["token", "inspect", "--issuer", one],
        &["jwks", "check"],
        &["jwks", "check", one, "--issuer", other],
    ] {
        run(arguments, "").await.exits(2);
    }
}

/// These names have a special meaning to `serde_json`.
#[tokio::test(flavor = "multi_thread")]
async fn claims_with_reserved_names_are_not_printed() {
    let issuer = TestIssuer::start().await;
    for name in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
    ] {
        let token = issuer.token().claim(name, "1").mint();
        let inspected = inspect_alone(&token).await;
        inspected.prints(&["claims (cannot be shown: "]);
        let token = issuer.token().audience(AUDIENCE).claim(name, "1").mint();
        let inspected = inspect(&issuer, &token, &[]).await.exits(1);
        inspected.prints(&["refused with --profile rfc9068"]);
    }
}

/// Like `portcullis token inspect … | grep -q accepted`.
#[tokio::test(flavor = "multi_thread")]
async fn closed_stdout_keeps_the_exit_status() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    let url = issuer.url();
    let given = |audience| ["token", "inspect", "--issuer", &url, "--audience", audience];
    for (arguments, status) in [
        (&["token", "inspect"][..], 0),
        (&given(AUDIENCE), 0),
        (&given("another"), 1),
    ] {
        let mut child = spawn(arguments);
        drop((child.stdout.take(), child.stderr.take()));
        let mut input = child.stdin.take().expect("a pipe");
        input
            .write_all(token.as_bytes())
            .expect("a command that reads");
        drop(input);
        let ended = tokio::task::spawn_blocking(move || child.wait()).await;
        let ended = ended.expect("no panic").expect("an exit status");
        assert_eq!(ended.code(), Some(status), "{arguments:?}");
    }
}
