//! What is asked, where, with what, and how that is shown.

use std::error::Error as _;

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
use portcullis_remote::{FetchErrorKind, Issuer, StartError};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, RecordedRequest, TestIssuer,
};

use crate::{
    log::Log,
    support::{impatient, millis},
};

fn client() -> ClientAuthentication {
    ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
}

fn asked(issuer: &TestIssuer, endpoint: Endpoint) -> Vec<RecordedRequest> {
    let mut requests = issuer.recorded();
    requests.retain(|request| request.endpoint == endpoint);
    requests
}

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
        (Endpoint::Discovery, "application/json"),
        (Endpoint::Jwks, "application/jwk-set+json, application/json"),
        (Endpoint::Token, "application/json"),
        (Endpoint::Revocation, "application/json"),
    ] {
        let request = asked(&issuer, endpoint).remove(0);
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
    let keys = Issuer::jwks(issuer.url(), issuer.jwks_uri())
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
    let key_set = keys.refresh().await.expect_err("compressed");
    let keys = Issuer::discover(issuer.url())
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
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

    let keys = Issuer::discover(issuer.url())
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
    let error = keys.refresh().await.expect_err("an array");
    assert_eq!(error.kind(), FetchErrorKind::Unusable);
    assert_eq!(
        issuer.requests(Endpoint::Other),
        0,
        "its member is no key set's URL"
    );
}

#[tokio::test]
async fn https_to_a_plain_http_port_is_named_in_the_error() {
    let issuer = TestIssuer::start().await;
    let https = |url: String| url.replace("http:", "https:");
    let keys = Issuer::discover(https(issuer.url()))
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
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
    // What it names on the issuer's own origin is trusted as well.
    let public = TestIssuer::start().await;
    issuer.metadata("issuer", public.url());
    issuer.metadata("token_endpoint", public.token_endpoint());
    let server = AuthorizationServer::discover(public.url()).discover_at(issuer.url());
    let server = server.build().expect("a server");
    let form = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client(), &form).await;
    assert_eq!(answer.expect("the issuer's origin").status(), 200);

    // It must name the issuer all the same.
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
    keys.refresh().await.expect("the token of now");

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

#[tokio::test]
async fn bearer_token_is_sent_to_the_configured_origin_only() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cr3t").unwrap();
    let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
    issuer.require_bearer(Endpoint::Discovery, "s3cr3t");
    other.require_bearer(Endpoint::Jwks, "s3cr3t");
    issuer.metadata("jwks_uri", other.jwks_uri());
    let keys = Issuer::discover(issuer.url())
        .bearer_token_file(&file)
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
    let error = keys.refresh().await.expect_err("it is not sent there");
    assert_eq!(error.kind(), FetchErrorKind::Status(401));
    let text = error.to_string();
    assert!(text.contains("configured origin only"), "{text}");
    for request in other.recorded() {
        assert!(!request.headers.contains_key("authorization"));
    }
    // Unless the URL of the keys is configured.
    Issuer::jwks(issuer.url(), other.jwks_uri())
        .bearer_token_file(&file)
        .fail_fast()
        .start()
        .await
        .expect("keys");
}

#[tokio::test]
async fn endpoint_in_the_rfc8414_document_alone_is_found() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
    let error = answer.await.expect_err("none is named");
    assert_eq!(error.kind(), FetchErrorKind::NoEndpoint);

    let revocation = format!("{}/revoke", issuer.url());
    issuer.oauth_metadata("revocation_endpoint", revocation.clone());
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let before = issuer.requests(Endpoint::Discovery);
    let token = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(
        issuer.requests(Endpoint::Discovery),
        before + 1,
        "the other document is read when it is needed"
    );
    for _ in 0..2 {
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 2);

    // The same rules hold for what it names.
    for (member, value) in [
        ("issuer", "https://issuer.example"),
        ("revocation_endpoint", "http://10.0.0.1/revoke"),
    ] {
        issuer.oauth_metadata("revocation_endpoint", revocation.clone());
        issuer.oauth_metadata(member, value);
        let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
        answer.await.expect_err(member);
        issuer.oauth_metadata("issuer", issuer.url());
    }
}

#[tokio::test]
async fn known_endpoint_does_not_wait_for_the_other_document() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let token = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
    assert_eq!(answer.unwrap().status(), 200);

    issuer.fault_for(Endpoint::Discovery, Fault::Hang, 1);
    let while_it_hangs = async {
        issuer.wait_for_requests(Endpoint::Discovery, 2).await;
        server.post(OAuthEndpoint::Token, &client, &token).await
    };
    tokio::select! {
        _ = server.post(OAuthEndpoint::Revocation, &client, &form) => panic!("it hangs"),
        answer = while_it_hangs => assert_eq!(answer.unwrap().status(), 200),
    }

    // A failure is remembered.
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    let before = issuer.requests(Endpoint::Discovery);
    for _ in 0..2 {
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form).await;
        let error = answer.expect_err("an outage of the other document");
        assert_eq!(error.kind(), FetchErrorKind::Status(500));
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 1);
}

