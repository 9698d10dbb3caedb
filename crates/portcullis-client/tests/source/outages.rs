//! Outages: the current token remains in use, then calls fail with the reason, and the source backs off.

use std::time::Duration;

use portcullis_client::{TokenErrorKind, TokenEvent};
use portcullis_test::{Endpoint, Fault};
use serde_json::json;

use crate::{Setting, secs};

pub(crate) fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json",
        body: body.as_bytes().to_vec(),
    }
}

/// A response with a token, with some members replaced.
pub(crate) fn issued(changes: serde_json::Value) -> Fault {
    let mut body = json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 60 });
    let members = body.as_object_mut().expect("an object");
    members.extend(changes.as_object().expect("an object").clone());
    Fault::Json(body)
}

fn faults() -> Vec<(&'static str, Fault, TokenErrorKind)> {
    use TokenErrorKind::{Refused, Status, TokenType, Unreachable, Unusable};
    vec![
        ("down", Fault::Down, Unreachable),
        ("hangs", Fault::Hang, Unreachable),
        ("stalls", Fault::Stalled, Unreachable),
        ("cut off", Fault::CutOff, Unreachable),
        ("500", Fault::Status(500), Refused),
        ("503 without a body", answer(503, ""), Status(503)),
        ("429", Fault::TooManyRequests { retry_after: None }, Refused),
        ("a page", Fault::Html, Unusable),
        ("a page with 502", answer(502, "<html>"), Status(502)),
        ("nothing", Fault::Empty, Unusable),
        ("null", Fault::Null, Unusable),
        ("an empty object", Fault::EmptySet, Unusable),
        ("half", Fault::Truncated, Unusable),
        ("without end", Fault::Huge { bytes: 1 << 20 }, Unusable),
        (
            "a redirect",
            Fault::Redirect("http://127.0.0.1:1/token".into()),
            Status(302),
        ),
        (
            "invalid_client",
            answer(401, r#"{"error":"invalid_client"}"#),
            Refused,
        ),
        (
            "an error in a 200",
            Fault::Json(json!({ "error": "invalid_scope" })),
            Refused,
        ),
        (
            "a token with a space",
            issued(json!({ "access_token": "a b" })),
            Unusable,
        ),
        (
            "a token with CR and LF",
            issued(json!({ "access_token": "a\r\nX: y" })),
            Unusable,
        ),
        (
            "an empty token",
            issued(json!({ "access_token": "" })),
            Unusable,
        ),
        (
            "no token",
            Fault::Json(json!({ "token_type": "Bearer" })),
            Unusable,
        ),
        (
            "an unknown type",
            issued(json!({ "token_type": "mac" })),
            TokenType,
        ),
        ("N_A", issued(json!({ "token_type": "N_A" })), TokenType),
        (
            "DPoP, which was not requested",
            issued(json!({ "token_type": "DPoP" })),
            TokenType,
        ),
        (
            "a negative lifetime",
            issued(json!({ "expires_in": -1 })),
            Unusable,
        ),
        ("no lifetime", issued(json!({ "expires_in": 0 })), Unusable),
        (
            "a lifetime in words",
            issued(json!({ "expires_in": "a minute" })),
            Unusable,
        ),
        (
            "an array",
            Fault::Json(json!(["a", "Bearer", 60])),
            Unusable,
        ),
        (
            "an array that looks like an error",
            answer(400, r#"["a","b"]"#),
            Status(400),
        ),
        (
            "an empty error",
            answer(400, r#"{"error":""}"#),
            Status(400),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_keeps_the_current_token_in_use_until_it_expires() {
    for (name, fault, kind) in faults() {
        let mut setting = Setting::quick().await;
        let first = setting.token().await.expect(name);
        setting.event().await;

        setting.issuer.fault(Endpoint::Token, fault);
        setting.clock.advance(secs(53));
        let second = setting.token().await.expect(name);
        assert!(second.ptr_eq(&first), "{name}");
        match setting.event().await {
            TokenEvent::Failed {
                error,
                failures: 1,
                usable_until: Some(_),
                ..
            } => assert_eq!(error.kind(), kind, "{name}: {error}"),
            other => panic!("{name}: {other:?}"),
        }
        // During the backoff the token remains in use.
        let requests = setting.token_requests();
        for _ in 0..100 {
            assert!(setting.token().await.expect(name).ptr_eq(&first), "{name}");
        }
        assert_eq!(setting.token_requests(), requests, "{name}");

        setting.clock.advance(secs(2));
        let error = setting.token().await.expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert_eq!(setting.source.status().failures, 2, "{name}");
        let requests = setting.token_requests();
        for _ in 0..100 {
            let error = setting.token().await.expect_err(name);
            assert_eq!(error.kind(), kind, "{name}");
            let wait = error.retry_after().expect("a backoff");
            assert!(wait > secs(0) && wait <= secs(2), "{name}: {wait:?}");
        }
        assert_eq!(setting.token_requests(), requests, "{name}");

        setting.issuer.heal(Endpoint::Token);
        setting.clock.advance(secs(3));
        assert!(!setting.token().await.expect(name).ptr_eq(&first), "{name}");
        assert_eq!(setting.source.status().failures, 0, "{name}");
    }
}

#[tokio::test]
async fn expiry_during_a_backoff_is_reported_once() {
    let mut setting = Setting::quick().await;
    setting.token().await.expect("a token");
    setting.event().await;
    let retry_after = Some(secs(100));
    setting
        .issuer
        .fault(Endpoint::Token, Fault::TooManyRequests { retry_after });
    setting.clock.advance(Duration::from_millis(53_900));
    setting.token().await.expect("the current token");
    match setting.event().await {
        TokenEvent::Failed { usable_until, .. } => assert!(usable_until.is_some()),
        other => panic!("{other:?}"),
    }
    let requests = setting.token_requests();
    setting.clock.advance(Duration::from_millis(100));
    match setting.event().await {
        TokenEvent::Lapsed { error, .. } => {
            assert_eq!(error.kind(), TokenErrorKind::Refused, "{error}");
            assert!(error.retry_after().is_some());
        }
        other => panic!("{other:?}"),
    }
    setting.token().await.expect_err("no usable token");
    assert_eq!(setting.token_requests(), requests, "a backoff");

    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(secs(100));
    setting.token().await.expect("another");
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    assert!(matches!(
        setting.event().await,
        TokenEvent::Recovered { .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_follow_the_backoff() {
    let setting = Setting::quick().await;
    setting.issuer.fault(Endpoint::Token, Fault::Status(500));
    let mut expected = 0;
    for second in 0..600 {
        setting.token().await.expect_err("an outage");
        expected = expected.max(setting.token_requests());
        setting.clock.advance(secs(1));
        let _ = second;
    }
    // 1 s, 2 s, 4 s, then 5 s at a time, each shortened by up to a half; the test's clock moves by whole seconds.
    assert!(
        (110..=210).contains(&expected),
        "{expected} requests in 10 minutes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn end_of_an_outage_is_noticed_within_5_s() {
    let retry_after = None;
    for fault in [
        Fault::Down,
        Fault::Status(500),
        Fault::TooManyRequests { retry_after },
        answer(429, ""),
    ] {
        let setting = Setting::quick().await;
        setting.issuer.fault(Endpoint::Token, fault);
        for _ in 0..60 {
            setting.token().await.expect_err("an outage");
            setting.clock.advance(secs(1));
        }
        setting.issuer.heal(Endpoint::Token);
        setting.clock.advance(secs(5));
        setting.token().await.expect("the outage is over");
    }
}

/// While a token is usable the backoff may be longer, but it ends when the token does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_of_the_token_ends_a_long_backoff() {
    let setting = Setting::quick().await;
    let hour = issued(json!({ "expires_in": 3600 }));
    setting.issuer.fault(Endpoint::Token, hour);
    setting.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    // In its last minute the backoff has long reached a minute.
    for _ in 0..10 {
        setting.source.refresh().await.expect_err("down");
    }
    setting.clock.advance(secs(3569));
    setting.source.refresh().await.expect_err("down");
    setting.token().await.expect("a token with one second left");
    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(secs(5));
    setting.token().await.expect("a new token");
}

#[tokio::test]
async fn callers_wait_for_a_request_in_flight_during_a_backoff() {
    let setting = Setting::new().await;
    setting.issuer.fault(Endpoint::Token, Fault::Status(500));
    setting.token().await.expect_err("an outage");
    setting.token().await.expect_err("a backoff");
    let hanging = setting.token_requests() + 1;
    setting.issuer.fault(Endpoint::Token, Fault::Hang);
    let mut refresh = tokio_test::task::spawn(setting.source.refresh());
    assert!(refresh.poll().is_pending());
    setting
        .issuer
        .wait_for_requests(Endpoint::Token, hanging)
        .await;
    let mut caller = tokio_test::task::spawn(setting.token());
    assert!(
        caller.poll().is_pending(),
        "the caller waits for the request"
    );
    drop((refresh, caller));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honoured_up_to_5_min() {
    for (asked, waited) in [(30, 30), (100, 100), (100_000, 300)] {
        let setting = Setting::quick().await;
        let retry_after = Some(secs(asked));
        setting
            .issuer
            .fault(Endpoint::Token, Fault::TooManyRequests { retry_after });
        setting.token().await.expect_err("too many");
        assert_eq!(setting.token_requests(), 1);
        setting.issuer.heal(Endpoint::Token);
        setting.clock.advance(secs(waited - 1));
        let error = setting.token().await.expect_err("not yet");
        assert_eq!(error.retry_after(), Some(secs(1)), "{asked}");
        assert_eq!(setting.token_requests(), 1);
        setting.clock.advance(secs(1));
        setting.token().await.expect("a token");
    }
}

#[tokio::test]
async fn server_without_a_listener_is_unreachable() {
    let setting = Setting::quick().await;
    setting.issuer.stop().await;
    let error = setting.token().await.expect_err("no listener");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error}");
    setting.issuer.restart().await;
    setting.clock.advance(secs(2));
    setting.token().await.expect("a token");
}

#[tokio::test]
async fn huge_retry_after_is_limited() {
    const DAY: Duration = Duration::from_secs(24 * 3600);

    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    let retry_after = Some(secs(u64::MAX));
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        let fault = Fault::TooManyRequests { retry_after };
        setting.issuer.fault(endpoint, fault);
    }
    let error = setting.source.refresh().await.expect_err("too many");
    assert_eq!(error.retry_after(), Some(secs(300)));
    let error = setting.source.revoke().await.expect_err("too many");
    assert_eq!(error.retry_after(), Some(DAY));
}
