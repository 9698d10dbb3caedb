//! Readiness: only a ready service is called, and waiting for a token reserves no capacity.

mod narrow;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Request, Response,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use portcullis_client::{AddCredentialError, AddTokenLayer, Origins};
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;
use tokio_test::task::spawn;
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt,
    buffer::BufferLayer,
    limit::{ConcurrencyLimit, ConcurrencyLimitLayer},
};

pub(crate) use self::narrow::Narrow;
use crate::{Setting, api_key, get};

const URL: &str = "https://orders.example.com/orders";

/// Panics if it is called before it was ready, or without a token. A clone is not ready.
#[derive(Debug, Default)]
struct Strict {
    ready: bool,
    /// The token that it rejects.
    refuses: Option<Arc<str>>,
}

impl Strict {
    fn refusing(bearer: &str) -> Self {
        Self {
            ready: false,
            refuses: Some(bearer.into()),
        }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            refuses: self.refuses.clone(),
        }
    }
}

impl Service<Request<Full<Bytes>>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without having been ready"
        );
        let bearer = request.headers()[AUTHORIZATION].as_bytes();
        let mut response = Response::new(Full::from("hello"));
        if self.refuses.as_deref().map(str::as_bytes) == Some(bearer) {
            *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            let challenge = r#"Bearer error="invalid_token""#.parse();
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, challenge.expect("a value"));
        }
        ready(Ok(response))
    }
}

fn origins() -> Origins {
    Origins::new(["https://orders.example.com"]).expect("an origin")
}

type Replaying = AddTokenLayer<fn(&Full<Bytes>) -> Option<Full<Bytes>>>;

fn layer(setting: &Setting) -> Replaying {
    AddTokenLayer::new(setting.source.clone(), origins()).replay_bodies()
}

/// A setting with a current token, and its `Authorization` header.
async fn with_current_token() -> (Setting, String) {
    let setting = Setting::patient(Duration::from_secs(30)).await;
    setting.source.token().await.expect("a token");
    let bearer = setting.bearer();
    (setting, bearer)
}

#[tokio::test]
async fn ready_service_is_called() {
    let (setting, bearer) = with_current_token().await;
    for inner in [Strict::default(), Strict::refusing(&bearer)] {
        let mut service = layer(&setting).layer(inner);
        for _ in 0..3 {
            let ready = service.ready().await.expect("infallible");
            let response = ready.call(get(URL)).await.expect("infallible");
            assert_eq!(response.status(), 200);
        }
    }
    assert_eq!(setting.token_requests(), 2);

    // The call waits for a token.
    let setting = Setting::new().await;
    let mut service = layer(&setting).layer(Strict::default());
    let ready = service.ready().await.expect("infallible");
    assert_eq!(
        ready.call(get(URL)).await.expect("infallible").status(),
        200
    );
}

#[tokio::test]
async fn concurrent_calls_are_supported() {
    let setting = Setting::new().await;
    let mut service = layer(&setting).layer(Strict::default());
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(service.ready().await.expect("infallible").call(get(URL)));
    }
    for answer in answers {
        assert_eq!(answer.await.expect("infallible").status(), 200);
    }
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test]
async fn layer_works_over_buffer_and_concurrency_limit() {
    // Without a current token, with one, and with one that is rejected.
    for case in 0..3 {
        let (setting, bearer) = with_current_token().await;
        let inner = match case {
            0 => {
                setting.source.revoke().await.expect("revoked");
                Strict::default()
            }
            1 => Strict::default(),
            _ => Strict::refusing(&bearer),
        };
        let service = ServiceBuilder::new()
            .layer(layer(&setting))
            .layer(BufferLayer::new(2))
            .layer(ConcurrencyLimitLayer::new(1))
            .service(inner);
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            calls.spawn(service.clone().oneshot(get(URL)));
        }
        for outcome in calls.join_all().await {
            assert_eq!(outcome.expect("the buffer lives").status(), 200, "{case}");
        }
    }
}

