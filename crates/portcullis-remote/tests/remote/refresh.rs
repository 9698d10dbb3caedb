//! When keys are fetched, and how long they remain in use.

use std::time::Duration;

use portcullis_core::clock::{Clock, SystemClock};
use portcullis_remote::{BudgetRules, FetchErrorKind, Issuer, IssuerEvent};
use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};

use crate::support::{
    answer, bearer, builder, in_time, millis, short_backoff, short_lifetime, start, started,
    started_with_bearer, wait_for,
};

#[tokio::test]
async fn keys_are_refreshed_ahead_of_time() {
    let issuer = TestIssuer::start().await;
    let keys = start(builder(&issuer).refresh_rules(short_lifetime())).await;
    in_time(issuer.wait_for_requests(Endpoint::Jwks, 4)).await;
    assert!(!keys.status().stale);
    let mut events = keys.events();
    let (old, new) = issuer.rotate();
    let changed = wait_for!(&mut events, KeysChanged);
    let IssuerEvent::KeysChanged {
        added,
        removed,
        epoch,
        ..
    } = changed
    else {
        unreachable!()
    };
    assert_eq!(
        (added[0].kid.as_deref(), removed[0].kid.as_deref()),
        (new.kid(), old.kid())
    );
    assert_eq!((added.len(), removed.len(), epoch), (1, 1, 2));
}

#[tokio::test]
async fn lifetime_is_clamped_to_the_limits() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    assert_eq!(
        keys.status().lifetime,
        Some(Duration::from_secs(600)),
        "the default lifetime"
    );
    for (cache_control, lifetime) in [
        ("max-age=1800", 1800),
        ("max-age=86400", 3600),
        ("no-cache, max-age=0, must-revalidate", 300),
        ("no-store", 300),
        ("public", 600),
    ] {
        issuer.answer_header(Endpoint::Jwks, "cache-control", cache_control);
        keys.refresh().await.unwrap();
        let status = keys.status();
        assert_eq!(
            status.lifetime,
            Some(Duration::from_secs(lifetime)),
            "{cache_control}"
        );
        let next = status
            .next_refresh
            .duration_since(SystemClock.now())
            .as_secs();
        assert!(
            (lifetime * 71 / 100..=lifetime * 89 / 100).contains(&next),
            "{cache_control}: {next}"
        );
        let stale = status
            .stale_at
            .unwrap()
            .duration_since(SystemClock.now())
            .as_secs();
        assert!(
            (lifetime + 21_590..=lifetime + 21_600).contains(&stale),
            "{cache_control}: {stale}"
        );
    }
}

#[tokio::test]
async fn unchanged_set_is_confirmed_by_its_etag() {
    let issuer = TestIssuer::start().await;
    issuer.etags(Endpoint::Jwks, true);
    issuer.answer_header(Endpoint::Jwks, "cache-control", "max-age=1800");
    let clock = ManualClock::starting_now();
    let keys = start(builder(&issuer).clock(clock.shared())).await;
    let before = keys.status();
    let mut events = keys.events();
    clock.advance(Duration::from_secs(1));
    keys.refresh().await.unwrap();
    let requests = issuer.recorded();
    assert!(requests[0].headers.get("if-none-match").is_none());
    assert!(requests[1].headers.get("if-none-match").is_some());
    let after = keys.status();
    assert!(after.last_success > before.last_success);
    assert_eq!(
        (after.epoch, after.keys, after.lifetime),
        (before.epoch, before.keys, before.lifetime)
    );
    let event = events.try_recv();
    assert!(event.is_err(), "nothing happened: {event:?}");

    let (_, new) = issuer.rotate();
    keys.refresh().await.unwrap();
    assert_eq!(
        keys.status().keys[0].kid.as_deref(),
        new.kid(),
        "a changed set has another ETag"
    );
}

#[tokio::test]
async fn retry_after_is_honoured_by_the_schedule_and_by_requests() {
    let issuer = TestIssuer::start().await;
    let keys = start(builder(&issuer).refresh_rules(short_backoff())).await;
    let bearer = bearer(&keys, &issuer);
    let retry_after = Some(Duration::from_secs(120));
    issuer.fault(Endpoint::Jwks, Fault::TooManyRequests { retry_after });
    let error = keys.refresh().await.expect_err("a fault");
    assert_eq!(error.kind(), FetchErrorKind::Status(429));
    let next = keys
        .status()
        .next_refresh
        .duration_since(SystemClock.now())
        .as_secs();
    assert!((110..=120).contains(&next), "{next}");
    let asked = issuer.requests(Endpoint::Jwks);
    issuer.rotate();
    for _ in 0..10 {
        assert_eq!(
            answer(&bearer, &issuer.token().mint()).await,
            503,
            "the key may be newer"
        );
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), asked);

    issuer.heal(Endpoint::Jwks);
    keys.refresh().await.expect("a refresh by the operator");
    assert_eq!(answer(&bearer, &issuer.token().mint()).await, 200);
}

#[tokio::test]
async fn stale_keys_are_503_and_the_limit_can_be_extended() {
    let issuer = TestIssuer::start().await;
    let builder = builder(&issuer).refresh_rules(short_lifetime());
    let keys = start(builder.stale_limit(millis(50))).await;
    let bearer = bearer(&keys, &issuer);
    let token = issuer.token().mint();
    let mut events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Down);
    wait_for!(&mut events, Stale);
    let status = keys.status();
    assert!(status.ready && status.stale, "stale is not unready");
    assert_eq!(answer(&bearer, &token).await, 503);

    keys.set_stale_limit(Duration::from_secs(3600));
    let _ = keys.refresh().await;
    assert!(!keys.status().stale);
    assert_eq!(answer(&bearer, &token).await, 200);

    keys.set_stale_limit(Duration::ZERO);
    wait_for!(&mut events, Stale);
    assert_eq!(answer(&bearer, &token).await, 503);
    issuer.heal(Endpoint::Jwks);
    wait_for!(&mut events, Recovered);
    assert_eq!(answer(&bearer, &token).await, 200);

    issuer.fault(Endpoint::Jwks, Fault::Down);
    wait_for!(&mut events, Stale);
}

#[tokio::test]
async fn withdrawn_key_is_refused_after_the_refresh() {
    let (issuer, keys, bearer) = started_with_bearer().await;
    let token = issuer.token().mint();
    assert_eq!(answer(&bearer, &token).await, 200);
    issuer.rotate();
    keys.refresh().await.unwrap();
    assert_eq!(answer(&bearer, &token).await, 401);
}

#[tokio::test]
async fn zero_intervals_are_refused() {
    for change in [
        |rules: &mut portcullis_remote::RefreshRules| rules.shortest_lifetime = Duration::ZERO,
        |rules: &mut portcullis_remote::RefreshRules| rules.backoff.first = Duration::ZERO,
        |rules: &mut portcullis_remote::RefreshRules| rules.backoff.longest = Duration::ZERO,
    ] {
        let mut rules = short_backoff();
        change(&mut rules);
        let builder = Issuer::jwks("a", "https://issuer.example").refresh_rules(rules);
        assert!(builder.start().await.is_err());
    }
    let budget = BudgetRules::new(1, Duration::ZERO);
    let builder = Issuer::jwks("a", "https://issuer.example").signal_budget(budget);
    assert!(builder.start().await.is_err());
}
