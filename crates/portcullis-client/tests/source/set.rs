//! Tokens for many services.

use portcullis_client::{AuthorizationServer, TokenSet, TokenSource};
use portcullis_test::{Endpoint, TestIssuer};

use crate::client;

async fn setting(capacity: usize) -> (TestIssuer, TokenSet) {
    let issuer = TestIssuer::start().await;
    let server = AuthorizationServer::discover(issuer.url())
        .build()
        .expect("a server");
    let template = TokenSource::builder(&server, client());
    (issuer, TokenSet::with_capacity(template, capacity))
}

#[tokio::test]
async fn each_service_and_scope_has_its_own_token() {
    let (issuer, set) = setting(10).await;
    let read = ["orders:read"];
    for _ in 0..2 {
        for (resource, scopes) in [
            ("https://orders.example.com", &read[..]),
            ("https://stock.example.com", &read),
            (
                "https://orders.example.com",
                &["orders:write", "orders:read"],
            ),
            (
                "https://orders.example.com",
                &["orders:read", "orders:write"],
            ),
        ] {
            let source = set.source(resource, scopes).expect("a source");
            source.token().await.expect("a token");
        }
    }
    assert_eq!(issuer.requests(Endpoint::Token), 3);
    assert_eq!(set.sources().len(), 3);
}

#[tokio::test]
async fn least_recently_used_source_is_evicted() {
    let (issuer, set) = setting(2).await;
    let source = |name: &str| {
        let resource = format!("https://{name}.example.com");
        set.source(resource, [] as [&str; 0]).expect("a source")
    };
    let first = source("a");
    for name in ["a", "b", "a", "c", "a"] {
        source(name).token().await.expect("a token");
    }
    assert_eq!(issuer.requests(Endpoint::Token), 3);
    assert_eq!(set.sources().len(), 2);
    source("b").token().await.expect("another token");
    assert_eq!(issuer.requests(Endpoint::Token), 4);
    assert!(first.current().is_some(), "a clone keeps working");
}

#[tokio::test]
async fn invalid_resource_or_scope_is_a_config_error() {
    let (_issuer, set) = setting(2).await;
    let error = set.source("orders", ["orders:read"]).expect_err("no URI");
    assert_eq!(error.setting(), "resource");
    let error = set
        .source("https://orders.example.com", ["a b"])
        .expect_err("two");
    assert_eq!(error.setting(), "scopes");
    assert!(set.sources().is_empty());
}

#[tokio::test]
async fn source_that_was_shut_down_is_replaced() {
    let (_issuer, set) = setting(10).await;
    let source = || {
        let found = set.source("https://orders.example.com", ["orders:read"]);
        found.expect("a source")
    };
    let first = source();
    first.token().await.expect("a token");
    first.shut_down().await.expect("revoked");
    source().token().await.expect("a token of another source");
    assert_eq!(set.sources().len(), 1);
}
