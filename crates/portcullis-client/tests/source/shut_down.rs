//! The end of a source: shut down, dropped, or its task died.

use portcullis_client::{
    AuthorizationServer, HttpSettings, TokenErrorKind, TokenEvent, TokenSource,
};
use portcullis_test::{Endpoint, Fault};
use tokio::runtime;
use tracing::{Dispatch, Event, Subscriber, subscriber::set_default};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
};

use crate::{Setting, TIMEOUT, client, in_time};

#[tokio::test]
async fn shut_down_source_hands_out_no_tokens() {
    let mut setting = Setting::new().await;
    setting.token().await.expect("a token");
    for _ in 0..2 {
        setting.source.shut_down().await.expect("revoked");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 1);
    assert!(setting.source.current().is_none());
    let events = [
        setting.event().await,
        setting.event().await,
        setting.event().await,
    ];
    let [
        TokenEvent::Obtained { .. },
        TokenEvent::ShutDown,
        TokenEvent::Revoked,
    ] = events
    else {
        panic!("{events:?}");
    };
    let error = setting
        .token()
        .await
        .expect_err("a source that was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped);
    assert_eq!(
        setting
            .source
            .refresh()
            .await
            .expect_err("shut down")
            .kind(),
        TokenErrorKind::Stopped
    );
}

#[tokio::test]
async fn cancelled_shut_down_has_stopped_the_source() {
    let mut setting = Setting::new().await;
    setting.token().await.expect("a token");
    let event = setting.event().await;
    assert!(matches!(event, TokenEvent::Obtained { .. }), "{event:?}");
    assert!(setting.source.status().ready);
    let mut ending = tokio_test::task::spawn(setting.source.shut_down());
    assert!(ending.poll().is_pending());
    drop(ending);
    let announced = setting.events.try_recv();
    assert!(
        announced.is_err(),
        "the task has not stopped: {announced:?}"
    );
    assert!(setting.source.is_stopped() && !setting.source.status().ready);
    assert!(setting.source.current().is_none());
    setting.source.shut_down().await.expect("revoked");
    let event = setting.event().await;
    assert!(matches!(event, TokenEvent::ShutDown), "{event:?}");
}

#[tokio::test]
async fn token_fetched_before_shut_down_is_not_handed_out_after_it() {
    let mut setting = Setting::new().await;
    let source = setting.source.clone();
    let mut refresh = tokio_test::task::spawn(source.refresh());
    assert!(refresh.poll().is_pending());
    let event = setting.event().await;
    assert!(matches!(event, TokenEvent::Obtained { .. }), "{event:?}");
    source.shut_down().await.expect("revoked");
    let error = refresh.await.expect_err("a source that was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped);
}

/// A log subscriber that panics.
struct Panicking;

impl<S: Subscriber> Layer<S> for Panicking {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert!(!event.metadata().target().starts_with("portcullis_client"));
    }
}

#[tokio::test]
async fn panicking_log_subscriber_stops_the_source() {
    // With a single dispatcher, `tracing` caches whether the first thread has interest in an event.
    let _another = Dispatch::new(registry());
    let _until_dropped = set_default(registry().with(Panicking));
    let mut setting = Setting::new().await;
    let token = setting
        .token()
        .await
        .expect("a token published before the log event");
    let events = [setting.event().await, setting.event().await];
    let [TokenEvent::Obtained { .. }, TokenEvent::TaskEnded] = events else {
        panic!("{events:?}");
    };
    assert!(setting.source.is_stopped());
    let current = setting.token().await.expect("a token");
    assert!(current.ptr_eq(&token), "the current token remains in use");
}

#[tokio::test]
async fn task_stops_when_the_last_source_is_dropped() {
    let setting = Setting::new().await;
    let mut events = setting.source.events();
    let other = setting.source.clone();
    setting.token().await.expect("a token");
    events.recv().await.expect("obtained");
    let Setting { source, .. } = setting;
    drop(source);
    assert!(other.current().is_some());
    drop(other);
    assert!(
        events.recv().await.is_err(),
        "all senders of events are dropped"
    );
}

#[tokio::test]
async fn shut_down_cancels_a_request_in_flight() {
    let setting = Setting::at(
        |server| server.http(HttpSettings::default().timeout(2 * TIMEOUT)),
        client(),
        |source| source,
    );
    let setting = setting.await;
    setting.issuer.fault(Endpoint::Token, Fault::Hang);
    let (token, ()) = tokio::join!(setting.token(), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        let ended = in_time(setting.source.shut_down()).await;
        ended.expect("nothing to revoke");
    });
    let error = token.expect_err("a source that was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
    assert!(setting.source.is_stopped());
}

/// A source on a runtime that is no longer driven.
fn source_of_a_runtime() -> (TokenSource, runtime::Runtime) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let source = runtime.block_on(async {
        let server = AuthorizationServer::discover("https://issuer.example.com").build();
        let source = TokenSource::builder(&server.expect("a server"), client()).build();
        tokio::task::yield_now().await;
        source.expect("a source")
    });
    (source, runtime)
}

#[test]
fn shut_down_works_after_the_runtime_ended() {
    let (source, runtime) = source_of_a_runtime();
    drop(runtime);
    let without_timer = runtime::Builder::new_current_thread().build();
    let ended = without_timer
        .expect("a runtime")
        .block_on(source.shut_down());
    ended.expect("nothing to revoke");
}

#[tokio::test(start_paused = true)]
async fn shut_down_ends_on_a_runtime_that_is_not_driven() {
    let (source, runtime) = std::thread::spawn(source_of_a_runtime)
        .join()
        .expect("no panic");
    source.shut_down().await.expect("nothing to revoke");
    runtime.shutdown_background();
}

#[test]
fn end_of_runtime_is_reported_only_while_a_source_is_held() {
    for is_held in [false, true] {
        let (source, runtime) = source_of_a_runtime();
        let mut events = source.events();
        let held = is_held.then_some(source);
        drop(runtime);
        let event = events.try_recv();
        assert_eq!(
            matches!(event, Ok(TokenEvent::TaskEnded)),
            is_held,
            "{event:?}"
        );
        drop(held);
    }
}
