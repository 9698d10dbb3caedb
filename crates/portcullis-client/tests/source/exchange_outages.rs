//! Exchanges that fail, or that there is no room for: whom that concerns, and for how long.

use std::time::Duration;

use portcullis_client::{
    AuthorizationServer, ClientAuthentication, HttpSettings, SubjectToken, TokenErrorKind,
    TokenExchange,
};
use portcullis_core::Secret;
use portcullis_test::{DEFAULT_CLIENT_ID, Endpoint, Fault};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{MINUTE, client, exchange::Setting, patiently, secs};

fn unavailable() -> Fault {
    Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    }
}

#[tokio::test]
async fn a_refusal_is_told_for_a_while_and_concerns_its_subject_alone() {
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
async fn a_refusal_is_told_no_longer_because_the_clock_is_set_back() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let bad = SubjectToken::access_token(Secret::new("opaque"), None);
    exchange.token(&bad).await.expect_err("no JWT");
    setting.clock.rewind(60 * MINUTE);
    setting.clock.advance(secs(10));
    exchange.token(&bad).await.expect_err("no JWT");
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn an_odd_answer_to_one_subject_is_nobody_elses_outage() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let mut asked = 0;
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
        let subject = |name: &str| setting.subject(&format!("{name} {asked}"), MINUTE);
        let (mallory, alice) = (subject("mallory"), subject("alice"));
        exchange.token(&mallory).await.expect_err("blocked");
        exchange.token(&alice).await.expect("a token");
        exchange
            .token(&mallory)
            .await
            .expect_err("a moment ago it was blocked");
        asked += 2;
        assert_eq!(setting.issuer.requests(Endpoint::Token), asked, "{status}");
    }
}

#[tokio::test]
async fn the_end_of_an_outage_is_noticed_within_5_s() {
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
async fn a_429_without_a_time_counts_like_any_failure() {
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

/// A server may put there what it was sent, or the token.
#[tokio::test]
async fn a_type_that_the_server_made_up_is_not_shown() {
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
async fn a_server_that_fails_is_left_alone_and_what_is_kept_serves() {
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
        assert_eq!(error.retry_after(), retry_after);
        exchange.token(&alice).await.expect("it is kept");
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
async fn a_client_that_is_refused_is_not_shown_again_for_each_subject() {
    let setting = Setting::new().await;
    let client = ClientAuthentication::secret_post(DEFAULT_CLIENT_ID, "wrong");
    let exchange = TokenExchange::builder(&setting.server, client).build();
    let exchange = exchange.expect("an exchange");
    for subject in 0..50 {
        let subject = setting.subject(&subject.to_string(), MINUTE);
        let error = exchange.token(&subject).await.expect_err("it is wrong");
        let code = &*error.oauth_error().expect("an error").code;
        assert_eq!(code, "invalid_client");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn exchanges_that_fail_together_are_one_failure() {
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
    // After a second failure it would be left alone for as long as that.
    setting.clock.advance(secs(1));
    let alice = setting.subject("alice", MINUTE);
    exchange.token(&alice).await.expect("a token");
}

#[tokio::test]
async fn what_succeeds_late_does_not_end_an_outage_that_was_noted_meanwhile() {
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
    late.expect("it began before");
    setting.clock.advance(secs(29));
    let error = exchange.token(&carol).await.expect_err("too many");
    assert_eq!(error.retry_after(), Some(secs(1)));
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn exchanges_do_not_queue_for_metadata_that_cannot_be_read() {
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
    for token in patiently(callers.join_all()).await {
        let error = token.expect_err("no metadata");
        assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error}");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn an_outage_drives_out_nothing_that_serves() {
    let setting = Setting::new().await;
    let exchange = setting.builder().capacity(4).build();
    let exchange = exchange.expect("an exchange");
    let alice = setting.subject("alice", 5 * MINUTE);
    let first = exchange.token(&alice).await.expect("a token");
    setting.issuer.fault(Endpoint::Token, unavailable());
    for subject in 0..10 {
        let subject = setting.subject(&subject.to_string(), 5 * MINUTE);
        exchange.token(&subject).await.expect_err("an outage");
        // The server is asked again each time.
        setting.clock.advance(secs(10));
    }
    let second = exchange.token(&alice).await.expect("it is kept");
    assert!(second.ptr_eq(&first));

    // Nor does what failed take the place of what comes after.
    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(MINUTE);
    let before = setting.issuer.requests(Endpoint::Token);
    let subjects = ["bob", "carol"].map(|name| setting.subject(name, 5 * MINUTE));
    for _ in 0..3 {
        for subject in &subjects {
            exchange.token(subject).await.expect("a token");
        }
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token) - before, 2);
}

#[tokio::test]
async fn no_more_are_kept_than_there_is_room_for() {
    let setting = Setting::new().await;
    let exchange = setting.builder().capacity(2).build().expect("an exchange");
    for (subject, lifetime) in [("a", 3 * MINUTE), ("b", MINUTE), ("c", 2 * MINUTE)] {
        exchange
            .token(&setting.subject(subject, lifetime))
            .await
            .expect("a token");
        assert!(exchange.cached() <= 2);
    }
    assert_eq!(setting.issuer.requests(Endpoint::Token), 3);
}

#[tokio::test]
async fn no_more_exchanges_are_under_way_than_there_is_room_for() {
    let setting = Setting::new().await;
    let exchange = setting.builder().capacity(16).build();
    let exchange = exchange.expect("an exchange");
    let warm = setting.subject("warm", MINUTE);
    exchange.token(&warm).await.expect("a token");
    setting.issuer.fault(Endpoint::Token, Fault::Hang);
    let mut callers = JoinSet::new();
    for subject in 0..400 {
        let subject = SubjectToken::access_token(Secret::new(subject.to_string()), None);
        let exchange = exchange.clone();
        callers.spawn(async move { exchange.token(&subject).await });
    }
    for _ in 0..400 - 16 {
        let token = callers.join_next().await.expect("a caller");
        let error = token.expect("no panic").expect_err("there is no room");
        assert_eq!(error.kind(), TokenErrorKind::Busy);
    }
    assert_eq!(exchange.cached(), 16);
    patiently(setting.issuer.wait_for_requests(Endpoint::Token, 17)).await;
    assert_eq!(setting.issuer.requests(Endpoint::Token), 17);
}

#[tokio::test]
async fn there_is_one_request_for_each_subject_where_there_is_no_room_for_more() {
    let setting = Setting::new().await;
    let exchange = setting.builder().capacity(2).build();
    let exchange = exchange.expect("an exchange");
    let slow = Fault::Slow(Duration::from_millis(300));
    setting.issuer.fault(Endpoint::Token, slow);
    let subjects = ["alice", "bob", "carol"].map(|name| setting.subject(name, MINUTE));
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        for subject in &subjects {
            let (exchange, subject) = (exchange.clone(), subject.clone());
            callers.spawn(async move { exchange.token(&subject).await });
        }
    }
    let tokens = callers.join_all().await;
    assert_eq!(tokens.iter().flatten().count(), 20);
    let busy = tokens.iter().filter_map(|token| token.as_ref().err());
    assert!(
        busy.clone()
            .all(|error| error.kind() == TokenErrorKind::Busy)
    );
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}
