//! Helpers.

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

/// Only a failing test reaches this.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The default rules with short backoffs.
pub(crate) fn short_backoff() -> RefreshRules {
    let mut rules = RefreshRules::default();
    rules.backoff.first = millis(10);
    rules.backoff.longest = millis(20);
    rules
}

/// Rules that refresh the keys continuously.
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

pub(crate) async fn start(builder: IssuerBuilder) -> Issuer {
    builder.start().await.expect("a valid configuration")
}

pub(crate) async fn started(issuer: &TestIssuer) -> Issuer {
    start(builder(issuer)).await
}

/// An issuer with its default settings, its keys and a scheme that uses them.
pub(crate) async fn started_with_bearer() -> (TestIssuer, Issuer, Bearer) {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let bearer = bearer(&keys, &issuer);
    (issuer, keys, bearer)
}

/// Waits for an event of one kind.
macro_rules! wait_for {
    ($events:expr, $kind:ident) => {
        $crate::support::event($events, |event| {
            matches!(event, ::portcullis_remote::IssuerEvent::$kind { .. })
        })
        .await
    };
}
pub(crate) use wait_for;

/// Waits for an event that meets the condition.
pub(crate) async fn event(
    events: &mut Receiver<IssuerEvent>,
    condition: impl Fn(&IssuerEvent) -> bool,
) -> IssuerEvent {
    let next = async {
        loop {
            let event = events.recv().await.expect("a running task");
            if condition(&event) {
                return event;
            }
        }
    };
    in_time(next).await
}

/// Waits until the task has ended, and checks that it did not die.
pub(crate) async fn ended(mut events: Receiver<IssuerEvent>) {
    in_time(async move {
        while let Ok(event) = events.recv().await {
            assert!(!matches!(event, IssuerEvent::TaskEnded));
        }
    })
    .await;
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("completion within the timeout")
}

pub(crate) fn bearer(keys: &impl AsRef<IssuerKeys>, issuer: &TestIssuer) -> Bearer {
    let bearer = Bearer::jwt(keys)
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256]);
    // A whole run uses the token cache, or does not.
    match std::env::var_os("PORTCULLIS_TOKEN_CACHE") {
        Some(value) if value == "off" => bearer.without_token_cache(),
        _ => bearer,
    }
    .build()
    .expect("a valid configuration")
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

/// The registered client.
pub(crate) fn client() -> ClientAuthentication {
    ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
}

/// The requests that an endpoint received.
pub(crate) fn requests_to(issuer: &TestIssuer, endpoint: Endpoint) -> Vec<RecordedRequest> {
    let mut requests = issuer.recorded();
    requests.retain(|request| request.endpoint == endpoint);
    requests
}
