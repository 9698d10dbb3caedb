//! What the tests share.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use portcullis_core::AuthenticateLayer;
use portcullis_jose::Algorithm;
use portcullis_jwt::{Bearer, IssuerKeys};
use portcullis_remote::{Issuer, IssuerBuilder, IssuerEvent, RefreshRules};
use portcullis_test::TestIssuer;
use tokio::sync::broadcast::Receiver;
use tower::{Layer, ServiceExt, service_fn};

/// Longer than anything takes; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The default rules, but impatient after failures.
pub(crate) fn impatient() -> RefreshRules {
    let mut rules = RefreshRules::default();
    rules.first_backoff = millis(10);
    rules.longest_backoff = millis(20);
    rules
}

/// Rules by which a set is fetched again all the time.
pub(crate) fn restless() -> RefreshRules {
    let mut rules = impatient();
    rules.shortest_lifetime = millis(50);
    rules.longest_lifetime = millis(50);
    rules
}

/// An issuer that is refreshed only when a test asks, or a request.
pub(crate) fn builder(issuer: &TestIssuer) -> IssuerBuilder {
    Issuer::jwks(issuer.url(), issuer.jwks_uri()).start_timeout(PATIENCE)
}

pub(crate) async fn started(issuer: &TestIssuer) -> Issuer {
    builder(issuer)
        .start()
        .await
        .expect("the configuration is good")
}

/// The next event that is one of those looked for.
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
    patiently(next).await
}

/// The task has ended as it should: whatever it sent before, its channel is closed.
pub(crate) async fn ended(mut events: Receiver<IssuerEvent>) {
    patiently(async move {
        while let Ok(event) = events.recv().await {
            assert!(!matches!(event, IssuerEvent::Stopped));
        }
    })
    .await;
}

pub(crate) async fn patiently<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it takes too long")
}

pub(crate) fn bearer(keys: &impl AsRef<IssuerKeys>, issuer: &TestIssuer) -> Bearer {
    let bearer = Bearer::jwt(keys)
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256]);
    // The whole run is with a cache of verified tokens or without.
    match std::env::var_os("PORTCULLIS_TOKEN_CACHE") {
        Some(value) if value == "off" => bearer.without_token_cache(),
        _ => bearer,
    }
    .build()
    .expect("the configuration is good")
}

/// What a guarded service answers to a request with this token.
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
