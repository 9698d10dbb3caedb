//! `portcullis jwks check`, against a live issuer.

mod support;

use portcullis_test::{Endpoint, Fault, TestIssuer};
use support::{AUDIENCE, check, run};

#[tokio::test(flavor = "multi_thread")]
async fn jwks_check_lists_each_key() {
    let issuer = TestIssuer::start().await;
    let (url, jwks_uri) = (issuer.url(), issuer.jwks_uri());
    let checked = check(&jwks_uri).await.exits(0).prints(&["ES256"]);
    assert!(checked.stdout.starts_with("usable"), "{checked:?}");

    // The issuer can be given as for `token inspect`.
    for arguments in [
        &["--issuer", &url][..],
        &["--issuer", &url, "--jwks-uri", &jwks_uri],
        &["--jwks-uri", &jwks_uri],
    ] {
        let arguments = [&["jwks", "check"], arguments].concat();
        let alike = run(&arguments, "").await.exits(0).stdout;
        assert_eq!(alike, checked.stdout, "{arguments:?}");
    }

    issuer.add(serde_json::json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}));
    // A skipped key is a finding.
    let skipped = check(&jwks_uri).await.exits(1);
    let skipped = skipped.prints(&["usable", "skipped"]);
    let advice = "the issuer must replace or republish the key";
    assert_eq!(skipped.stderr.matches(advice).count(), 1, "{skipped:?}");

    issuer.fault(Endpoint::Jwks, Fault::EmptySet);
    check(&jwks_uri).await.exits(1).reports(&["error:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_key_is_ignored() {
    let issuer = TestIssuer::start().await;
    issuer.add(serde_json::json!({
        "kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB",
    }));
    check(&issuer.jwks_uri())
        .await
        .exits(0)
        .prints(&["ignored  enc  the key is for encryption"])
        .reports(&["1 usable, 1 for encryption, 0 skipped"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerated_mistakes_in_a_key_set_are_listed() {
    let issuer = TestIssuer::start().await;
    let mut key = issuer.signing_key().public_jwk();
    key["key_ops"] = serde_json::json!([]);
    issuer.publish([key]);
    let checked = check(&issuer.jwks_uri()).await.exits(0);
    checked.reports(&["`key_ops` is empty"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_failure_is_reported_without_a_retry() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Status(404));
    let checked = check(&issuer.jwks_uri()).await.exits(1);
    checked.reports(&["404"]);
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);

    let url = format!("{}/", issuer.url());
    let arguments = ["token", "inspect", "--issuer", &url, "--audience", AUDIENCE];
    let token = issuer.token().audience(AUDIENCE).mint();
    let inspected = run(&arguments, &token).await.exits(1);
    inspected.reports(&["is the metadata of"]);
    assert!(issuer.requests(Endpoint::Discovery) <= 2, "one attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_given_as_a_key_set_gets_a_hint() {
    let issuer = TestIssuer::start().await;
    let metadata = format!("{}/.well-known/openid-configuration", issuer.url());
    let checked = check(&metadata).await.exits(1);
    checked.reports(&["use the key set at its `jwks_uri`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_given_as_a_key_set_url_gets_a_hint() {
    let issuer = TestIssuer::start().await;
    let checked = check(&issuer.url()).await.exits(1);
    let checked = checked.reports(&["give it with --issuer"]);
    assert_eq!(checked.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn url_without_an_answer_gets_no_hint_and_shows_no_user() {
    for (url, status) in [
        // Nobody listens on port 1.
        ("http://127.0.0.1:1/", 1),
        ("//u:pw@h/", 2),
        ("http://u:pa/pw@h/", 2),
        ("http://u:pw@127.0.0.1:1/", 2),
    ] {
        let checked = check(url).await.exits(status);
        checked.hides(&["give it with --issuer", "pw"]);
    }
}
