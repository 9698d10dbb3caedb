//! Tokens that are done with, and tokens that a service does not accept.

use std::sync::Barrier;

use portcullis_client::{
    AuthorizationServer, HttpSettings, TokenErrorKind, TokenEvent, TokenSource,
};
use portcullis_test::{Endpoint, Fault};
use tokio::{runtime, task::JoinSet};
use tracing::{Dispatch, Event, Subscriber, subscriber::set_default};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
};

use crate::{PATIENCE, Setting, client, forms, patiently, secs};

#[tokio::test]
async fn r1_a_token_is_revoked_and_used_no_more() {
    let mut setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting.event().await;
    setting.source.revoke().await.expect("revoked");
    assert!(matches!(setting.event().await, TokenEvent::Revoked));
    let request = setting.issuer.recorded().pop().expect("a request");
    assert_eq!(request.endpoint, Endpoint::Revocation);
    let body = String::from_utf8(request.body.to_vec()).expect("text");
    assert!(body.contains(first.expose()) && body.contains("token_type_hint=access_token"));
    assert!(request.headers.contains_key("authorization"));
    assert!(setting.source.current().is_none());
    assert!(!setting.token().await.expect("another").ptr_eq(&first));
}

#[tokio::test]
async fn r1_without_a_token_there_is_nothing_to_revoke() {
    let setting = Setting::new().await;
    setting.source.revoke().await.expect("nothing to do");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn r1_a_503_means_that_the_token_may_still_be_valid() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    let fault = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    setting.issuer.fault(Endpoint::Revocation, fault);
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.kind(), TokenErrorKind::Status(503));
    assert!(error.to_string().contains("may still be valid"), "{error}");
    assert!(
        setting.source.current().is_none(),
        "it is not used any more"
    );

    setting.token().await.expect("another");
    let retry_after = Some(secs(7));
    setting
        .issuer
        .fault(Endpoint::Revocation, Fault::TooManyRequests { retry_after });
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.retry_after(), retry_after);
}

