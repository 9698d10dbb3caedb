//! Requests that wait for a key, and requests that never wait.

use std::{future::poll_fn, task::Poll, time::Duration};

use axum::body::Body;
use futures_util::future::{BoxFuture, join_all};
use http::{Response, StatusCode, header::RETRY_AFTER};
use portcullis_test::{Endpoint, Fault, TestIssuer};
use tokio::time::Instant;

use super::{
    service::Service,
    tokens::{UnknownKids, valid},
};

const CALLERS: usize = 300;
const MAX_WAITING: usize = 256;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub(super) type Answer = BoxFuture<'static, Response<Body>>;

/// A service with default settings whose issuer hangs.
async fn hanging() -> (TestIssuer, Service) {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    (issuer, service)
}

/// Starts requests, each with another unknown `kid`. Returns those that wait, and the responses to the others.
pub(super) async fn begin(
    service: &Service,
    kids: &mut UnknownKids,
    count: usize,
) -> (Vec<Answer>, Vec<Response<Body>>) {
    let (mut waiting, mut answered) = (Vec::new(), Vec::new());
    for token in kids.take(count) {
        let mut answer = service.answer(&token);
        match poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
            Poll::Pending => waiting.push(answer),
            Poll::Ready(answer) => answered.push(answer),
        }
    }
    (waiting, answered)
}

fn outage(answer: &Response<Body>) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
}

#[tokio::test]
async fn at_most_256_requests_wait_at_most_a_second() {
    let (issuer, service) = hanging().await;
    let mut kids = UnknownKids::of(&issuer);
    let before = issuer.requests(Endpoint::Jwks);
    // Paused time makes the second exact on any machine.
    tokio::time::pause();
    let started = Instant::now();

    for _ in 0..3 {
        let begun = Instant::now();
        let (waiting, answered) = begin(&service, &mut kids, CALLERS).await;
        assert_eq!(
            (waiting.len(), answered.len()),
            (MAX_WAITING, CALLERS - MAX_WAITING)
        );
        assert_eq!(
            begun.elapsed(),
            Duration::ZERO,
            "the others are answered at once"
        );
        answered.iter().for_each(outage);
        assert_eq!(
            service.status_at_once(&valid(&issuer)),
            Some(StatusCode::OK),
            "a valid token does not wait"
        );

        join_all(waiting).await.iter().for_each(outage);
        let waited = begun.elapsed();
        assert!(
            waited <= LONGEST_WAIT + Duration::from_millis(5),
            "{waited:?}"
        );
    }
    assert!(started.elapsed() < 4 * LONGEST_WAIT);
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    assert!(fetches <= 1, "all requests wait for one fetch: {fetches}");
}

#[tokio::test]
async fn cancelled_requests_free_their_capacity() {
    let (issuer, service) = hanging().await;
    let mut kids = UnknownKids::of(&issuer);
    for _ in 0..5 {
        let (waiting, answered) = begin(&service, &mut kids, CALLERS).await;
        assert_eq!(
            (waiting.len(), answered.len()),
            (MAX_WAITING, CALLERS - MAX_WAITING)
        );
        drop(waiting);
    }
}

#[tokio::test]
async fn valid_tokens_never_wait() {
    let (issuer, service) = hanging().await;
    let mut kids = UnknownKids::of(&issuer);
    for fault in [
        Fault::Hang,
        Fault::Stalled,
        Fault::Slow(Duration::from_secs(3)),
        Fault::Down,
    ] {
        issuer.fault(Endpoint::Jwks, fault);
        let (waiting, _) = begin(&service, &mut kids, 10).await;
        for _ in 0..50 {
            let answered = service.status_at_once(&valid(&issuer));
            assert_eq!(answered, Some(StatusCode::OK));
        }
        join_all(waiting).await.iter().for_each(outage);
    }
}

#[tokio::test]
async fn one_fetch_answers_all_waiting_requests() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    let before = issuer.requests(Endpoint::Jwks);
    issuer.rotate();
    let new = valid(&issuer);
    let answers = join_all((0..100).map(|_| service.answer(&new))).await;
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(issuer.requests(Endpoint::Jwks) - before, 1);
}
