//! Failed exchanges: which subjects they affect, and for how long.

use std::time::Duration;

use portcullis_client::{
    AuthorizationServer, ClientAuthentication, HttpSettings, SubjectToken, TokenErrorKind,
    TokenExchange,
};
use portcullis_core::Secret;
use portcullis_test::{DEFAULT_CLIENT_ID, Endpoint, Fault};
use serde_json::json;
use tokio::task::JoinSet;

use super::Setting;
use crate::{MINUTE, client, in_time, secs};

pub(super) fn unavailable() -> Fault {
    Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    }
}

#[tokio::test]
async fn refusal_is_repeated_for_2_s_for_its_subject_only() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let bad = SubjectToken::access_token(Secret::new("opaque"), None);
    for _ in 0..100 {
        let error = exchange.token(&bad).await.expect_err("no JWT");
        assert_eq!(
            &*error.oauth_error().expect("an error").code,
            "invalid_grant"
        );
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token), 1);
    exchange
        .token(&setting.subject("alice", MINUTE))
        .await
        .expect("a token");
    setting.clock.advance(secs(2));
    exchange.token(&bad).await.expect_err("no JWT");
    assert_eq!(setting.issuer.requests(Endpoint::Token), 3);
}

#[tokio::test]
async fn clock_set_back_does_not_extend_a_refusal() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let bad = SubjectToken::access_token(Secret::new("opaque"), None);
    exchange.token(&bad).await.expect_err("no JWT");
    setting.clock.rewind(60 * MINUTE);
    tokio::time::pause();
    tokio::time::advance(secs(10)).await;
    tokio::time::resume();
    exchange.token(&bad).await.expect_err("no JWT");
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn invalid_response_for_one_subject_does_not_affect_others() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let mut requests = 0;
    for (status, body) in [
        (400, "<html>request blocked"),
        (401, "<html>request blocked"),
        (401, r#"{"error":"invalid_token"}"#),
        (401, r#"{"error":"access_denied"}"#),
        (403, ""),
    ] {
        let blocked = Fault::Answer {
            status,
            content_type: "text/html",
            body: body.as_bytes().to_vec(),
        };
        setting.issuer.fault_for(Endpoint::Token, blocked, 1);
        let subject = |name: &str| setting.subject(&format!("{name} {requests}"), MINUTE);
        let (mallory, alice) = (subject("mallory"), subject("alice"));
        exchange.token(&mallory).await.expect_err("blocked");
        exchange.token(&alice).await.expect("a token");
        exchange.token(&mallory).await.expect_err("a backoff");
        requests += 2;
        assert_eq!(
            setting.issuer.requests(Endpoint::Token),
            requests,
            "{status}"
        );
    }
}

#[tokio::test]
async fn end_of_an_outage_is_noticed_within_5_s() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let alice = setting.subject("alice", 5 * MINUTE);
    setting.issuer.fault(Endpoint::Token, unavailable());
    for _ in 0..60 {
        exchange.token(&alice).await.expect_err("an outage");
        setting.clock.advance(secs(1));
    }
    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(secs(5));
    exchange.token(&alice).await.expect("the outage is over");
}

#[tokio::test]
async fn status_429_without_retry_after_starts_the_backoff() {
    let retry_after = None;
    for fault in [
        Fault::TooManyRequests { retry_after },
        Fault::Status(429),
        Fault::Status(500),
    ] {
        let setting = Setting::new().await;
        let exchange = setting.builder().build().expect("an exchange");
        setting.issuer.fault(Endpoint::Token, fault);
        for subject in 0..20 {
            let subject = setting.subject(&subject.to_string(), MINUTE);
            exchange.token(&subject).await.expect_err("too many");
        }
        assert_eq!(setting.issuer.requests(Endpoint::Token), 1);
    }
}

/// A server may echo the form or the token in that member.
#[tokio::test]
async fn error_omits_unregistered_token_types() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    for made_up in [
        "zq-opaque-token",
        "urn:ietf:params:oauth:token-type:zq-opaque-token",
        "",
    ] {
        let body = json!({
            "access_token": "zq-opaque-token", "token_type": "Bearer", "issued_token_type": made_up,
        });
        setting.issuer.fault(Endpoint::Token, Fault::Json(body));
        let subject = setting.subject(made_up, MINUTE);
        let error = exchange.token(&subject).await.expect_err("no access token");
        assert_eq!(error.kind(), TokenErrorKind::TokenType, "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("zq-"), "{text}");
    }
}

