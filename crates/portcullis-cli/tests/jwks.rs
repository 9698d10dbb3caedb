//! `portcullis jwks check`, against a live issuer.

mod support;

use portcullis_test::{Endpoint, Fault, TestIssuer};
use support::{AUDIENCE, Ended, run};

#[tokio::test(flavor = "multi_thread")]
async fn jwks_check_lists_each_key() {
    let issuer = TestIssuer::start().await;
    let Ended { code, stdout, .. } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(0));
    assert!(
        stdout.starts_with("usable") && stdout.contains("ES256"),
        "{stdout}"
    );

    // The issuer can be given as for `token inspect`.
    let (url, jwks_uri) = (issuer.url(), issuer.jwks_uri());
    for arguments in [
        &["--issuer", &url][..],
        &["--issuer", &url, "--jwks-uri", &jwks_uri],
        &["--jwks-uri", &jwks_uri],
    ] {
        let arguments = [&["jwks", "check"], arguments].concat();
        let Ended {
            code,
            stdout: alike,
            ..
        } = run(&arguments, "").await;
        assert_eq!((code, &alike), (Some(0), &stdout), "{arguments:?}");
    }

    issuer.add(serde_json::json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}));
    let Ended {
        code,
        stdout,
        stderr,
    } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(1), "a skipped key is a finding");
    assert!(
        stdout.contains("usable") && stdout.contains("skipped"),
        "{stdout}"
    );
    let advice = "the issuer must replace or republish the key";
    assert_eq!(stderr.matches(advice).count(), 1, "{stderr}");

    issuer.fault(Endpoint::Jwks, Fault::EmptySet);
    let Ended { code, stderr, .. } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("error:"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_key_is_ignored() {
    let issuer = TestIssuer::start().await;
    issuer.add(serde_json::json!({
        "kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB",
    }));
    let Ended {
        code,
        stdout,
        stderr,
    } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(
        stdout.contains("ignored  enc  the key is for encryption"),
        "{stdout}"
    );
    assert!(
        stderr.contains("1 usable, 1 for encryption, 0 skipped"),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerated_mistakes_in_a_key_set_are_listed() {
    let issuer = TestIssuer::start().await;
    let mut key = issuer.signing_key().public_jwk();
    key["key_ops"] = serde_json::json!([]);
    issuer.publish([key]);
    let Ended { code, stderr, .. } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("`key_ops` is empty"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_failure_is_reported_without_a_retry() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Status(404));
    let Ended { code, stderr, .. } = run(&["jwks", "check", &issuer.jwks_uri()], "").await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("404"), "{stderr}");
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);

    let url = format!("{}/", issuer.url());
    let arguments = ["token", "inspect", "--issuer", &url, "--audience", AUDIENCE];
    let token = issuer.token().audience(AUDIENCE).mint();
    let Ended { code, stderr, .. } = run(&arguments, &token).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is the metadata of"), "{stderr}");
    assert!(issuer.requests(Endpoint::Discovery) <= 2, "one attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_given_as_a_key_set_gets_a_hint() {
    let issuer = TestIssuer::start().await;
    let metadata = format!("{}/.well-known/openid-configuration", issuer.url());
    let Ended { code, stderr, .. } = run(&["jwks", "check", &metadata], "").await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("use the URL in its `jwks_uri`"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_given_as_a_key_set_url_gets_a_hint() {
    let issuer = TestIssuer::start().await;
    let Ended {
        code,
        stdout,
        stderr,
    } = run(&["jwks", "check", &issuer.url()], "").await;
    assert_eq!((code, &*stdout), (Some(1), ""));
    assert!(stderr.contains("give it with --issuer"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn url_without_an_answer_gets_no_hint_and_shows_no_user() {
    for url in [
        // Nobody listens on port 1.
        "http://127.0.0.1:1/",
        "//u:pw@h/",
        "http://u:pa/pw@h/",
        "http://u:pw@127.0.0.1:1/",
    ] {
        let Ended { code, stderr, .. } = run(&["jwks", "check", url], "").await;
        assert_eq!(code, Some(1), "{stderr}");
        assert!(!stderr.contains("give it with --issuer"), "{stderr}");
        assert!(!stderr.contains("pw"), "{stderr}");
    }
}
