//! Metadata and endpoints of an issuer without faults.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;

use portcullis_test::{DEFAULT_CLIENT_ID, Endpoint, TestIssuer};
use support::{get, verified};

/// Inserted before the issuer's path (RFC 8414 §3.1).
const OAUTH: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn default_issuer_mints_a_valid_token() {
    let issuer = TestIssuer::start().await;
    let claims = verified(&issuer, &issuer.token().scope("orders:read").mint()).await;
    assert_eq!(claims["iss"], issuer.url());
    assert_eq!(claims["sub"], DEFAULT_CLIENT_ID);
    assert_eq!(claims["client_id"], DEFAULT_CLIENT_ID);
    assert_eq!(claims["scope"], "orders:read");
    let members: HashSet<&str> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert!(members.is_superset(&HashSet::from(["exp", "iat", "jti", "aud"])));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        300
    );
}

#[tokio::test]
async fn metadata_is_served_at_both_well_known_paths() {
    let issuer = TestIssuer::builder().path("/oidc").start().await.unwrap();
    let url = issuer.url();
    let origin = url.strip_suffix("/oidc").unwrap();
    assert_eq!(
        issuer.discovery_uri(),
        format!("{url}/.well-known/openid-configuration")
    );
    let oauth = format!("{origin}{OAUTH}/oidc");
    for uri in [issuer.discovery_uri(), oauth] {
        let reply = get(&uri).await.unwrap();
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.json()["issuer"], url);
        assert_eq!(reply.json()["jwks_uri"], issuer.jwks_uri());
        assert_eq!(reply.json()["token_endpoint"], issuer.token_endpoint());
    }
    for wrong in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
    ] {
        assert_eq!(
            get(&format!("{origin}{wrong}")).await.unwrap().status,
            404,
            "{wrong}"
        );
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), 2);
    assert_eq!(issuer.requests(Endpoint::Other), 3);
}

#[tokio::test]
async fn each_well_known_path_can_be_switched_off() {
    let issuer = TestIssuer::builder()
        .openid_discovery(false)
        .start()
        .await
        .unwrap();
    assert_eq!(get(&issuer.discovery_uri()).await.unwrap().status, 404);
    assert_eq!(
        get(&format!("{}{OAUTH}", issuer.url()))
            .await
            .unwrap()
            .status,
        200
    );
    let issuer = TestIssuer::builder()
        .oauth_discovery(false)
        .start()
        .await
        .unwrap();
    assert_eq!(get(&issuer.discovery_uri()).await.unwrap().status, 200);
    assert_eq!(
        get(&format!("{}{OAUTH}", issuer.url()))
            .await
            .unwrap()
            .status,
        404
    );
}

#[tokio::test]
async fn members_of_metadata_can_be_set_and_removed() {
    let issuer = TestIssuer::start().await;
    issuer.metadata("issuer", "https://other.example.com");
    issuer.without_metadata("jwks_uri");
    let metadata = get(&issuer.discovery_uri()).await.unwrap().json();
    assert_eq!(metadata["issuer"], "https://other.example.com");
    assert_eq!(metadata.get("jwks_uri"), None);
}

#[tokio::test]
async fn listen_uses_the_address_and_fails_if_it_is_taken() {
    let first = TestIssuer::start().await;
    let taken: std::net::SocketAddr = first
        .url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let error = TestIssuer::builder()
        .listen(taken)
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let message = error.to_string();
    let expected = format!("a test issuer cannot listen on {taken}: ");
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn member_can_be_set_in_the_rfc_8414_metadata_only() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    issuer.oauth_metadata("revocation_endpoint", "https://other.example.com/revoke");
    let openid = get(&issuer.discovery_uri()).await.unwrap().json();
    let oauth = get(&format!("{}{OAUTH}", issuer.url()))
        .await
        .unwrap()
        .json();
    assert_eq!(openid.get("revocation_endpoint"), None);
    assert_eq!(
        oauth["revocation_endpoint"],
        "https://other.example.com/revoke"
    );
    assert_eq!(openid["issuer"], oauth["issuer"]);
}

#[tokio::test]
async fn endpoint_can_require_a_bearer_token() {
    let issuer = TestIssuer::start().await;
    issuer.require_bearer(Endpoint::Jwks, "t0ken");
    let url = issuer.jwks_uri();
    let reply = get(&url).await.unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    for (sent, status) in [("Bearer t0ken", 200), ("Bearer other", 401), ("t0ken", 401)] {
        let reply = support::get_with(&url, "authorization", sent).await;
        assert_eq!(reply.status, status, "{sent}");
    }
    assert_eq!(get(&issuer.discovery_uri()).await.unwrap().status, 200);
}

#[tokio::test]
async fn dying_connection_answers_one_request() {
    use http_body_util::Empty;

    let issuer = TestIssuer::builder().connections_die().start().await;
    let issuer = issuer.unwrap();
    let address = issuer.url().replace("http://", "");
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let request = || {
        http::Request::get("/jwks")
            .header("host", &address)
            .body(Empty::<bytes::Bytes>::new())
            .unwrap()
    };
    let answer = sender.send_request(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("connection"));
    http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap();
    sender.ready().await.unwrap();
    sender
        .send_request(request())
        .await
        .expect_err("a closed connection");
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}
