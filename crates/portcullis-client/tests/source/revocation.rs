//! Tokens that are done with, and tokens that a service does not accept.

use portcullis_client::{TokenErrorKind, TokenEvent};
use portcullis_test::{Endpoint, Fault};

use crate::{Setting, secs};

#[tokio::test]
async fn r1_a_token_is_revoked_and_used_no_more() {
    let mut setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.event().await;
    setting.source.revoke().await.expect("revoked");
    assert!(matches!(setting.event().await, TokenEvent::Revoked));
    let request = setting.issuer.recorded().pop().expect("a request");
    assert_eq!(request.endpoint, Endpoint::Revocation);
    let body = String::from_utf8(request.body.to_vec()).expect("text");
    assert!(body.contains(first.expose()) && body.contains("token_type_hint=access_token"));
    assert!(request.headers.contains_key("authorization"));
    assert!(setting.source.current().is_none());
    assert!(!setting.token().await.expect("another").is(&first));
}

#[tokio::test]
async fn r1_without_a_token_there_is_nothing_to_revoke() {
    let setting = Setting::new().await;
    setting.source.revoke().await.expect("nothing to do");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn r1_a_503_means_that_the_token_may_still_be_valid() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    let fault = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    setting.issuer.fault(Endpoint::Revocation, fault);
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.kind(), TokenErrorKind::Status(503));
    assert!(error.to_string().contains("may still be valid"), "{error}");
    assert!(
        setting.source.current().is_none(),
        "it is not used any more"
    );

    setting.token().await.expect("another");
    let retry_after = Some(secs(7));
    setting
        .issuer
        .fault(Endpoint::Revocation, Fault::TooManyRequests { retry_after });
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.retry_after(), retry_after);
}

#[tokio::test]
async fn a_server_without_revocation_says_so() {
    let setting = Setting::new().await;
    setting.issuer.without_metadata("revocation_endpoint");
    setting.token().await.expect("a token");
    let error = setting.source.revoke().await.expect_err("no endpoint");
    assert!(error.to_string().contains("revocation_endpoint"), "{error}");
}

#[tokio::test]
async fn after_the_shut_down_there_are_no_tokens() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.source.shut_down().await.expect("revoked");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 1);
    assert!(setting.source.current().is_none());
    let error = setting.token().await.expect_err("it was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped);
    assert_eq!(
        setting
            .source
            .refresh()
            .await
            .expect_err("shut down")
            .kind(),
        TokenErrorKind::Stopped
    );
}

#[tokio::test]
async fn a_service_that_refuses_every_token_does_not_have_each_replaced() {
    let setting = Setting::new().await;
    for _ in 0..2 {
        let token = setting.token().await.expect("a token");
        assert!(setting.source.reject(&token));
        assert!(setting.source.reject(&token), "it is gone already");
    }
    let token = setting.token().await.expect("a token");
    assert!(!setting.source.reject(&token), "twice is enough");
    assert!(setting.token().await.expect("a token").is(&token));
    assert_eq!(setting.token_requests(), 3);
}

#[tokio::test]
async fn the_task_ends_with_the_last_source() {
    let setting = Setting::new().await;
    let mut events = setting.source.events();
    let other = setting.source.clone();
    setting.token().await.expect("a token");
    events.recv().await.expect("obtained");
    let Setting { source, .. } = setting;
    drop(source);
    assert!(other.current().is_some());
    drop(other);
    assert!(
        events.recv().await.is_err(),
        "nothing is left that could tell"
    );
}
