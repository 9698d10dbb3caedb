//! A scheme that waits for IO, and a caller that may disconnect.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, Response};
use http_body_util::Full;
use portcullis_core::{
    AuthenticateLayer, Principal,
    scheme::{Failure, Outcome, PendingOutcome},
    service::AuthenticateFuture,
};
use tokio::sync::oneshot;
use tokio_test::task;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Fake, Inner, bearing, collected, inner, request, seen, send, text};

type Verdict = Result<Principal, Failure>;

/// A scheme whose outcome the test sets.
fn waiting() -> (Fake, oneshot::Sender<Verdict>, Fake) {
    let (decide, verdict) = oneshot::channel();
    let verdict = Mutex::new(Some(verdict));
    let scheme = Fake::bearer().answering(move |_, _| {
        let verdict = verdict
            .lock()
            .expect("not poisoned")
            .take()
            .expect("one request");
        Outcome::Pending(Box::pin(async {
            verdict.await.expect("an outcome from the test")
        }))
    });
    (scheme, decide, Fake::bearer())
}

#[tokio::test]
async fn pending_outcome_is_awaited() {
    let (scheme, decide, decider) = waiting();
    let service = AuthenticateLayer::new(scheme).layer(inner());
    let mut answer = task::spawn(service.oneshot(bearing("whatever")));
    assert!(answer.poll().is_pending());
    assert!(!answer.is_woken());
    decide.send(decider.decide("reader")).expect("waited for");
    assert!(answer.is_woken());
    let response = answer.await.expect("infallible");
    assert_eq!(response.status(), 200);
    let seen = seen(&response);
    assert_eq!(
        seen.principal().expect("authenticated").subject(),
        Some("reader")
    );
    assert!(!seen.headers.contains_key("authorization"), "stripped");
}

#[tokio::test]
async fn b3_pending_refusal_equals_an_immediate_one() {
    for credential in ["expired", "busy", "nobody"] {
        let late = Fake::bearer().answering(|fake, credential| {
            let decided = fake.decide(credential);
            Outcome::Pending(Box::pin(async { decided }))
        });
        let late = send(&AuthenticateLayer::new(late), bearing(credential)).await;
        let prompt = send(&AuthenticateLayer::new(Fake::bearer()), bearing(credential)).await;
        assert_eq!(text(&late), text(&prompt));
    }
}

#[tokio::test]
async fn pending_refusal_of_grpc_is_trailers_only() {
    let late = Fake::bearer().answering(|fake, credential| {
        let decided = fake.decide(credential);
        Outcome::Pending(Box::pin(async { decided }))
    });
    let fields = [
        ("authorization", "Bearer expired"),
        ("content-type", "application/grpc"),
    ];
    let response = send(&AuthenticateLayer::new(late), request(&fields)).await;
    assert_eq!(response.headers()["grpc-status"], "16");
}

#[tokio::test]
async fn kept_credential_is_kept_after_pending() {
    let late = Fake::bearer().answering(|fake, credential| {
        let decided = fake.decide(credential);
        Outcome::Pending(Box::pin(async { decided }))
    });
    let layer = AuthenticateLayer::new(late).keep_credentials();
    let response = send(&layer, bearing("reader")).await;
    assert_eq!(seen(&response).headers["authorization"], "Bearer reader");
}

#[tokio::test]
async fn disconnect_drops_the_pending_outcome() {
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = {
        let calls = calls.clone();
        tower::service_fn(move |_: Request<()>| {
            calls.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("hello"))) }
        })
    };
    let (scheme, decide, decider) = waiting();
    let service = AuthenticateLayer::new(scheme).layer(handler);
    let mut answer = task::spawn(service.oneshot(bearing("whatever")));
    assert!(answer.poll().is_pending());
    assert!(!decide.is_closed());
    drop(answer);
    assert!(decide.is_closed(), "the scheme's future was dropped");
    assert!(decide.send(decider.decide("reader")).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// A disconnect during the handler drops the handler's future. The scheme's is dropped before.
#[tokio::test]
async fn disconnect_drops_the_handlers_future() {
    let (finish, finished) = oneshot::channel::<()>();
    let finished = Arc::new(Mutex::new(Some(finished)));
    let handler = tower::service_fn(move |_: Request<()>| {
        let finished = finished
            .lock()
            .expect("not poisoned")
            .take()
            .expect("one request");
        async {
            let _ = finished.await;
            Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("hello")))
        }
    });
    let (scheme, decide, decider) = waiting();
    let service = AuthenticateLayer::new(scheme).layer(handler);
    let mut answer = task::spawn(service.oneshot(bearing("whatever")));
    assert!(answer.poll().is_pending());
    decide.send(decider.decide("reader")).expect("waited for");
    assert!(answer.poll().is_pending());
    assert!(!finish.is_closed());
    drop(answer);
    assert!(finish.is_closed());
}

#[test]
fn future_adds_little_to_the_size_of_the_handlers() {
    type Future = AuthenticateFuture<Inner, ()>;
    let inner = size_of::<<Inner as Service<Request<()>>>::Future>();
    assert!(
        size_of::<Future>() <= inner + 5 * size_of::<usize>(),
        "{} over {inner}",
        size_of::<Future>()
    );
    // The waiting state is boxed, so that it does not enlarge the future of other requests.
    assert!(size_of::<Request<()>>() > 5 * size_of::<usize>());
    assert_eq!(size_of::<PendingOutcome>(), 2 * size_of::<usize>());
}

#[tokio::test]
async fn handlers_body_passes_after_pending() {
    let (scheme, decide, decider) = waiting();
    decide.send(decider.decide("reader")).expect("open");
    let service = AuthenticateLayer::new(scheme).layer(inner());
    let response = service
        .oneshot(bearing("whatever"))
        .await
        .expect("infallible");
    assert_eq!(collected(response).await.body(), "hello");
}
