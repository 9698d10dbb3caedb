//! One request, however many want its token; and never one that is about to end.

use portcullis_client::TokenEvent;
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;

use crate::{MINUTE, Setting, secs};

const CALLERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_on_a_cold_source_make_one_request() {
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
            .filter(|token| token.is(first))
            .count()
            == CALLERS
    );
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_survives_whoever_leaves() {
    let setting = Setting::new().await;
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let (mut leaving, mut staying) = (JoinSet::new(), JoinSet::new());
    for caller in 0..CALLERS {
        let source = setting.source.clone();
        // The one that causes the request is among those that leave.
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
async fn a_request_that_nobody_waits_for_any_more_still_brings_its_token() {
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
async fn in_an_hour_of_short_tokens_none_is_handed_out_in_its_last_moments() {
    let mut setting = Setting::new().await;
    let mut obtained = 0;
    for second in 0..3600 {
        let token = setting.token().await.expect("a token");
        let left = token
            .expires_at()
            .duration_since(setting.clock.shared().now());
        assert!(left > secs(6), "{left:?} are left at {second} s");
        // What was renewed in the background has arrived before the clock goes on, so that the count is the schedule's.
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
async fn a_token_is_renewed_while_it_still_serves() {
    let mut setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.event().await;
    setting.clock.advance(secs(53));
    // The call itself does not wait for the new one.
    let second = setting.source.current().expect("it lives");
    assert!(second.is(&first));
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    let third = setting.source.current().expect("a token");
    assert!(!third.is(&first));
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn nobody_calls_and_the_token_is_renewed_all_the_same() {
    let clock = portcullis_core::system_clock();
    let issuer = portcullis_test::TestIssuer::builder()
        .token_lifetime(secs(1))
        .start()
        .await
        .expect("an issuer");
    let server = portcullis_client::AuthorizationServer::discover(issuer.url()).clock(clock);
    let server = server.build().expect("a server");
    let source = portcullis_client::TokenSource::builder(&server, crate::client());
    let source = source.build().expect("a source");
    source.token().await.expect("a token");
    issuer.wait_for_requests(Endpoint::Token, 3).await;
    assert!(source.status().obtained >= 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_brings_a_new_token() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.clock.rewind(MINUTE);
    let second = setting.token().await.expect("a token");
    assert!(!second.is(&first));
    assert_eq!(setting.token_requests(), 2);
}
