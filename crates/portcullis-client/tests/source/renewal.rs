//! Single flight and renewal.

use std::time::Duration;

use portcullis_client::{TokenErrorKind, TokenEvent};
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;

use crate::{MINUTE, Setting, in_time, secs};

const CALLERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_concurrent_callers_share_one_request() {
    let setting = Setting::new().await;
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let source = setting.source.clone();
        callers.spawn(async move { source.token().await });
    }
    let tokens = callers.join_all().await;
    let first = tokens[0].as_ref().expect("a token");
    assert_eq!(tokens.len(), CALLERS);
    assert!(
        tokens
            .iter()
            .flatten()
            .filter(|token| token.ptr_eq(first))
            .count()
            == CALLERS
    );
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_survives_cancelled_callers() {
    let setting = Setting::new().await;
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let (mut leaving, mut staying) = (JoinSet::new(), JoinSet::new());
    for caller in 0..CALLERS {
        let source = setting.source.clone();
        // The caller that causes the request is among those that are cancelled.
        let callers = if caller % 2 == 0 {
            &mut leaving
        } else {
            &mut staying
        };
        callers.spawn(async move { source.token().await });
        if caller == 0 {
            setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        }
    }
    leaving.shutdown().await;
    let tokens = staying.join_all().await;
    assert_eq!(tokens.iter().flatten().count(), CALLERS / 2);
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test]
async fn clock_correction_does_not_strand_waiting_callers() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.clock.rewind(secs(6));
    let mut waiting = tokio_test::task::spawn(setting.token());
    assert!(waiting.poll().is_pending());
    setting.clock.advance(secs(6));
    in_time(waiting).await.expect("the current token");
}

#[tokio::test]
async fn request_without_callers_still_obtains_a_token() {
    let mut setting = Setting::new().await;
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let source = setting.source.clone();
    let mut caller = JoinSet::new();
    caller.spawn(async move { source.token().await });
    setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
    caller.shutdown().await;
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    assert!(setting.source.current().is_some());
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_handed_out_shortly_before_it_expires() {
    let mut setting = Setting::new().await;
    let mut obtained = 0;
    for second in 0..3600 {
        let token = setting.token().await.expect("a token");
        let left = token
            .expires_at()
            .duration_since(setting.clock.shared().now());
        assert!(left > secs(6), "{left:?} are left at {second} s");
        // Wait for a renewal before the clock advances, so that the count depends on the schedule only.
        if setting.token_requests() > obtained {
            assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
            obtained += 1;
        }
        setting.clock.advance(secs(1));
    }
    // A token is renewed after 43 s at the earliest and 53 s at the latest.
    assert!(
        (3600 / 54..=3600 / 43 + 1).contains(&obtained),
        "{obtained} tokens"
    );
    assert_eq!(setting.token_requests(), obtained);
}

#[tokio::test]
async fn token_is_renewed_while_it_is_usable() {
    let mut setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.event().await;
    setting.clock.advance(secs(53));
    // The call does not wait for the new token.
    let second = setting.source.current().expect("a current token");
    assert!(second.ptr_eq(&first));
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    let third = setting.source.current().expect("a token");
    assert!(!third.ptr_eq(&first));
    assert_eq!(setting.token_requests(), 2);
}

/// At 80 % of the lifetime the token would be renewed every 3 s.
#[tokio::test(start_paused = true)]
async fn unused_short_lived_token_is_renewed_every_5_s_at_most() {
    let clock = crate::recurring_outages::TokioClock::shared();
    let issuer = portcullis_test::TestIssuer::builder()
        .clock(clock.clone())
        .token_lifetime(secs(4))
        .start()
        .await
        .expect("an issuer");
    let server = portcullis_client::AuthorizationServer::discover(issuer.url()).clock(clock);
    let server = server.build().expect("a server");
    let source = portcullis_client::TokenSource::builder(&server, crate::client());
    let source = source.build().expect("a source");
    let first = source.token().await.expect("a token");
    for _ in 0..600 {
        // In small steps, so that paused time does not jump while a request is in flight.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let requests = issuer.requests(Endpoint::Token);
    assert!((8..=13).contains(&requests), "{requests} requests in 60 s");
    assert_eq!(source.status().failures, 0);
    // A caller does not wait for the idle interval.
    let token = source.token().await.expect("a token");
    assert!(!token.ptr_eq(&first));
    tokio::time::sleep(secs(4)).await;
    let next = source.token().await.expect("a token");
    assert!(!next.ptr_eq(&token));
}

#[tokio::test]
async fn clock_set_back_causes_a_new_token() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.clock.rewind(MINUTE);
    let second = setting.token().await.expect("a token");
    assert!(!second.ptr_eq(&first));
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn current_starts_a_fetch() {
    let mut setting = Setting::new().await;
    assert!(setting.source.current().is_none());
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    assert!(setting.source.current().is_some());
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test]
async fn concurrent_refreshes_share_one_request() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    let mut callers = JoinSet::new();
    for _ in 0..200 {
        let source = setting.source.clone();
        callers.spawn(async move { source.refresh().await });
    }
    let tokens = callers.join_all().await;
    let new = tokens[0].as_ref().expect("a token");
    assert!(tokens.iter().flatten().all(|token| token.ptr_eq(new)));
    assert_eq!(tokens.iter().flatten().count(), 200);
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn abandoned_refreshes_share_one_request() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let (first, ()) = tokio::join!(setting.source.refresh(), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 2).await;
        for _ in 0..50 {
            let mut refresh = tokio_test::task::spawn(setting.source.refresh());
            assert!(refresh.poll().is_pending(), "a request is in flight");
        }
    });
    first.expect("a token");
    setting.source.refresh().await.expect("a token");
    let requests = setting.token_requests();
    assert!((3..=4).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn token_that_expired_in_transit_is_an_error_and_starts_the_backoff() {
    let setting = Setting::new().await;
    let slow = Fault::Slow(Duration::from_millis(300));
    setting.issuer.fault(Endpoint::Token, slow);
    let (token, ()) = tokio::join!(in_time(setting.token()), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        setting.clock.advance(secs(57));
    });
    let error = token.expect_err("an expired token");
    assert_eq!(error.kind(), TokenErrorKind::Unusable, "{error}");
    for _ in 0..10 {
        let error = setting.token().await.expect_err("a backoff");
        assert_eq!(error.kind(), TokenErrorKind::Unusable, "{error}");
    }
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test]
async fn small_clock_correction_during_a_backoff_does_not_strand_callers() {
    let setting = Setting::new().await;
    let retry_after = Some(secs(10));
    setting
        .issuer
        .fault(Endpoint::Token, Fault::TooManyRequests { retry_after });
    setting.token().await.expect_err("too many");
    setting.issuer.heal(Endpoint::Token);
    setting.clock.advance(secs(10));
    let mut waiting = tokio_test::task::spawn(setting.token());
    assert!(waiting.poll().is_pending(), "the backoff is over");
    // This happens before the task reads the clock.
    setting.clock.rewind(Duration::from_millis(5));
    let error = in_time(waiting).await.expect_err("the backoff");
    assert_eq!(error.kind(), TokenErrorKind::Refused, "{error}");
    assert_eq!(setting.token_requests(), 1);
    setting.clock.advance(Duration::from_millis(5));
    setting.token().await.expect("a token");
}
