//! Revocation of tokens (RFC 7009).

use portcullis_client::{TokenErrorKind, TokenEvent};
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;

use crate::{Setting, forms, secs};

#[tokio::test]
async fn r1_revoked_token_is_no_longer_used() {
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
    assert!(!setting.token().await.expect("another").ptr_eq(&first));
}

#[tokio::test]
async fn r1_revoke_without_a_token_sends_no_request() {
    let setting = Setting::new().await;
    setting.source.revoke().await.expect("nothing to do");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn r1_status_503_does_not_confirm_revocation() {
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
        "the token is no longer used"
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
async fn r1_status_200_with_an_error_does_not_confirm_revocation() {
    for (status, body, is_revoked) in [
        (200, r#"{"error":"unsupported_token_type"}"#, false),
        (200, r#"{"error":{"code":"x"}}"#, false),
        (200, r#"{"errorCode":"E0000011"}"#, false),
        (200, "[]", false),
        (200, "error=unsupported_token_type", false),
        (200, "not JSON", true),
        (202, "", true),
        (204, "", true),
        (201, "", false),
    ] {
        let setting = Setting::new().await;
        setting.token().await.expect("a token");
        let fault = Fault::Answer {
            status,
            content_type: "application/json",
            body: body.as_bytes().to_vec(),
        };
        setting.issuer.fault(Endpoint::Revocation, fault);
        let outcome = setting.source.revoke().await;
        assert_eq!(outcome.is_ok(), is_revoked, "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn missing_revocation_endpoint_is_an_error() {
    let setting = Setting::new().await;
    setting.issuer.without_metadata("revocation_endpoint");
    setting.token().await.expect("a token");
    let error = setting.source.revoke().await.expect_err("no endpoint");
    assert!(error.to_string().contains("revocation_endpoint"), "{error}");
}

#[tokio::test]
async fn r1_unreachable_server_does_not_confirm_revocation() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Revocation, Fault::Down);
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable);
    assert!(error.to_string().contains("may still be valid"), "{error}");
}

#[tokio::test]
async fn r1_failed_revocation_is_repeated_by_the_next_call() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    let fault = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    setting.issuer.fault_for(Endpoint::Revocation, fault, 1);
    setting.source.revoke().await.expect_err("not revoked");
    let second = setting.token().await.expect("another");
    setting.source.revoke().await.expect("two revoked tokens");
    setting
        .source
        .revoke()
        .await
        .expect("nothing left to revoke");
    let forms = forms(&setting.issuer, Endpoint::Revocation);
    assert_eq!(forms.len(), 3);
    for (form, token) in forms.iter().zip([&first, &first, &second]) {
        assert!(form.contains(token.expose()));
    }
}

#[tokio::test]
async fn r1_token_in_flight_is_not_revoked() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let (second, ()) = tokio::join!(setting.source.refresh(), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 2).await;
        setting.source.revoke().await.expect("revoked");
        assert!(setting.source.current().is_none());
    });
    let second = second.expect("a token");
    let forms = forms(&setting.issuer, Endpoint::Revocation);
    assert_eq!(forms.len(), 1);
    assert!(forms[0].contains(first.expose()));
    assert!(setting.token().await.expect("a token").ptr_eq(&second));
}

#[tokio::test]
async fn hanging_revocation_does_not_block_callers() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Revocation, Fault::Hang);
    let source = setting.source.clone();
    let mut revoking = JoinSet::new();
    revoking.spawn(async move { source.revoke().await });
    setting
        .issuer
        .wait_for_requests(Endpoint::Revocation, 1)
        .await;
    setting.token().await.expect("another");
    assert!(revoking.try_join_next().is_none(), "the revocation hangs");
}

#[tokio::test]
async fn failed_revocation_does_not_prevent_others() {
    let setting = Setting::new().await;
    let refusal = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    for _ in 0..2 {
        setting.token().await.expect("a token");
        setting
            .issuer
            .fault_for(Endpoint::Revocation, refusal.clone(), 1);
        setting
            .source
            .revoke()
            .await
            .expect_err("a failure of the first revocation");
    }
    // The first was sent twice, the second once. The first is still to be revoked.
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 3);
    setting.source.revoke().await.expect("the first");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 4);
    setting
        .source
        .revoke()
        .await
        .expect("nothing left to revoke");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 4);
}