#[tokio::test]
async fn endpoint_of_the_other_document_serves_until_it_is_read_again() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    issuer.oauth_metadata("revocation_endpoint", format!("{}/revoke", issuer.url()));
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let token = [("grant_type", "client_credentials")];
    let revoke = || server.post(OAuthEndpoint::Revocation, &client, &form);
    assert_eq!(revoke().await.unwrap().status(), 200);

    // Two requests without an answer, after which the metadata is read again.
    issuer.fault_for(Endpoint::Token, Fault::Down, 2);
    let before = issuer.requests(Endpoint::Discovery);
    for is_answered in [false, false, true] {
        let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
        assert_eq!(answer.is_ok(), is_answered);
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 1);
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    assert_eq!(revoke().await.unwrap().status(), 200);
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 2);
}

#[tokio::test]
async fn configured_endpoint_works_beside_discovery() {
    let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
    issuer.metadata("revocation_endpoint", "http://10.0.0.1/revoke");
    issuer.without_metadata("token_endpoint");
    let server = AuthorizationServer::discover(issuer.url())
        .token_endpoint(other.token_endpoint())
        .revocation_endpoint(format!("{}/revoke", other.url()).replace("127.0.0.1", "localhost"))
        .build()
        .unwrap();
    for (endpoint, form) in [
        (OAuthEndpoint::Token, [("grant_type", "client_credentials")]),
        (OAuthEndpoint::Revocation, [("token", "t")]),
    ] {
        let answer = server.post(endpoint, &client(), &form).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    assert_eq!(other.requests(Endpoint::Token), 1);
    assert_eq!(other.requests(Endpoint::Revocation), 1);
}

/// Neither what the operator configured nor what an issuer names is shown with what may be a secret in it.
#[tokio::test]
async fn urls_are_printed_without_query_and_user() {
    let log = Log::install();
    let issuer = TestIssuer::start().await;
    let secret = |url: String| format!("{url}?code=s3cr3t");
    let mut shown = Vec::new();
    for jwks_uri in [
        secret(issuer.jwks_uri()),
        "https://s3cr3t:s3cr3t@127.0.0.1/jwks".to_owned(),
        "http://127.0.0.1:x/jwks?s3cr3t".to_owned(),
        "/jwks?s3cr3t".to_owned(),
        "http://issuer.example/jwks#s3cr3t".to_owned(),
        format!("https://issuer.example/{}?s3cr3t", "x".repeat(3000)),
    ] {
        issuer.metadata("jwks_uri", jwks_uri);
        let keys = Issuer::discover(issuer.url())
            .start_timeout(millis(0))
            .refresh_rules(impatient())
            .start()
            .await
            .unwrap();
        for fault in [
            None,
            Some(Fault::Html),
            Some(Fault::Down),
            Some(Fault::Status(500)),
        ] {
            match fault {
                Some(fault) => issuer.fault(Endpoint::Jwks, fault),
                None => issuer.heal(Endpoint::Jwks),
            }
            let error = keys.refresh().await.err();
            let chain = error.as_ref().and_then(|error| error.source());
            shown.push(format!("{error:?} {chain:?} {keys:?} {:?}", keys.status()));
            shown.extend(error.map(|error| error.to_string()));
        }
        shown.extend(keys.status().jwks_uri.map(String::from));
    }
    issuer.metadata("issuer", format!("{}/?s3cr3t", issuer.url()));
    let error = Issuer::discover(issuer.url()).start().await;
    let error = error.expect_err("another issuer");
    shown.push(format!("{error} {error:?} {:?}", error.source()));

    let jwks = Issuer::jwks("https://issuer.example", secret(issuer.jwks_uri()))
        .discover_at(secret(issuer.discovery_uri()));
    let server = AuthorizationServer::token_endpoint(secret(issuer.token_endpoint()))
        .revocation_endpoint(secret(issuer.url()));
    shown.push(format!("{jwks:?} {server:?}"));
    shown.push(format!("{:?}", server.build().unwrap()));
    for name in [
        "https://s3cr3t@issuer.example",
        "https://i.example?s3cr3t",
        "https://i.example/#s3cr3t",
        "https://u:s3cr3t@i.example:99999",
    ] {
        for error in [
            Issuer::jwks(name, issuer.jwks_uri()).start().await.err(),
            Issuer::discover(name).start().await.err(),
            Issuer::discover(name)
                .discover_at(issuer.url())
                .start()
                .await
                .err(),
        ] {
            let error = error.expect("it would be in every log line");
            shown.push(format!("{error} {error:?}"));
        }
    }
    shown.push(log.take());
    for text in shown {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn long_urls_are_printed_whole() {
    let path = format!("/{}", "x".repeat(480));
    let issuer = TestIssuer::builder().path(&path).start().await.unwrap();
    issuer.metadata("issuer", format!("{}/", issuer.url()));
    let error = Issuer::discover(issuer.url()).start().await;
    let error = error.expect_err("a slash more");
    let text = format!("{error} {}", error.source().expect("a cause"));
    assert!(
        text.contains(&format!("{}/, expected {}:", issuer.url(), issuer.url())),
        "{text}"
    );
    assert!(text.contains(&issuer.discovery_uri()), "{text}");

    issuer.metadata("issuer", issuer.url());
    let elsewhere = format!("http://localhost.example{path}/token");
    issuer.metadata("token_endpoint", elsewhere.clone());
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let error = server.post(OAuthEndpoint::Token, &client(), &[]).await;
    let text = error.expect_err("less safe").to_string();
    assert!(text.contains(&elsewhere), "{text}");
}
