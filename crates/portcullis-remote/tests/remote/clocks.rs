//! Clocks that are off, and clocks that jump.

use std::time::Duration;

use portcullis_remote::{ClockOffset, IssuerEvent};
use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};

use crate::support::{builder, event, patiently, started};

#[tokio::test]
async fn the_issuers_clock_is_compared_with_ours() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let mut events = keys.events();
    let small = keys
        .status()
        .clock_skew
        .expect("it sends a Date")
        .magnitude();
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
            event(&mut events, |event| {
                matches!(event, IssuerEvent::ClockSkewed { .. })
            })
            .await;
        }
    }
}

#[tokio::test]
async fn keys_grow_neither_older_nor_younger_when_the_clock_jumps() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = builder(&issuer)
        .clock(clock.shared())
        .start()
        .await
        .unwrap();
    let mut events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let day = Duration::from_secs(24 * 3600);
    for jump in [
        |clock: &ManualClock, by| clock.advance(by),
        |clock: &ManualClock, by| clock.rewind(by),
    ] {
        jump(&clock, day);
        keys.refresh().await.expect_err("down");
        let jumped = event(&mut events, |event| {
            matches!(event, IssuerEvent::ClockJumped { .. })
        })
        .await;
        let IssuerEvent::ClockJumped { clock: offset, .. } = jumped else {
            unreachable!()
        };
        assert!(
            offset.magnitude().abs_diff(day) < Duration::from_secs(10),
            "{offset}"
        );
        let status = keys.status();
        assert!(!status.stale);
        assert!(
            status.age.unwrap() < Duration::from_secs(10),
            "{:?}",
            status.age
        );
        let left = status
            .stale_at
            .unwrap()
            .duration_since(portcullis_core::Clock::now(&clock));
        assert!(
            left.abs_diff(Duration::from_secs(6 * 3600 + 600)) < Duration::from_secs(10),
            "{left:?}"
        );
    }
}

#[tokio::test]
async fn after_a_machine_slept_the_keys_are_fetched_at_once() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = builder(&issuer)
        .clock(clock.shared())
        .start()
        .await
        .unwrap();
    clock.advance(Duration::from_secs(3600));
    // The clocks are compared every now and then, and whenever the task is spoken to.
    keys.set_stale_limit(Duration::from_secs(3600));
    patiently(issuer.wait_for_requests(Endpoint::Jwks, 2)).await;
}
