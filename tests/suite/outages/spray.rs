//! Ten thousand tokens, each with an unknown `kid` of its own.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use http::StatusCode;
use portcullis_test::{Endpoint, Fault, TestIssuer};
use portcullis_tests::{Connection, Response};
use tokio::time::Instant;

use super::{
    answers::{invalid, outage, passes},
    service::Service,
    timeouts::in_time,
    tokens::{UnknownKids, valid},
    waiting::begin,
};

const SPRAYED: usize = 10_000;
const CONNECTIONS: usize = 8;

/// The number of fetches that a spray of this length may cause.
pub(super) fn budget(lasted: Duration) -> usize {
    let refilled = lasted.as_secs() / 10;
    2 + usize::try_from(refilled).expect("a short test")
}

/// Sprays over several connections, with a valid token after every tenth unknown one. Passes each response to `unknown`
/// or `known`. Returns the duration.
async fn spray(
    address: SocketAddr,
    issuer: &TestIssuer,
    count: usize,
    unknown: impl Fn(&Response),
    known: impl Fn(&Response),
) -> Duration {
    let started = Instant::now();
    let valid = valid(issuer);
    let tokens: Vec<String> = UnknownKids::of(issuer).take(count).collect();
    let share = count.div_ceil(CONNECTIONS);
    let all = tokens.chunks(share).map(async |tokens| {
        let mut connection = Connection::open(address).await;
        for (nth, token) in tokens.iter().enumerate() {
            unknown(&send(&mut connection, address, token).await);
            if nth % 10 == 0 {
                known(&send(&mut connection, address, &valid).await);
            }
        }
    });
    join_all(all).await;
    started.elapsed()
}

async fn send(connection: &mut Connection, address: SocketAddr, token: &str) -> Response {
    let request =
        format!("GET /orders HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.send(request).await;
    connection.response().await
}

/// Sprays while the issuer is up. Checks that unknown tokens are rejected, that valid tokens pass, and that the spray
/// causes only the fetches of the budget.
pub(super) async fn spray_within_the_budget(address: SocketAddr, issuer: &TestIssuer) {
    let before = issuer.requests(Endpoint::Jwks);
    let lasted = spray(
        address,
        issuer,
        SPRAYED,
        |answer| invalid(answer, "the issuer is up and has no such key"),
        |answer| passes(answer, "during the spray"),
    )
    .await;
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    assert!(
        (1..=budget(lasted)).contains(&fetches),
        "{fetches} in {lasted:?}"
    );
}

#[tokio::test]
async fn spray_stays_within_the_budget_and_valid_tokens_pass() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    spray_within_the_budget(service.address(), &issuer).await;
    for request in issuer.recorded() {
        let request_text = format!("{} {:?}", request.uri, request.headers);
        assert!(
            !request_text.contains("sprayed"),
            "the request to the issuer contains a sprayed `kid`: {request_text}"
        );
    }
}

#[tokio::test]
async fn spray_in_an_outage_stays_within_the_budget_and_valid_tokens_pass() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Status(500));
    let before = issuer.requests(Endpoint::Jwks);
    let lasted = spray(
        service.address(),
        &issuer,
        SPRAYED,
        |answer| outage(answer, "the key may be new"),
        |answer| passes(answer, "during the spray"),
    )
    .await;
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    // A failed fetch is repeated after 0.5 to 1 s, then 1 to 2 s, and so on.
    let retries = 1 + (lasted.as_secs_f64() / 0.5).log2().max(0.0) as usize;
    let most = budget(lasted) + retries;
    assert!(
        (1..=most).contains(&fetches),
        "{fetches} of {most} in {lasted:?}"
    );
}

#[tokio::test]
async fn unknown_kids_are_refused_at_once_without_budget() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    let mut kids = UnknownKids::of(&issuer);
    let before = issuer.requests(Endpoint::Jwks);
    for _ in 0..2 {
        let (waiting, answered) = begin(&service, &mut kids, 1).await;
        assert_eq!((waiting.len(), answered.len()), (1, 0));
        join_all(waiting).await;
    }
    assert_eq!(issuer.requests(Endpoint::Jwks) - before, 2);
    let (waiting, answered) = begin(&service, &mut kids, 100).await;
    assert_eq!((waiting.len(), answered.len()), (0, 100));
    for answer in answered {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn tokens_of_another_issuer_cause_no_fetch() {
    let (issuer, other) = tokio::join!(TestIssuer::start(), TestIssuer::start());
    let service = Service::discover(&issuer).await;
    let before = issuer.requests(Endpoint::Jwks);
    let mut kids = UnknownKids::of(&other);
    let (waiting, answered) = begin(&service, &mut kids, 100).await;
    assert_eq!((waiting.len(), answered.len()), (0, 100));
    assert_eq!(issuer.requests(Endpoint::Jwks) - before, 0);
    issuer.rotate();
    let answer = service.get(&valid(&issuer)).await;
    passes(&answer, "the budget is untouched");
}

#[tokio::test]
async fn spray_while_the_issuer_hangs_does_not_delay_valid_tokens() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let before = issuer.requests(Endpoint::Jwks);
    let valid = valid(&issuer);
    let mut kids = UnknownKids::of(&issuer);
    let (mut waiting, mut answered) = (Vec::new(), Vec::new());
    while waiting.len() + answered.len() < SPRAYED {
        let begun = begin(&service, &mut kids, 20).await;
        waiting.extend(begun.0);
        answered.extend(begun.1);
        assert_eq!(service.status_at_once(&valid), Some(StatusCode::OK));
    }
    answered.extend(join_all(waiting).await);
    for answer in answered {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // The task had no time to fetch during the spray.
    in_time(issuer.wait_for_requests(Endpoint::Jwks, before + 1)).await;
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    assert!((1..=2).contains(&fetches), "{fetches}");
}
