//! Exchanged tokens and the expiry of the subject's token.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use portcullis_client::{AuthorizationServer, SubjectToken, TokenErrorKind, TokenExchange};
use portcullis_core::{
    Secret,
    clock::{Clock, UnixTime},
};
use portcullis_test::{Endpoint, Fault};

use super::Setting;
use crate::{MINUTE, client, secs};

#[tokio::test]
async fn exchanged_token_is_not_used_after_the_subject_token_expires() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let subject = setting.subject("alice", MINUTE);
    let first = exchange.token(&subject).await.expect("a token");
    assert_eq!(first.expires_at(), setting.now().saturating_add(MINUTE));
    setting.clock.advance(secs(53));
    assert!(
        exchange
            .token(&subject)
            .await
            .expect("a valid token")
            .ptr_eq(&first)
    );
    setting.clock.advance(secs(2));
    assert!(
        !exchange
            .token(&subject)
            .await
            .expect("another")
            .ptr_eq(&first)
    );
    setting.clock.advance(secs(5));
    let error = exchange
        .token(&subject)
        .await
        .expect_err("an expired subject token");
    assert_eq!(error.kind(), TokenErrorKind::NoSubjectToken);
}

/// A clock that jumps ahead once, after it is read.
#[derive(Debug, Default)]
struct JumpingClock {
    now: AtomicU64,
    jump: AtomicU64,
}

impl Clock for JumpingClock {
    fn now(&self) -> UnixTime {
        let jump = self.jump.swap(0, SeqCst);
        UnixTime::from_secs(self.now.fetch_add(jump, SeqCst))
    }
}

#[tokio::test]
async fn cached_token_that_expires_during_the_call_is_exchanged_again() {
    let setting = Setting::new().await;
    let clock = Arc::new(JumpingClock::default());
    clock.now.store(setting.now().as_secs(), SeqCst);
    let server = AuthorizationServer::discover(setting.issuer.url()).clock(clock.clone());
    let server = server.build().expect("a server");
    let exchange = TokenExchange::builder(&server, client());
    let exchange = exchange.build().expect("an exchange");
    let alice = setting.subject("alice", 30 * MINUTE);
    let first = exchange.token(&alice).await.expect("a token");
    clock.now.store(first.expires_at().as_secs() - 60, SeqCst);
    let cached = exchange.token(&alice).await.expect("a token");
    assert!(cached.ptr_eq(&first));
    clock.jump.store(120, SeqCst);
    let second = exchange.token(&alice).await.expect("another token");
    assert!(!second.ptr_eq(&first));
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn token_that_expired_in_transit_is_an_error() {
    // Also one that expires within a moment.
    for late in [secs(20), secs(10), secs(9)] {
        let setting = Setting::new().await;
        let slow = Fault::Slow(Duration::from_millis(300));
        setting.issuer.fault_for(Endpoint::Token, slow, 1);
        let exchange = setting.builder().build().expect("an exchange");
        let alice = setting.subject("alice", secs(10));
        let (token, ()) = tokio::join!(exchange.token(&alice), async {
            setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
            setting.clock.advance(late);
        });
        let error = token.expect_err("an expired token");
        assert_eq!(error.kind(), TokenErrorKind::Unusable, "{late:?}: {error}");
    }
}

#[tokio::test]
async fn token_that_expired_in_transit_is_an_error_for_all_waiting_callers() {
    for (end, later) in [
        (None, 10 * MINUTE),
        (Some(11 * MINUTE), 10 * MINUTE),
        (Some(MINUTE), MINUTE - secs(1)),
    ] {
        let setting = Setting::new().await;
        let tokens = setting
            .eight_at_once(end, || setting.clock.advance(later))
            .await;
        for token in tokens {
            let error = token.expect_err("an expired token");
            assert_eq!(error.kind(), TokenErrorKind::Unusable, "{end:?}: {error}");
        }
        assert_eq!(setting.issuer.requests(Endpoint::Token), 1, "{end:?}");
    }
}

#[tokio::test]
async fn clock_set_back_during_an_exchange_causes_one_more() {
    for end in [None, Some(11 * MINUTE), Some(MINUTE)] {
        let setting = Setting::new().await;
        let tokens = setting
            .eight_at_once(end, || setting.clock.rewind(secs(6)))
            .await;
        for token in tokens {
            token.unwrap_or_else(|error| panic!("{end:?}: {error}"));
        }
        assert_eq!(setting.issuer.requests(Endpoint::Token), 2, "{end:?}");
    }
}

#[tokio::test]
async fn exchanged_token_expires_with_the_subject_token() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let raw = setting.issuer.token().subject("alice").mint();
    let with_end = |end| SubjectToken::access_token(Secret::new(raw.clone()), end);
    let first = exchange.token(&with_end(None)).await.expect("a token");
    let end = setting.now().saturating_add(MINUTE);
    assert!(first.expires_at() > end);
    let second = exchange.token(&with_end(Some(end))).await.expect("a token");
    assert_eq!(second.expires_at(), end);

    let over = with_end(Some(setting.now().saturating_sub(secs(1))));
    let error = exchange
        .token(&over)
        .await
        .expect_err("an expired subject token");
    assert_eq!(error.kind(), TokenErrorKind::NoSubjectToken);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn waiting_caller_gets_no_token_past_the_expiry_of_its_subject_token() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let raw = setting.issuer.token().subject("alice").mint();
    let with_end = |end| SubjectToken::access_token(Secret::new(raw.clone()), end);
    let end = setting.now().saturating_add(MINUTE);
    let (without, with) = (with_end(None), with_end(Some(end)));
    let (first, second) = tokio::join!(exchange.token(&without), exchange.token(&with));
    assert!(first.expect("a token").expires_at() > end);
    assert_eq!(second.expect("a token").expires_at(), end);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn waiting_caller_is_not_limited_by_anothers_subject_token() {
    let setting = Setting::new().await;
    let exchange = setting.builder().build().expect("an exchange");
    let raw = setting.issuer.token().subject("alice").mint();
    let with_end = |end| SubjectToken::access_token(Secret::new(raw.clone()), end);
    let end = setting.now().saturating_add(secs(1));
    let (short, long) = (with_end(Some(end)), with_end(None));
    let mut first = tokio_test::task::spawn(exchange.token(&short));
    let mut second = tokio_test::task::spawn(exchange.token(&long));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    setting.clock.advance(secs(1));
    let (first, second) = tokio::join!(first, second);
    let error = first.expect_err("an expired token");
    assert_eq!(error.kind(), TokenErrorKind::Unusable);
    second.expect("its own token");
}
