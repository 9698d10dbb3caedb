//! Fetches that requests with unknown keys and bad signatures cause.

use std::time::Duration;

use portcullis_remote::{BudgetRules, RefreshRules};
use portcullis_test::{Endpoint, Fault, TestIssuer};
use tokio::{task::JoinSet, time::Instant};

use crate::support::{
    answer, bearer, builder, in_time, millis, refusal, short_backoff, start, started,
    started_with_bearer, wait_for,
};

/// Rules that repeat no failed fetch during a test.
fn no_retries() -> RefreshRules {
    let mut rules = RefreshRules::default();
    rules.backoff.first = Duration::from_secs(3600);
    rules.backoff.longest = rules.backoff.first;
    rules
}

#[tokio::test]
async fn unknown_kid_causes_one_fetch_for_many_requests() {
    let (issuer, _keys, bearer) = started_with_bearer().await;
    issuer.rotate();
    issuer.fault(Endpoint::Jwks, Fault::Slow(millis(50)));
    let token = issuer.token().mint();
    let mut requests = JoinSet::new();
    for _ in 0..200 {
        let (bearer, token) = (bearer.clone(), token.clone());
        requests.spawn(async move { answer(&bearer, &token).await });
    }
    for status in requests.join_all().await {
        assert_eq!(status, 200);
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn spray_of_unknown_kids_stays_within_the_budget() {
    let (issuer, _keys, bearer) = started_with_bearer().await;
    let good = issuer.token().mint();
    let bad: Vec<String> = (0..100)
        .map(|n| issuer.token().kid(&format!("unknown-{n}")).mint())
        .collect();
    let start = Instant::now();
    for token in bad.iter().cycle().take(10_000) {
        assert_eq!(answer(&bearer, token).await, 401);
    }
    assert_eq!(answer(&bearer, &good).await, 200);
    // The first fetch, two from the budget, and one for each 10 s of the spray.
    let took = start.elapsed().as_secs();
    assert!((3..=4 + took as usize / 10).contains(&issuer.requests(Endpoint::Jwks)));
}

#[tokio::test]
async fn spray_during_an_outage_is_503_within_the_budget() {
    let issuer = TestIssuer::start().await;
    let keys = start(
        builder(&issuer)
            .refresh_rules(no_retries())
            .signal_budget(BudgetRules::new(2, Duration::from_secs(3600))),
    )
    .await;
    let bearer = bearer(&keys, &issuer);
    let good = issuer.token().mint();
    issuer.fault(Endpoint::Jwks, Fault::Status(500));
    let bad = issuer.token().kid("unknown").mint();
    for _ in 0..200 {
        assert_eq!(answer(&bearer, &bad).await, 503);
    }
    assert_eq!(answer(&bearer, &good).await, 200);
    assert_eq!(
        issuer.requests(Endpoint::Jwks),
        1 + 2,
        "failed fetches count"
    );
}

#[tokio::test]
async fn hanging_issuer_is_503_before_the_fetch_fails() {
    let issuer = TestIssuer::start().await;
    let keys = start(builder(&issuer).longest_wait(millis(50))).await;
    let bearer = bearer(&keys, &issuer);
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let (_, new) = issuer.rotate();
    let token = issuer.token().sign_with(&new).mint();
    for _ in 0..5 {
        assert_eq!(answer(&bearer, &token).await, 503);
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn cancelled_requests_do_not_stop_the_refresh() {
    let (issuer, keys, bearer) = started_with_bearer().await;
    issuer.rotate();
    issuer.fault(Endpoint::Jwks, Fault::Slow(millis(50)));
    let token = issuer.token().mint();
    let mut events = keys.events();
    for _ in 0..1000 {
        // Polled once and dropped, as when a connection is reset.
        tokio::select! {
            biased;
            status = answer(&bearer, &token) => panic!("{status}"),
            () = std::future::ready(()) => {}
        }
    }
    wait_for!(&mut events, KeysChanged);
    assert_eq!(answer(&bearer, &token).await, 200);
    assert_eq!(issuer.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn bad_signature_causes_a_fetch_without_waiting() {
    let (issuer, keys, bearer) = started_with_bearer().await;
    let old = issuer.token().mint();
    issuer.replace_material();
    let mut events = keys.events();
    let new = issuer.token().mint();
    assert_eq!(
        answer(&bearer, &new).await,
        401,
        "the request does not wait"
    );
    wait_for!(&mut events, KeysChanged);
    assert_eq!(answer(&bearer, &new).await, 200);
    assert_eq!(answer(&bearer, &old).await, 401);
    for _ in 0..1000 {
        assert_eq!(answer(&bearer, &old).await, 401);
    }
    assert!(
        issuer.requests(Endpoint::Jwks) <= 3,
        "bad signatures have a budget"
    );
}

#[tokio::test]
async fn tokens_are_503_without_keys() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let keys = start(
        builder(&issuer)
            .start_timeout(millis(1))
            .refresh_rules(short_backoff()),
    )
    .await;
    let bearer = bearer(&keys, &issuer);
    assert_eq!(answer(&bearer, &issuer.token().mint()).await, 503);
    issuer.heal(Endpoint::Jwks);
    keys.ready().await.unwrap();
    assert_eq!(answer(&bearer, &issuer.token().mint()).await, 200);
}

#[tokio::test]
async fn token_without_kid_waits_for_a_rotated_key() {
    let issuer = TestIssuer::start().await;
    issuer.publish_without("kid");
    let keys = started(&issuer).await;
    let bearer = bearer(&keys, &issuer);
    let token = || issuer.token().without_header("kid").mint();
    assert_eq!(answer(&bearer, &token()).await, 200);
    issuer.rotate();
    issuer.publish_without("kid");
    assert_eq!(
        answer(&bearer, &token()).await,
        200,
        "the request waits for the new key"
    );
    assert_eq!(issuer.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn request_without_keys_causes_a_fetch() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let keys = start(
        builder(&issuer)
            .start_timeout(millis(1))
            .refresh_rules(no_retries()),
    )
    .await;
    let mut events = keys.events();
    if keys.status().failures == 0 {
        wait_for!(&mut events, RefreshFailed);
    }
    issuer.heal(Endpoint::Jwks);
    let bearer = bearer(&keys, &issuer);
    let (status, retry_after) = refusal(&bearer, &issuer.token().mint()).await;
    assert_eq!(status, 503);
    assert!(retry_after <= 2, "{retry_after} s");
    in_time(keys.ready()).await.unwrap();
    assert_eq!(answer(&bearer, &issuer.token().mint()).await, 200);
}

#[tokio::test]
async fn retry_after_of_503_is_the_next_fetch() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let keys = start(
        builder(&issuer)
            .start_timeout(millis(1))
            .refresh_rules(no_retries())
            .signal_budget(BudgetRules::new(1, Duration::from_secs(20))),
    )
    .await;
    let bearer = bearer(&keys, &issuer);
    let token = issuer.token().mint();
    let mut events = keys.events();
    // The first fetch, and the fetch that a request may cause.
    while issuer.requests(Endpoint::Jwks) < 2 || keys.status().failures < 2 {
        assert_eq!(answer(&bearer, &token).await, 503);
        wait_for!(&mut events, RefreshFailed);
    }
    let (status, retry_after) = refusal(&bearer, &token).await;
    assert_eq!(status, 503);
    assert!((15..=25).contains(&retry_after), "{retry_after} s");
}