#[tokio::test]
async fn r1_a_200_with_an_error_confirms_nothing() {
    for (status, body, is_revoked) in [
        (200, r#"{"error":"unsupported_token_type"}"#, false),
        (200, r#"{"error":{"code":"x"}}"#, false),
        (200, r#"{"errorCode":"E0000011"}"#, false),
        (200, "[]", false),
        (200, "not JSON", true),
        (202, "", true),
        (204, "", true),
        (201, "", false),
    ] {
        let setting = Setting::new().await;
        setting.token().await.expect("a token");
        let fault = Fault::Answer {
            status,
            content_type: "application/json",
            body: body.as_bytes().to_vec(),
        };
        setting.issuer.fault(Endpoint::Revocation, fault);
        let outcome = setting.source.revoke().await;
        assert_eq!(outcome.is_ok(), is_revoked, "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_without_revocation_says_so() {
    let setting = Setting::new().await;
    setting.issuer.without_metadata("revocation_endpoint");
    setting.token().await.expect("a token");
    let error = setting.source.revoke().await.expect_err("no endpoint");
    assert!(error.to_string().contains("revocation_endpoint"), "{error}");
}

#[tokio::test]
async fn after_the_shut_down_there_are_no_tokens() {
    let mut setting = Setting::new().await;
    setting.token().await.expect("a token");
    for _ in 0..2 {
        setting.source.shut_down().await.expect("revoked");
    }
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 1);
    assert!(setting.source.current().is_none());
    let told = [
        setting.event().await,
        setting.event().await,
        setting.event().await,
    ];
    let [
        TokenEvent::Obtained { .. },
        TokenEvent::ShutDown,
        TokenEvent::Revoked,
    ] = told
    else {
        panic!("{told:?}");
    };
    let error = setting.token().await.expect_err("it was shut down");
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
async fn a_shut_down_that_is_given_up_has_begun_all_the_same() {
    let mut setting = Setting::new().await;
    setting.token().await.expect("a token");
    let told = setting.event().await;
    assert!(matches!(told, TokenEvent::Obtained { .. }), "{told:?}");
    assert!(setting.source.status().ready);
    let mut ending = tokio_test::task::spawn(setting.source.shut_down());
    assert!(ending.poll().is_pending());
    drop(ending);
    assert!(setting.source.is_stopped() && !setting.source.status().ready);
    assert!(setting.source.current().is_none());
    setting.source.shut_down().await.expect("revoked");
    let told = setting.event().await;
    assert!(matches!(told, TokenEvent::ShutDown), "{told:?}");
}

#[tokio::test]
async fn a_token_that_was_not_taken_before_the_shut_down_is_not_handed_out() {
    let mut setting = Setting::new().await;
    let source = setting.source.clone();
    let mut refresh = tokio_test::task::spawn(source.refresh());
    assert!(refresh.poll().is_pending());
    let told = setting.event().await;
    assert!(matches!(told, TokenEvent::Obtained { .. }), "{told:?}");
    source.shut_down().await.expect("revoked");
    let error = refresh.await.expect_err("it was revoked");
    assert_eq!(error.kind(), TokenErrorKind::Stopped);
}

/// A log that fails.
struct Panicking;

impl<S: Subscriber> Layer<S> for Panicking {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert!(!event.metadata().target().starts_with("portcullis_client"));
    }
}

/// And does not end the program.
#[tokio::test]
async fn a_log_that_panics_stops_the_source() {
    // While there is one log alone, whether it wants to know is asked of the thread that comes by first.
    let _another = Dispatch::new(registry());
    let _until_dropped = set_default(registry().with(Panicking));
    let mut setting = Setting::new().await;
    let token = setting.token().await.expect("it came before the log");
    let told = setting.event().await;
    assert!(matches!(told, TokenEvent::Stopped), "{told:?}");
    assert!(setting.source.is_stopped());
    let at_hand = setting.token().await.expect("a token");
    assert!(at_hand.ptr_eq(&token), "it serves while it lives");
}

#[tokio::test]
async fn r1_nor_is_a_token_known_to_be_revoked_by_a_server_that_is_down() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Revocation, Fault::Down);
    let error = setting.source.revoke().await.expect_err("not revoked");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable);
    assert!(error.to_string().contains("may still be valid"), "{error}");
}

#[tokio::test]
async fn a_service_that_refuses_every_token_does_not_have_each_replaced() {
    let mut setting = Setting::new().await;
    for _ in 0..2 {
        let token = setting.token().await.expect("a token");
        assert!(setting.source.reject(&token));
        assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
        match setting.event().await {
            TokenEvent::Rejected { expires_at, .. } => assert_eq!(expires_at, token.expires_at()),
            other => panic!("{other:?}"),
        }
        assert!(setting.source.reject(&token), "it is gone already");
    }
    let token = setting.token().await.expect("a token");
    assert!(!setting.source.reject(&token), "twice is enough");
    assert!(setting.token().await.expect("a token").ptr_eq(&token));
    assert!(matches!(setting.event().await, TokenEvent::Obtained { .. }));
    assert!(setting.events.is_empty(), "it serves on");
    assert_eq!(setting.token_requests(), 3);
}

#[tokio::test]
async fn the_task_ends_with_the_last_source() {
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
        "nothing is left that could tell"
    );
}

#[tokio::test]
async fn r1_a_revocation_that_failed_is_made_when_it_is_asked_for_again() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    let fault = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    setting.issuer.fault_for(Endpoint::Revocation, fault, 1);
    setting.source.revoke().await.expect_err("not revoked");
    let second = setting.token().await.expect("another");
    setting.source.revoke().await.expect("both are revoked");
    setting
        .source
        .revoke()
        .await
        .expect("nothing is left to do");
    let forms = forms(&setting.issuer, Endpoint::Revocation);
    assert_eq!(forms.len(), 3);
    for (form, token) in forms.iter().zip([&first, &first, &second]) {
        assert!(form.contains(token.expose()));
    }
}

#[tokio::test]
async fn r1_the_token_at_hand_is_revoked_and_not_one_that_is_on_its_way() {
    let setting = Setting::new().await;
    let first = setting.token().await.expect("a token");
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let (second, ()) = tokio::join!(setting.source.refresh(), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 2).await;
        setting.source.revoke().await.expect("revoked");
        assert!(setting.source.current().is_none());
    });
    let second = second.expect("a token");
    let forms = forms(&setting.issuer, Endpoint::Revocation);
    assert_eq!(forms.len(), 1);
    assert!(forms[0].contains(first.expose()));
    assert!(setting.token().await.expect("a token").ptr_eq(&second));
}

