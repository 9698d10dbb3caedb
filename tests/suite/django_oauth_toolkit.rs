//! With PyPI's django-oauth-toolkit, which issues access tokens by the function in the guide to issuers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portcullis_tests::{ScriptedServer, Service, exchange};
use url::Url;

use crate::clients::ORDERS;
use crate::command_line::{
    assert_is_client, assert_refusals_reported, check_keys, fetch, inspect, revoke,
};

const PROFILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/guide/profiles/django-oauth-toolkit.toml"
);

#[tokio::test]
async fn fetched_token_is_accepted() {
    let server = ScriptedServer::django_oauth_toolkit().await;
    let service = Service::spawn("orders-api", &["--issuer", server.issuer()]).await;
    let token = fetch(&server, &["--scope", "orders:read"]).await.printed();

    let answer = service.get_with_token("/orders", &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_is_client(&service, &token).await;

    for profile in [["--profile", "rfc9068"], ["--profile-file", PROFILE]] {
        let options = [&["--audience", ORDERS], &profile[..]].concat();
        let inspected = inspect(&server, &token, &options).await.printed();
        assert!(inspected.contains("accepted"), "{inspected}");
        assert!(inspected.contains("machine"), "{inspected}");
    }
    let checked = check_keys(&server).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[tokio::test]
async fn refused_fetch_reports_the_reason() {
    let server = ScriptedServer::django_oauth_toolkit().await;
    assert_refusals_reported(&server).await;
}

#[test]
fn guide_shows_the_function_that_makes_access_tokens() {
    let guide = include_str!("../../docs/guide/issuers.md");
    let function = include_str!("../django-oauth-toolkit/access_token.py");
    assert!(guide.contains(&format!("```python\n{function}```\n")));
}

/// Only the RFC 8414 metadata names the revocation endpoint of this server.
#[tokio::test]
async fn revoked_token_is_inactive() {
    let server = ScriptedServer::django_oauth_toolkit().await;
    let token = fetch(&server, &["--scope", "orders:read"]).await.printed();
    assert!(is_active(&server, &token).await);
    assert_eq!(revoke(&server, &token).await.printed(), "");
    assert!(!is_active(&server, &token).await);
}

/// Introspects a token as the client (RFC 7662).
async fn is_active(server: &ScriptedServer, token: &str) -> bool {
    let url = Url::parse(&format!("{}/introspect/", server.issuer())).expect("a URL");
    let address = url.socket_addrs(|| None).expect("a loopback address")[0];
    let (client, secret) = (ScriptedServer::CLIENT_ID, ScriptedServer::SECRET);
    let credentials = BASE64_STANDARD.encode(format!("{client}:{secret}"));
    let (path, form) = (url.path(), format!("token={token}"));
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Basic {credentials}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    );
    let answer = exchange(address, request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["active"].as_bool().expect("a boolean")
}
