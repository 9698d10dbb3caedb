//! `portcullis token inspect`, against a live issuer.

mod support;

use std::io::Write;

use portcullis_test::{Endpoint, Fault, TestIssuer};
use support::{AUDIENCE, Ended, inspect, run, spawn};

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
        let Ended { code, stdout, .. } = inspect(&issuer, &sent, &[]).await;
        assert_eq!(code, Some(0), "{stdout}");
        for expected in ["accepted", "machine", "billing", "orders:read"] {
            assert!(stdout.contains(expected), "{expected}: {stdout}");
        }
        assert!(
            !stdout.contains(&token),
            "the token is a secret and must not be printed"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_token_gets_a_reason_and_advice() {
    let issuer = TestIssuer::start().await;
    let other = issuer.token().audience("https://other.example.com").mint();
    let Ended { code, stdout, .. } = inspect(&issuer, &other, &[]).await;
    assert_eq!(code, Some(1));
    assert!(stdout.contains("`aud`"), "{stdout}");

    let keycloak = issuer
        .token()
        .audience(AUDIENCE)
        .typ("JWT")
        .claim("typ", "Bearer")
        .claim("azp", "billing")
        .mint();
    let Ended { code, stdout, .. } = inspect(&issuer, &keycloak, &[]).await;
    assert_eq!(code, Some(1));
    assert!(stdout.contains("--profile keycloak"), "{stdout}");
    assert!(
        !stdout.contains("--profile auth0"),
        "the strictest profile that accepts the token is advised: {stdout}"
    );
    let Ended { code, stdout, .. } = inspect(&issuer, &keycloak, &["--profile", "keycloak"]).await;
    assert_eq!(code, Some(0));
    assert!(
        stdout.contains("accepted with --profile keycloak"),
        "{stdout}"
    );

    let Ended { code, stdout, .. } = inspect(
        &issuer,
        &issuer.token().audience(AUDIENCE).mint(),
        &["--algorithm", "RS256"],
    )
    .await;
    assert_eq!(code, Some(1));
    assert!(stdout.contains("ES256"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_without_an_issuer_does_not_verify() {
    let issuer = TestIssuer::start().await;
    let Ended { code, stdout, .. } = run(&["token", "inspect"], &issuer.token().mint()).await;
    assert_eq!(code, Some(0));
    assert!(stdout.contains("not verified"), "{stdout}");
    for input in ["", " \n", "Bearer "] {
        let Ended {
            code,
            stdout,
            stderr,
        } = run(&["token", "inspect"], input).await;
        assert_eq!((code, &*stdout), (Some(1), ""), "{input:?}");
        assert!(
            stderr.contains("standard input: it has no token"),
            "{stderr}"
        );
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
        let Ended {
            code,
            stdout,
            stderr,
        } = run(&["token", "inspect"], input).await;
        assert_eq!((code, &*stdout), (Some(1), ""), "{input:?}");
        assert!(stderr.contains(said), "{stderr}");
        assert!(!stderr.contains("9Zr3m"), "{stderr}");
    }
    let token = issuer.token().mint();
    for header in ["Authorization: Bearer", "authorization:bearer"] {
        let sent = format!("{header} {token}\r\n");
        assert_eq!(run(&["token", "inspect"], &sent).await.code, Some(0));
    }
    let late = issuer.token().claim("exp", 1_000_000_000).mint();
    let Ended { stdout, .. } = run(&["token", "inspect"], &late).await;
    assert!(stdout.contains(" d ago (`exp`)"), "{stdout}");
    for rubbish in ["a.b", "a.b.c", "{}"] {
        assert_eq!(
            run(&["token", "inspect"], rubbish).await.code,
            Some(1),
            "{rubbish:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_issuer_is_an_error_without_a_verdict() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    issuer.fault(Endpoint::Discovery, Fault::Html);
    let Ended {
        code,
        stdout,
        stderr,
    } = inspect(&issuer, &token, &[]).await;
    assert_eq!(code, Some(1));
    assert!(
        !stdout.contains("refused") && stderr.contains("error:"),
        "{stdout}{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_arguments_is_not_printed() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().mint();
    let Ended {
        code,
        stdout,
        stderr,
    } = run(&["token", "inspect", &token], "").await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("standard input"), "{stderr}");
    assert!(
        !stderr.contains(&token[..20]) && stdout.is_empty(),
        "{stdout}{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_token_arguments_exit_with_2() {
    assert_eq!(
        run(&["token", "inspect", "--algorithm", "none"], "")
            .await
            .code,
        Some(2)
    );
    assert_eq!(
        run(
            &["token", "inspect", "--jwks-uri", "https://example.com"],
            ""
        )
        .await
        .code,
        Some(2)
    );
    assert_eq!(
        run(&["token", "inspect", "--issuer", "https://example.com"], "")
            .await
            .code,
        Some(2)
    );
    assert_eq!(run(&["jwks", "check"], "").await.code, Some(2));
    assert_eq!(
        run(
            &[
                "jwks",
                "check",
                "https://a.example.com",
                "--issuer",
                "https://b.example.com"
            ],
            ""
        )
        .await
        .code,
        Some(2)
    );
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
        let Ended { stdout, .. } = run(&["token", "inspect"], &token).await;
        assert!(stdout.contains("claims (cannot be shown: "), "{stdout}");
        let token = issuer.token().audience(AUDIENCE).claim(name, "1").mint();
        let Ended { code, stdout, .. } = inspect(&issuer, &token, &[]).await;
        assert_eq!(code, Some(1), "{stdout}");
        assert!(
            stdout.contains("refused with --profile rfc9068"),
            "{stdout}"
        );
    }
}

/// Like `portcullis token inspect … | grep -q accepted`.
#[tokio::test(flavor = "multi_thread")]
async fn closed_stdout_keeps_the_exit_status() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().audience(AUDIENCE).mint();
    let url = issuer.url();
    for (arguments, status) in [
        (&["token", "inspect"][..], 0),
        (
            &["token", "inspect", "--issuer", &url, "--audience", AUDIENCE],
            0,
        ),
        (
            &[
                "token",
                "inspect",
                "--issuer",
                &url,
                "--audience",
                "another",
            ],
            1,
        ),
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