#[tokio::test]
async fn a_revocation_that_hangs_keeps_nobody_waiting() {
    let setting = Setting::new().await;
    setting.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Revocation, Fault::Hang);
    let source = setting.source.clone();
    let mut revoking = JoinSet::new();
    revoking.spawn(async move { source.revoke().await });
    setting
        .issuer
        .wait_for_requests(Endpoint::Revocation, 1)
        .await;
    setting.token().await.expect("another");
    assert!(revoking.try_join_next().is_none(), "it hangs yet");
}

#[tokio::test]
async fn a_shut_down_does_not_wait_for_a_request_that_is_under_way() {
    let setting = Setting::at(
        |server| server.http(HttpSettings::default().timeout(2 * PATIENCE)),
        client(),
        |source| source,
    );
    let setting = setting.await;
    setting.issuer.fault(Endpoint::Token, Fault::Hang);
    let (token, ()) = tokio::join!(setting.token(), async {
        setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        let ended = patiently(setting.source.shut_down()).await;
        ended.expect("nothing to revoke");
    });
    let error = token.expect_err("it was shut down");
    assert_eq!(error.kind(), TokenErrorKind::Stopped, "{error}");
    assert!(setting.source.is_stopped());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_reject_a_token_at_once_one_pays() {
    for round in 0..20 {
        let setting = Setting::new().await;
        let first = setting.token().await.expect("a token");
        let together = Barrier::new(8);
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        setting.source.reject(&first)
                    })
                })
                .collect();
            threads
                .into_iter()
                .all(|thread| thread.join().expect("no panic"))
        });
        assert!(all, "{round}: it is worth asking for another");
        let second = setting.token().await.expect("another");
        assert!(
            setting.source.reject(&second),
            "{round}: one of two is left"
        );
        let third = setting.token().await.expect("another");
        assert!(!setting.source.reject(&third), "{round}: twice is enough");
    }
}

#[tokio::test]
async fn a_token_that_the_server_does_not_revoke_keeps_no_other_from_it() {
    let setting = Setting::new().await;
    let refusal = Fault::Answer {
        status: 503,
        content_type: "text/plain",
        body: Vec::new(),
    };
    for _ in 0..2 {
        setting.token().await.expect("a token");
        setting
            .issuer
            .fault_for(Endpoint::Revocation, refusal.clone(), 1);
        setting.source.revoke().await.expect_err("not the first");
    }
    // The first twice, the second once; what is left is the first.
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 3);
    setting.source.revoke().await.expect("the first");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 4);
    setting.source.revoke().await.expect("nothing is left");
    assert_eq!(setting.issuer.requests(Endpoint::Revocation), 4);
}

/// A source on a runtime that is driven no further.
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
fn a_source_is_shut_down_after_its_runtime_has_ended() {
    let (source, runtime) = source_of_a_runtime();
    drop(runtime);
    let without_timer = runtime::Builder::new_current_thread().build();
    let ended = without_timer
        .expect("a runtime")
        .block_on(source.shut_down());
    ended.expect("nothing to revoke");
}

#[tokio::test(start_paused = true)]
async fn a_shut_down_ends_though_nobody_drives_the_runtime_of_the_source() {
    let (source, runtime) = std::thread::spawn(source_of_a_runtime)
        .join()
        .expect("no panic");
    source.shut_down().await.expect("nothing to revoke");
    runtime.shutdown_background();
}

#[test]
fn only_a_source_that_is_held_when_its_runtime_ends_says_that_it_has_stopped() {
    for is_held in [false, true] {
        let (source, runtime) = source_of_a_runtime();
        let mut events = source.events();
        let held = is_held.then_some(source);
        drop(runtime);
        let told = events.try_recv();
        assert_eq!(matches!(told, Ok(TokenEvent::Stopped)), is_held, "{told:?}");
        drop(held);
    }
}