/// The inner service has capacity for one request.
#[tokio::test]
async fn request_waiting_for_a_token_reserves_no_capacity() {
    for is_refused in [false, true] {
        let (setting, bearer) = with_current_token().await;
        let limit = ConcurrencyLimit::new(Strict::refusing(&bearer), 1);
        let mut service = layer(&setting).layer(limit.clone());
        if !is_refused {
            setting.source.revoke().await.expect("revoked");
        }
        setting.issuer.fault(Endpoint::Token, Fault::Hang);
        let ready = service.ready().await.expect("infallible");
        let mut waiting = spawn(ready.call(get(URL)));
        assert!(waiting.poll().is_pending(), "no token yet");

        let mut direct = get(URL);
        let value = "Bearer of another".parse().expect("a value");
        direct.headers_mut().insert(AUTHORIZATION, value);
        match spawn(limit.clone().oneshot(direct)).poll() {
            Poll::Ready(answer) => assert_eq!(answer.expect("infallible").status(), 200),
            Poll::Pending => panic!("a request that waits for a token holds the capacity"),
        }
        // A request that is dropped while it waits reserves none either.
        drop(waiting);
        assert!(spawn(limit.clone().ready_oneshot()).poll().is_ready());
    }
}

/// If the retained service reserved capacity, the call would wait forever.
#[tokio::test]
async fn retained_service_reserves_no_capacity_after_waiting() {
    let (setting, bearer) = with_current_token().await;
    let mut service = layer(&setting).layer(ConcurrencyLimit::new(Strict::refusing(&bearer), 1));
    setting.source.revoke().await.expect("revoked");
    for _ in 0..2 {
        let ready = service.ready().await.expect("infallible");
        let call = tokio::time::timeout(Duration::from_secs(10), ready.call(get(URL)));
        let response = call
            .await
            .expect("the capacity is free")
            .expect("infallible");
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn rejecting_response_reserves_no_capacity() {
    let (setting, _) = with_current_token().await;
    let narrow = Narrow::refusing([("www-authenticate", r#"Bearer error="invalid_token""#)]);
    narrow.answers_at_last(&setting).await;
}

#[tokio::test]
async fn token_that_expired_before_the_service_was_ready_is_not_sent() {
    let setting = Setting::patient(Duration::from_secs(30)).await;
    let limit = ConcurrencyLimit::new(Strict::default(), 1);
    let mut service = layer(&setting).layer(limit.clone());
    let mut call = spawn(service.ready().await.expect("infallible").call(get(URL)));
    // Another caller takes the capacity first.
    let place = limit.clone().ready_oneshot().await.expect("infallible");
    assert!(call.poll().is_pending(), "no token yet");
    setting.source.token().await.expect("a token");
    let old = setting.bearer();
    assert!(call.poll().is_pending(), "no capacity yet");

    setting.clock.advance(Duration::from_secs(120));
    let slow = Fault::Slow(Duration::from_millis(200));
    setting.issuer.fault_for(Endpoint::Token, slow, 1);
    drop(place);
    assert!(call.poll().is_pending(), "the token has expired");
    // The capacity that became free too late is not kept.
    assert!(spawn(limit.clone().ready_oneshot()).poll().is_ready());
    assert_eq!(call.await.expect("infallible").status(), 200);
    assert_ne!(setting.bearer(), old);
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn failed_or_dropped_call_does_not_consume_readiness() {
    let (setting, _) = with_current_token().await;
    let mut service = (layer(&setting), api_key(origins())).layer(Strict::default());
    for url in ["https://evil.example/", URL, "https://evil.example/"] {
        let ready = service.ready().await.expect("infallible");
        let outcome = ready.call(get(url)).await;
        assert_eq!(outcome.is_ok(), url == URL, "{url}");
    }
    let ready = service.ready().await.expect("infallible");
    drop(ready.call(get(URL)));
    let ready = service.ready().await.expect("infallible");
    ready.call(get(URL)).await.expect("infallible");
}

#[tokio::test]
async fn inner_error_is_returned() {
    #[derive(Clone)]
    struct Broken(&'static str);

    impl Service<Request<Full<Bytes>>> for Broken {
        type Response = Response<()>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(if self.0 == "not ready" {
                Err(self.0)
            } else {
                Ok(())
            })
        }

        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            ready(Err(self.0))
        }
    }

    let setting = Setting::new().await;
    for broken in ["not ready", "called"] {
        let key = api_key(origins()).layer(Broken(broken));
        assert!(
            matches!(key.oneshot(get(URL)).await, Err(AddCredentialError::Inner(error)) if error == broken)
        );
        // First without a current token, then with one.
        for _ in 0..2 {
            let token = layer(&setting).layer(Broken(broken));
            assert!(
                matches!(token.oneshot(get(URL)).await, Err(AddCredentialError::Inner(error)) if error == broken)
            );
            setting.source.token().await.expect("a token");
        }
    }
}
