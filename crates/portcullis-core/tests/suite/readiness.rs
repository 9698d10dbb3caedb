//! Readiness: only a ready service is called, however the scheme decides.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body_util::Full;
use portcullis_core::{
    AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, Scope, scheme::Outcome,
};
use tokio::sync::mpsc;
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt, buffer::BufferLayer, limit::ConcurrencyLimitLayer,
};

use crate::support::{Fake, bearing};

const READ: Scope = Scope::from_static("orders:read");

/// Panics if it is called before it was ready. A clone is not ready.
#[derive(Debug, Default)]
struct Strict {
    ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without having been ready"
        );
        ready(Ok(Response::new(Full::from("hello"))))
    }
}

/// Decides at once, or after one poll without an outcome.
fn scheme(waits: bool) -> Fake {
    Fake::bearer().answering(move |fake, credential| {
        let decided = fake.decide(credential);
        if waits {
            Outcome::Pending(Box::pin(async {
                tokio::task::yield_now().await;
                decided
            }))
        } else {
            Outcome::Done(decided)
        }
    })
}

fn guards() -> (RequireMachineLayer, RequireScopeLayer) {
    (RequireMachineLayer::new(), RequireScopeLayer::all([READ]))
}

#[tokio::test]
async fn ready_service_is_called() {
    for waits in [false, true] {
        let mut service =
            (AuthenticateLayer::new(scheme(waits)), guards()).layer(Strict::default());
        for _ in 0..3 {
            let response = service.ready().await.expect("infallible");
            let response = response.call(bearing("reader")).await.expect("infallible");
            assert_eq!(response.status(), 200, "waits: {waits}");
        }
    }
}

#[tokio::test]
async fn calls_may_overlap() {
    let mut service = AuthenticateLayer::new(scheme(true)).layer(Strict::default());
    let mut answers = Vec::new();
    for _ in 0..3 {
        let ready = service.ready().await.expect("infallible");
        answers.push(ready.call(bearing("reader")));
    }
    for answer in answers {
        assert_eq!(answer.await.expect("infallible").status(), 200);
    }
}

#[tokio::test]
async fn refusal_keeps_the_inner_service_ready() {
    for waits in [false, true] {
        let mut service = AuthenticateLayer::new(scheme(waits)).layer(Strict::default());
        for credential in ["expired", "reader", "expired"] {
            let ready = service.ready().await.expect("infallible");
            ready.call(bearing(credential)).await.expect("infallible");
        }
    }
}

#[tokio::test]
async fn layers_work_over_buffer_and_concurrency_limit() {
    for waits in [false, true] {
        let service = ServiceBuilder::new()
            .layer(AuthenticateLayer::new(scheme(waits)))
            .layer(BufferLayer::new(2))
            .layer(ConcurrencyLimitLayer::new(1))
            .layer(guards())
            .service(Strict::default());
        let mut requests = tokio::task::JoinSet::new();
        for index in 0..20 {
            let credential = ["reader", "expired"][index % 2];
            requests.spawn(service.clone().oneshot(bearing(credential)));
        }
        let mut passed = 0;
        while let Some(answer) = requests.join_next().await {
            let response = answer.expect("no panic").expect("the buffer lives");
            passed += usize::from(response.status() == 200);
        }
        assert_eq!(passed, 10, "waits: {waits}");
    }
}

/// The permit that `poll_ready` reserved belongs to the call, so the limit holds both ways.
#[tokio::test]
async fn concurrency_limit_inside_the_layer_is_kept() {
    for waits in [false, true] {
        let (started, mut starts) = mpsc::unbounded_channel();
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let handler = {
            let gate = gate.clone();
            tower::service_fn(move |_: Request<()>| {
                let (started, gate) = (started.clone(), gate.clone());
                async move {
                    started.send(()).expect("a receiver");
                    gate.acquire().await.expect("open").forget();
                    Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("hello")))
                }
            })
        };
        let service = ServiceBuilder::new()
            .layer(AuthenticateLayer::new(scheme(waits)))
            .concurrency_limit(2)
            .service(handler);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..6 {
            requests.spawn(service.clone().oneshot(bearing("reader")));
        }
        for _ in 0..2 {
            tokio::select! {
                start = starts.recv() => start.expect("the handler lives"),
                ended = requests.join_next() => panic!("a call ended before the test allowed it: {ended:?}"),
            }
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(starts.try_recv().is_err(), "a third call must wait");
        gate.add_permits(6);
        while let Some(answer) = requests.join_next().await {
            assert_eq!(answer.expect("no panic").expect("infallible").status(), 200);
        }
    }
}

#[tokio::test]
async fn inner_error_passes_through() {
    #[derive(Clone)]
    struct Broken(bool);

    impl Service<Request<()>> for Broken {
        type Response = Response<Full<bytes::Bytes>>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(if self.0 { Err("not ready") } else { Ok(()) })
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Err("called"))
        }
    }

    for waits in [false, true] {
        for (broken, error) in [(Broken(true), "not ready"), (Broken(false), "called")] {
            let service = (
                AuthenticateLayer::new(scheme(waits)),
                RequireScopeLayer::all([READ]),
            )
                .layer(broken);
            let answer = service.oneshot(bearing("reader")).await;
            assert_eq!(answer.expect_err("broken"), error, "waits: {waits}");
        }
    }
}

/// A service that handles one request at a time, behind a scheme that waits.
#[tokio::test]
async fn pending_request_reserves_no_capacity_of_the_inner_service() {
    let stuck = Fake::bearer().answering(|fake, credential| match credential {
        "expired" => Outcome::Pending(Box::pin(std::future::pending())),
        _ => Outcome::Done(fake.decide(credential)),
    });
    let mut service = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(stuck))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Strict::default());

    let mut waiting = tokio_test::task::spawn(
        service
            .ready()
            .await
            .expect("infallible")
            .call(bearing("expired")),
    );
    assert!(waiting.poll().is_pending());
    let mut other = tokio_test::task::spawn(service.clone().oneshot(bearing("reader")));
    match other.poll() {
        Poll::Ready(answer) => assert_eq!(answer.expect("infallible").status(), 200),
        Poll::Pending => panic!("an unauthenticated caller holds the only capacity"),
    }
}

#[tokio::test]
async fn authenticated_request_gets_capacity_after_pending() {
    let wakes_once_before_the_outcome = |fake: &Fake, credential: &str| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let _ = answer.send(fake.decide(credential));
        let mut first = true;
        let mut answered = Box::pin(answered);
        Outcome::Pending(Box::pin(std::future::poll_fn(move |context| {
            if std::mem::take(&mut first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            answered
                .as_mut()
                .poll(context)
                .map(|decided| decided.expect("an outcome"))
        })))
    };
    let mut service = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(
            Fake::bearer().answering(wakes_once_before_the_outcome),
        ))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(Strict::default());
    for _ in 0..2 {
        let ready = service.ready().await.expect("infallible");
        let mut call = tokio_test::task::spawn(ready.call(bearing("reader")));
        assert!(call.poll().is_pending(), "the scheme waits");
        assert!(call.is_woken(), "the scheme has decided");
        match call.poll() {
            Poll::Ready(answer) => assert_eq!(answer.expect("infallible").status(), 200),
            Poll::Pending => panic!("the call waits for capacity that its own service holds"),
        }
    }
}