#[tokio::test]
async fn outage_backs_off_and_cached_tokens_remain_usable() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let alice = setting.subject("alice", 5 * MINUTE);
    exchange.token(&alice).await.expect("a token");
    let retry_after = Some(secs(30));
    setting
        .issuer
        .fault(Endpoint::Token, Fault::TooManyRequests { retry_after });
    for subject in 0..100 {
        let subject = setting.subject(&subject.to_string(), MINUTE);
        let error = exchange.token(&subject).await.expect_err("too many");
        let left = error.retry_after().expect("a backoff");
        assert!(left > secs(20) && left <= secs(30), "{left:?}");
        exchange.token(&alice).await.expect("a cached token");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(secs(30));
    exchange
        .token(&setting.subject("bob", MINUTE))
        .await
        .expect("a token");
}

#[tokio::test]
async fn rejected_client_is_not_retried_for_each_subject() {
    let setting = Setting::new().await;
    let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, "wrong");
    let exchange = TokenExchange::builder(&setting.server, client).build();
    let exchange = exchange.expect("an exchange");
    for subject in 0..50 {
        let subject = setting.subject(&subject.to_string(), MINUTE);
        let error = exchange
            .token(&subject)
            .await
            .expect_err("a wrong client secret");
        let code = &*error.oauth_error().expect("an error").code;
        assert_eq!(code, "invalid_client");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn concurrent_failures_count_as_one() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let warm = setting.subject("warm", MINUTE);
    exchange.token(&warm).await.expect("a token");
    setting.issuer.fault(Endpoint::Token, unavailable());
    let mut callers = JoinSet::new();
    for subject in 0..10 {
        let subject = setting.subject(&subject.to_string(), MINUTE);
        let exchange = exchange.clone();
        callers.spawn(async move { exchange.token(&subject).await });
    }
    let failed = callers.join_all().await;
    assert_eq!(failed.iter().filter(|token| token.is_err()).count(), 10);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 11);

    setting.issuer.heal(Endpoint::Token);
    // If these counted as several failures, the backoff would last longer.
    setting.clock.advance(secs(1));
    let alice = setting.subject("alice", MINUTE);
    exchange.token(&alice).await.expect("a token");
}

#[tokio::test]
async fn late_success_does_not_end_a_newer_backoff() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let subject = |name| setting.subject(name, 5 * MINUTE);
    let (alice, bob, carol) = (subject("alice"), subject("bob"), subject("carol"));
    let (late, ()) = tokio::join!(exchange.token(&alice), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        setting.clock.advance(secs(1));
        let retry_after = Some(secs(30));
        let fault = Fault::TooManyRequests { retry_after };
        setting.issuer.fault(Endpoint::Token, fault);
        exchange.token(&bob).await.expect_err("too many");
    });
    late.expect("a request from before the backoff");
    setting.clock.advance(secs(29));
    let error = exchange.token(&carol).await.expect_err("too many");
    assert_eq!(error.retry_after(), Some(secs(1)));
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn concurrent_exchanges_share_one_discovery() {
    let setting = Setting::new().await;
    setting.issuer.fault(Endpoint::Discovery, Fault::Hang);
    let server = AuthorizationServer::discover(setting.issuer.url())
        .http(HttpSettings::default().timeout(Duration::from_millis(300)))
        .build()
        .expect("a server");
    let exchange = TokenExchange::builder(&server, client());
    let exchange = exchange.build().expect("an exchange");
    let mut callers = JoinSet::new();
    for subject in 0..30 {
        let subject = setting.subject(&subject.to_string(), MINUTE);
        let exchange = exchange.clone();
        callers.spawn(async move { exchange.token(&subject).await });
    }
    for token in in_time(callers.join_all()).await {
        let error = token.expect_err("no metadata");
        assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error}");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Discovery), 1);
}
