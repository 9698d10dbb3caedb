//! The requests that are sent for metadata and keys.

use portcullis_oauth::{AuthorizationServer, OAuthEndpoint};
use portcullis_remote::{FetchErrorKind, Issuer, StartError};
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::support::{client, millis, requests_to, start};

#[tokio::test]
async fn requests_send_accept_headers() {
    let issuer = TestIssuer::start().await;
    Issuer::discover(issuer.url())
        .fail_fast()
        .start()
        .await
        .unwrap();
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    for (endpoint, form) in [
        (OAuthEndpoint::Token, [("grant_type", "client_credentials")]),
        (OAuthEndpoint::Revocation, [("token", "t")]),
    ] {
        server.post(endpoint, &client(), &form).await.unwrap();
    }
    for (endpoint, accept) in [
        (
            Endpoint::Discovery,
            "application/jwk-set+json, application/json",
        ),
        (Endpoint::Jwks, "application/jwk-set+json, application/json"),
        (Endpoint::Token, "application/json"),
        (Endpoint::Revocation, "application/json"),
    ] {
        let request = requests_to(&issuer, endpoint).remove(0);
        assert_eq!(request.headers["accept"], accept, "{endpoint}");
        assert_eq!(request.headers["accept-encoding"], "identity", "{endpoint}");
    }
}

#[tokio::test]
async fn unrequested_content_encoding_is_named_in_the_error() {
    let issuer = TestIssuer::start().await;
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token] {
        issuer.answer_header(endpoint, "content-encoding", "gzip");
    }
    let keys = start(Issuer::jwks(issuer.url(), issuer.jwks_uri()).start_timeout(millis(1))).await;
    let key_set = keys.refresh().await.expect_err("compressed");
    let keys = start(Issuer::discover(issuer.url()).start_timeout(millis(1))).await;
    let metadata = keys.refresh().await.expect_err("compressed");
    let server = AuthorizationServer::token_endpoint(issuer.token_endpoint());
    let form = [("grant_type", "client_credentials")];
    let token = server
        .build()
        .unwrap()
        .post(OAuthEndpoint::Token, &client(), &form)
        .await
        .expect_err("compressed");
    for error in [key_set, metadata, token] {
        assert_eq!(error.kind(), FetchErrorKind::Unusable);
        let text = error.to_string();
        assert!(text.contains("`Content-Encoding: gzip`"), "{text}");
    }
}

#[tokio::test]
async fn secret_in_the_content_encoding_is_not_shown() {
    let issuer = TestIssuer::start().await;
    issuer.answer_header(Endpoint::Token, "content-encoding", "s3cr3t");
    let server = AuthorizationServer::token_endpoint(issuer.token_endpoint());
    let server = server.build().unwrap();
    let form = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client(), &form).await;
    let text = format!("{:?}", answer.expect_err("compressed"));
    assert!(text.contains("Content-Encoding") && !text.contains("s3cr3t"));
}

#[tokio::test]
async fn byte_order_mark_in_metadata_is_accepted() {
    let issuer = TestIssuer::start().await;
    let metadata = serde_json::json!({ "issuer": issuer.url(), "jwks_uri": issuer.jwks_uri() });
    let fault = |body: String| Fault::Answer {
        status: 200,
        content_type: "application/json",
        body: body.into_bytes(),
    };
    issuer.fault(Endpoint::Discovery, fault(format!("\u{feff}{metadata}")));
    Issuer::discover(issuer.url())
        .fail_fast()
        .start()
        .await
        .expect("keys");
}

#[tokio::test]
async fn metadata_that_is_an_array_is_refused() {
    let issuer = TestIssuer::start().await;
    let array = serde_json::json!([issuer.url()]);
    issuer.fault(Endpoint::Discovery, Fault::Json(array));
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let error = server
        .post(OAuthEndpoint::Token, &client(), &[])
        .await
        .expect_err("an array");
    assert_eq!(error.kind(), FetchErrorKind::Unusable);
    assert!(error.to_string().contains("not a JSON object"), "{error}");

    let keys = start(Issuer::discover(issuer.url()).start_timeout(millis(1))).await;
    let error = keys.refresh().await.expect_err("an array");
    assert_eq!(error.kind(), FetchErrorKind::Unusable);
    assert_eq!(
        issuer.requests(Endpoint::Other),
        0,
        "an array has no `jwks_uri`"
    );
}

#[tokio::test]
async fn https_to_a_plain_http_port_is_named_in_the_error() {
    let issuer = TestIssuer::start().await;
    let https = |url: String| url.replace("http:", "https:");
    let keys = start(Issuer::discover(https(issuer.url())).start_timeout(millis(1))).await;
    let metadata = keys.refresh().await.expect_err("no TLS");
    let server = AuthorizationServer::token_endpoint(https(issuer.token_endpoint()));
    let token = server.build().unwrap();
    let token = token.post(OAuthEndpoint::Token, &client(), &[]).await;
    for error in [metadata, token.expect_err("no TLS")] {
        assert_eq!(error.kind(), FetchErrorKind::Unreachable);
        let text = error.to_string();
        assert!(text.contains("plain http"), "{text}");
        assert!(!text.contains("InvalidContentType"), "{text}");
    }
}

