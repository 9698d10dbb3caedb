//! Helpers of the tests.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use portcullis_core::AuthenticateLayer;
use portcullis_jose::Algorithm;
use portcullis_jwt::{Bearer, IssuerKeys};
use portcullis_oauth::ClientAuthentication;
use portcullis_remote::{Issuer, IssuerBuilder, IssuerEvent, RefreshRules};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, RecordedRequest, TestIssuer,
};
use tokio::sync::broadcast::Receiver;
use tower::{Layer, ServiceExt, service_fn};

/// Reached only by a test that fails.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The default rules with short backoffs.
pub(crate) fn short_backoff() -> RefreshRules {
    let mut rules = RefreshRules::default();
    rules.first_backoff = millis(10);
    rules.longest_backoff = millis(20);
    rules
}

/// Rules by which keys are refreshed all the time.
pub(crate) fn short_lifetime() -> RefreshRules {
    let mut rules = short_backoff();
    rules.shortest_lifetime = millis(50);
    rules.longest_lifetime = millis(50);
    rules
}

/// An issuer whose keys are not refreshed by schedule during a test.
pub(crate) fn builder(issuer: &TestIssuer) -> IssuerBuilder {
    Issuer::jwks(issuer.url(), issuer.jwks_uri()).start_timeout(TIMEOUT)
}

pub(crate) async fn started(issuer: &TestIssuer) -> Issuer {
    builder(issuer)
        .start()
        .await
        .expect("the configuration is good")
}

/// Waits for an event.
pub(crate) async fn event(
    events: &mut Receiver<IssuerEvent>,
    is_it: impl Fn(&IssuerEvent) -> bool,
) -> IssuerEvent {
    let next = async {
        loop {
            let event = events.recv().await.expect("the task is alive");
            if is_it(&event) {
                return event;
            }
        }
    };
    in_time(next).await
}

/// Waits until the task has ended without a death.
pub(crate) async fn ended(mut events: Receiver<IssuerEvent>) {
    in_time(async move {
        while let Ok(event) = events.recv().await {
            assert!(!matches!(event, IssuerEvent::Stopped));
        }
    })
    .await;
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, what)
        .await
        .expect("it takes too long")
}

pub(crate) fn bearer(keys: &impl AsRef<IssuerKeys>, issuer: &TestIssuer) -> Bearer {
    let bearer = Bearer::jwt(keys)
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256]);
    // The whole run is with the token cache or without it.
    match std::env::var_os("PORTCULLIS_TOKEN_CACHE") {
        Some(value) if value == "off" => bearer.without_token_cache(),
        _ => bearer,
    }
    .build()
    .expect("the configuration is good")
}

/// The status of a guarded service for this token.
pub(crate) async fn answer(bearer: &Bearer, token: &str) -> StatusCode {
    respond(bearer, token).await.status()
}

/// The status of the answer, and the seconds in its `Retry-After`.
pub(crate) async fn refusal(bearer: &Bearer, token: &str) -> (StatusCode, u64) {
    let response = respond(bearer, token).await;
    let wait = response.headers().get("retry-after").expect("a wait");
    let wait = wait.to_str().expect("text").parse().expect("seconds");
    (response.status(), wait)
}

async fn respond(bearer: &Bearer, token: &str) -> Response<impl http_body_util::BodyExt> {
    let service = AuthenticateLayer::new(bearer.clone()).layer(service_fn(handle));
    let request = Request::builder()
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .expect("a request");
    service.oneshot(request).await.expect("infallible")
}

async fn handle(_: Request<()>) -> Result<Response<Empty<Bytes>>, Infallible> {
    Ok(Response::new(Empty::new()))
}

/// The client that the issuer knows.
pub(crate) fn client() -> ClientAuthentication {
    ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
}

/// The requests that an endpoint received.
pub(crate) fn asked(issuer: &TestIssuer, endpoint: Endpoint) -> Vec<RecordedRequest> {
    let mut requests = issuer.recorded();
    requests.retain(|request| request.endpoint == endpoint);
    requests
}
