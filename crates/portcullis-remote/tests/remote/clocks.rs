//! Skewed clocks and clock jumps.

use std::time::Duration;

use portcullis_core::clock::Clock;
use portcullis_remote::{ClockOffset, IssuerEvent};
use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};
use tokio::sync::broadcast::Receiver;

use crate::support::{builder, in_time, millis, short_lifetime, start, started, wait_for};

#[tokio::test]
async fn clock_skew_of_the_issuer_is_reported() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let mut events = keys.events();
    let small = keys.status().clock_skew.expect("a Date header").magnitude();
    assert!(small < Duration::from_secs(10), "{small:?}");
    for (seconds, is_right) in [
        (
            300,
            (|offset| matches!(offset, ClockOffset::Ahead(by) if by > Duration::from_secs(290)))
                as fn(_) -> _,
        ),
        (0, |offset: ClockOffset| {
            offset.magnitude() < Duration::from_secs(10)
        }),
        (
            -300,
            |offset| matches!(offset, ClockOffset::Behind(by) if by > Duration::from_secs(290)),
        ),
    ] {
        issuer.date_skew(Endpoint::Jwks, seconds);
        keys.refresh().await.unwrap();
        assert!(is_right(keys.status().clock_skew.unwrap()), "{seconds}");
        if seconds != 0 {
            wait_for!(&mut events, ClockSkewed);
        }
    }
}

#[tokio::test]
async fn clock_set_back_keeps_the_age_of_keys() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = start(builder(&issuer).clock(clock.shared())).await;
    let mut events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Down);
    clock.rewind(DAY);
    keys.refresh().await.expect_err("down");
    assert!(jump(&mut events).await.magnitude().abs_diff(DAY) < Duration::from_secs(10));
    let status = keys.status();
    assert!(!status.stale);
    assert!(status.age.unwrap() < Duration::from_secs(10));
    let left = status.stale_at.unwrap().duration_since(clock.now());
    assert!(
        left.abs_diff(Duration::from_secs(6 * 3600 + 600)) < Duration::from_secs(10),
        "{left:?}"
    );
}

#[tokio::test]
async fn sleep_of_the_machine_ages_keys() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = start(builder(&issuer).clock(clock.shared())).await;
    let mut events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Down);
    clock.advance(DAY);
    keys.refresh().await.expect_err("down");
    assert!(jump(&mut events).await.magnitude().abs_diff(DAY) < Duration::from_secs(10));
    wait_for!(&mut events, Stale);
    let status = keys.status();
    assert!(status.stale, "the keys may have been withdrawn a day ago");
    assert!(status.age.unwrap() > DAY - Duration::from_secs(60));

    issuer.heal(Endpoint::Jwks);
    keys.refresh().await.expect("a set");
    let status = keys.status();
    assert!(!status.stale);
    assert!(status.age.unwrap() < Duration::from_secs(10));
}

#[tokio::test]
async fn stale_keys_stay_stale_when_the_clock_is_set_back() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let rules = short_lifetime();
    let builder = builder(&issuer).refresh_rules(rules).clock(clock.shared());
    let keys = start(builder.stale_limit(millis(50))).await;
    let mut events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Down);
    wait_for!(&mut events, Stale);
    assert!(keys.status().stale, "the clock did not move");
    for back in [millis(1), millis(1900), Duration::from_secs(3600), DAY] {
        clock.rewind(back);
        assert!(keys.status().stale, "{back:?}");
        // The refresh makes the task compare the clocks.
        keys.refresh().await.expect_err("down");
        assert!(keys.status().stale, "{back:?}");
    }
    issuer.heal(Endpoint::Jwks);
    keys.refresh().await.expect("a set");
    assert!(!keys.status().stale);
}

#[tokio::test]
async fn keys_are_fetched_at_once_after_a_sleep() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = start(builder(&issuer).clock(clock.shared())).await;
    clock.advance(Duration::from_secs(3600));
    // The task compares the clocks every 10 s and whenever it is woken.
    keys.set_stale_limit(Duration::from_secs(3600));
    in_time(issuer.wait_for_requests(Endpoint::Jwks, 2)).await;
}

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn jump(events: &mut Receiver<IssuerEvent>) -> ClockOffset {
    match wait_for!(events, ClockJumped) {
        IssuerEvent::ClockJumped { offset, .. } => offset,
        _ => unreachable!(),
    }
}