#[tokio::test]
async fn metadata_is_read_at_a_configured_url() {
    let issuer = TestIssuer::start().await;
    let name = "https://kubernetes.default.svc.cluster.local";
    issuer.metadata("issuer", name);
    for at in [issuer.url(), issuer.discovery_uri()] {
        let keys = Issuer::discover(name).discover_at(&at).fail_fast();
        let keys = keys.start().await.expect("keys");
        assert_eq!(&**keys.keys().issuer(), name);
        let server = AuthorizationServer::discover(name).discover_at(&at);
        let server = server.build().expect("a server");
        let form = [("grant_type", "client_credentials")];
        let answer = server.post(OAuthEndpoint::Token, &client(), &form).await;
        assert_eq!(answer.expect("an answer").status(), 200);
        assert_eq!(server.issuer(), Some(name));
    }
    // Endpoints on the issuer's own origin are trusted, too.
    let public = TestIssuer::start().await;
    issuer.metadata("issuer", public.url());
    issuer.metadata("token_endpoint", public.token_endpoint());
    let server = AuthorizationServer::discover(public.url()).discover_at(issuer.url());
    let server = server.build().expect("a server");
    let form = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client(), &form).await;
    assert_eq!(answer.expect("the issuer's origin").status(), 200);

    // The metadata must still name the issuer.
    let error = Issuer::discover("https://issuer.example").discover_at(issuer.url());
    assert!(matches!(
        error.start().await,
        Err(StartError::WrongIssuer { .. })
    ));
}

#[tokio::test]
async fn bearer_token_is_sent_for_metadata_and_keys() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let issuer = TestIssuer::start().await;
    issuer.require_bearer(Endpoint::Discovery, "s3cr3t-1");
    issuer.require_bearer(Endpoint::Jwks, "s3cr3t-1");
    std::fs::write(&file, "s3cr3t-1\n").unwrap();
    let keys = Issuer::discover(issuer.url())
        .bearer_token_file(&file)
        .fail_fast()
        .start()
        .await
        .expect("keys");

    // The file is read again for each request.
    issuer.require_bearer(Endpoint::Jwks, "s3cr3t-2");
    let error = keys.refresh().await.expect_err("another token");
    assert_eq!(error.kind(), FetchErrorKind::Status(401));
    std::fs::write(&file, "s3cr3t-2").unwrap();
    keys.refresh().await.expect("the current token");

    for content in ["", "two words", "s3cr3t\u{7f}"] {
        std::fs::write(&file, content).unwrap();
        let error = keys.refresh().await.expect_err(content);
        assert_eq!(error.kind(), FetchErrorKind::Credential);
        let text = format!("{error} {error:?}");
        assert!(text.contains("bearer token file") && text.contains("/token"));
        assert!(
            !text.contains("s3cr3t") && !text.contains("words"),
            "{text}"
        );
    }
    std::fs::remove_file(&file).unwrap();
    let error = keys.refresh().await.expect_err("no file");
    assert_eq!(error.kind(), FetchErrorKind::Credential);
}

#[cfg(unix)]
#[tokio::test]
async fn bearer_token_file_that_every_user_may_write_is_refused() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "s3cr3t").unwrap();
    let issuer = TestIssuer::start().await;
    let keys = start(Issuer::discover(issuer.url()).bearer_token_file(&file)).await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let error = keys.refresh().await.expect_err("every user may write it");
    assert_eq!(error.kind(), FetchErrorKind::Credential);
    assert!(error.to_string().contains("chmod o-w"), "{error}");
}

#[tokio::test]
async fn document_that_repeats_the_bearer_token_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cr3t-of-the-service").unwrap();
    for (member, value) in [
        ("issuer", "https://issuer.example/s3cr3t-of-the-service"),
        ("jwks_uri", "ftp://s3cr3t-of-the-service"),
        ("jwks_uri", "http://127.0.0.1:1/?s3cr3t-of-the-service"),
    ] {
        let issuer = TestIssuer::start().await;
        issuer.metadata(member, value);
        let keys = Issuer::discover(issuer.url())
            .bearer_token_file(&file)
            .start_timeout(millis(1));
        let error = start(keys).await.refresh().await.expect_err(member);
        assert_eq!(error.kind(), FetchErrorKind::Unusable, "{error}");
        let text = format!("{error:?}");
        assert!(
            text.contains("repeats") && !text.contains("s3cr3t"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn bearer_token_is_sent_to_the_configured_origin_only() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cr3t").unwrap();
    let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
    issuer.require_bearer(Endpoint::Discovery, "s3cr3t");
    other.require_bearer(Endpoint::Jwks, "s3cr3t");
    issuer.metadata("jwks_uri", other.jwks_uri());
    let keys = start(
        Issuer::discover(issuer.url())
            .bearer_token_file(&file)
            .start_timeout(millis(1)),
    )
    .await;
    let error = keys.refresh().await.expect_err("a foreign origin");
    assert_eq!(error.kind(), FetchErrorKind::Status(401));
    let text = error.to_string();
    assert!(text.contains("configured origin only"), "{text}");
    for request in other.recorded() {
        assert!(!request.headers.contains_key("authorization"));
    }
    // A configured URL of the keys gets the token.
    Issuer::jwks(issuer.url(), other.jwks_uri())
        .bearer_token_file(&file)
        .fail_fast()
        .start()
        .await
        .expect("keys");
}
