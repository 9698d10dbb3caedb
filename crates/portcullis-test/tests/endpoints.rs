//! Answers of an issuer without faults.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use portcullis_test::{
    DEFAULT_AUDIENCE, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, TestIssuer,
};
use serde_json::{Value, json};
use support::{get, post_form};

/// The claims of a token that is signed with a published key.
async fn verified(issuer: &TestIssuer, token: &str) -> Value {
    let set = get(&issuer.jwks_uri()).await.unwrap().json();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(set).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[DEFAULT_AUDIENCE]);
    validation.set_issuer(&[issuer.url()]);
    decode::<Value>(token, &key, &validation).unwrap().claims
}

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
    assert_eq!(
        issuer.oauth_discovery_uri(),
        format!("{origin}/.well-known/oauth-authorization-server/oidc")
    );
    for uri in [issuer.discovery_uri(), issuer.oauth_discovery_uri()] {
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
        get(&issuer.oauth_discovery_uri()).await.unwrap().status,
        200
    );
    let issuer = TestIssuer::builder()
        .oauth_discovery(false)
        .start()
        .await
        .unwrap();
    assert_eq!(get(&issuer.discovery_uri()).await.unwrap().status, 200);
    assert_eq!(
        get(&issuer.oauth_discovery_uri()).await.unwrap().status,
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
async fn client_credentials_by_basic_and_by_post() {
    let issuer = TestIssuer::start().await;
    let endpoint = issuer.token_endpoint();
    let basic = STANDARD.encode(format!("{DEFAULT_CLIENT_ID}:{DEFAULT_CLIENT_SECRET}"));
    let reply = post_form(
        &endpoint,
        Some(&basic),
        "grant_type=client_credentials&scope=a+b",
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.json()["token_type"], "Bearer");
    assert_eq!(reply.json()["expires_in"], 300);
    let claims = verified(&issuer, reply.json()["access_token"].as_str().unwrap()).await;
    assert_eq!(claims["scope"], "a b");

    let form = format!(
        "grant_type=client_credentials&client_id={DEFAULT_CLIENT_ID}&client_secret={DEFAULT_CLIENT_SECRET}"
    );
    let reply = post_form(&endpoint, None, &form).await;
    let claims = verified(&issuer, reply.json()["access_token"].as_str().unwrap()).await;
    assert_eq!(claims.get("scope"), None);
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn clients_get_their_scopes_and_the_requested_audience() {
    let issuer = TestIssuer::builder()
        .client("demo", "s3cr3t", ["orders:read", "orders:write"])
        .client("idle", "other", [] as [&str; 0])
        .audience("https://one.example.com")
        .audience("https://two.example.com")
        .start()
        .await
        .unwrap();
    let ask = async |id_and_secret: &str, more: &str| {
        let basic = STANDARD.encode(id_and_secret);
        let form = format!("grant_type=client_credentials{more}");
        post_form(&issuer.token_endpoint(), Some(&basic), &form).await
    };
    assert_eq!(
        ask("demo:s3cr3t", "").await.json()["scope"],
        "orders:read orders:write"
    );
    assert_eq!(ask("idle:other", "").await.json().get("scope"), None);
    for (asked, audience) in [
        ("", json!("https://one.example.com")),
        (
            "&resource=https://two.example.com",
            json!("https://two.example.com"),
        ),
        (
            "&audience=https://two.example.com",
            json!("https://two.example.com"),
        ),
        (
            "&resource=https://two.example.com&resource=https://one.example.com",
            json!(["https://two.example.com", "https://one.example.com"]),
        ),
    ] {
        let token = ask("demo:s3cr3t", asked).await.json()["access_token"].clone();
        assert_eq!(payload(token.as_str().unwrap())["aud"], audience, "{asked}");
    }
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn token_endpoint_errors_follow_rfc_6749() {
    let issuer = TestIssuer::builder()
        .client("demo", "s3cr3t", ["orders:read"])
        .audience(DEFAULT_AUDIENCE)
        .start()
        .await
        .unwrap();
    let good = STANDARD.encode("demo:s3cr3t");
    let wrong = STANDARD.encode("demo:guess");
    let grant = "grant_type=client_credentials";
    for (basic, form, status, error) in [
        (Some(&good), "", 400, "invalid_request"),
        (
            Some(&good),
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (
            Some(&good),
            &format!("{grant}&scope=orders:admin"),
            400,
            "invalid_scope",
        ),
        (
            Some(&good),
            &format!("{grant}&scope=a&scope=b"),
            400,
            "invalid_request",
        ),
        (
            Some(&good),
            &format!("{grant}&resource=https://x.example%23f"),
            400,
            "invalid_target",
        ),
        (
            Some(&good),
            &format!("{grant}&resource=https://x.example"),
            400,
            "invalid_target",
        ),
        (
            Some(&good),
            &format!("{grant}&client_id=demo&client_secret=s3cr3t"),
            400,
            "invalid_request",
        ),
        (Some(&wrong), grant, 401, "invalid_client"),
        (None, grant, 401, "invalid_client"),
        (
            None,
            &format!("{grant}&client_id=demo&client_secret=guess"),
            401,
            "invalid_client",
        ),
    ] {
        let reply = post_form(&issuer.token_endpoint(), basic.map(String::as_str), form).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (status, &json!(error)),
            "{form}"
        );
        assert_eq!(
            reply.header("www-authenticate").is_some(),
            status == 401,
            "{form}"
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let reply = get(&issuer.token_endpoint()).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), reply.header("allow")),
        (405, Some("POST"))
    );
}

#[tokio::test]
async fn client_secret_can_be_rotated() {
    let issuer = TestIssuer::builder()
        .client("demo", "old", ["orders:read"])
        .client("other", "old", ["orders:read"])
        .start()
        .await
        .unwrap();
    let accepts = async |id_and_secret: &str| {
        let basic = STANDARD.encode(id_and_secret);
        let (token, grant) = (issuer.token_endpoint(), "grant_type=client_credentials");
        let issued = post_form(&token, Some(&basic), grant).await.status;
        let revocation = format!("{}/revoke", issuer.url());
        let revoked = post_form(&revocation, Some(&basic), "token=t").await.status;
        assert_eq!(issued, revoked, "{id_and_secret}");
        issued == 200
    };
    let each = async || {
        [
            accepts("demo:old").await,
            accepts("demo:new").await,
            accepts("other:old").await,
            accepts("other:new").await,
        ]
    };
    assert_eq!(each().await, [true, false, true, false]);
    issuer.client_secrets("demo", ["old", "new"]);
    assert_eq!(each().await, [true, true, true, false]);
    issuer.client_secrets("demo", ["new"]);
    assert_eq!(each().await, [false, true, true, false]);
    issuer.client_secrets("demo", [] as [&str; 0]);
    assert_eq!(each().await, [false, false, true, false]);
}

#[tokio::test]
async fn body_of_a_client_rejection_can_be_set() {
    let issuer = TestIssuer::builder()
        .client_rejection(json!({ "errorCode": "invalid_client" }))
        .start()
        .await
        .unwrap();
    let token = issuer.token_endpoint();
    let basic = STANDARD.encode("test-client:wrong");
    let reply = post_form(&token, Some(&basic), "grant_type=client_credentials").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.json(), json!({ "errorCode": "invalid_client" }));
    // Other errors stay those of RFC 6749.
    let basic = STANDARD.encode("test-client:test-secret");
    let reply = post_form(&token, Some(&basic), "grant_type=password").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
}

#[tokio::test]
#[should_panic(expected = "no client \"nobody\"")]
async fn secrets_of_an_unknown_client_panic() {
    TestIssuer::start().await.client_secrets("nobody", ["s"]);
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
    let oauth = get(&issuer.oauth_discovery_uri()).await.unwrap().json();
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
    sender.send_request(request()).await.expect_err("it died");
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}
