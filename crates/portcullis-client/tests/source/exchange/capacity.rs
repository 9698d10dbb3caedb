//! The capacity of an exchange's cache.

use std::time::Duration;

use portcullis_client::{SubjectToken, TokenErrorKind};
use portcullis_core::Secret;
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;

use super::{Setting, outages::unavailable};
use crate::{MINUTE, in_time, secs};

#[tokio::test]
async fn outage_evicts_no_usable_token() {
    let setting = Setting::new().await;
    let exchange = setting.builder().capacity(4).build();
    let exchange = exchange.expect("an exchange");
    let alice = setting.subject("alice", 5 * MINUTE);
    let first = exchange.token(&alice).await.expect("a token");
    setting.issuer.fault(Endpoint::Token, unavailable());
    for subject in 0..10 {
        let subject = setting.subject(&subject.to_string(), 5 * MINUTE);
        exchange.token(&subject).await.expect_err("an outage");
        // Each backoff has ended.
        setting.clock.advance(secs(10));
    }
    let second = exchange.token(&alice).await.expect("a cached token");
    assert!(second.ptr_eq(&first));

    // Failures do not occupy capacity either.
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
async fn cache_is_bounded_by_capacity() {
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
async fn exchanges_in_flight_are_bounded_by_capacity() {
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
        let error = token.expect("no panic").expect_err("too many exchanges");
        assert_eq!(error.kind(), TokenErrorKind::Busy);
    }
    assert_eq!(exchange.cached(), 16);
    in_time(setting.issuer.wait_for_requests(Endpoint::Token, 17)).await;
    assert_eq!(setting.issuer.requests(Endpoint::Token), 17);
}

#[tokio::test]
async fn full_cache_still_shares_requests_per_subject() {
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
