//! A faulty issuer when the service starts: the service starts, answers 503, and becomes ready with the issuer, without a
//! restart.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
use portcullis_test::{Endpoint, TestIssuer};

use super::{
    answers::{outage, passes, refused},
    faults::{Case, Fetch, SIDE_BY_SIDE, of_key_set, of_metadata},
    service::{Service, impatient},
    timeouts::in_time,
    tokens::{forged, of_stranger, unpublished, valid},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_key_set_at_the_start_is_not_ready_until_healed() {
    let stranger = TestIssuer::start().await;
    let cases = of_key_set(&stranger).into_iter();
    stream::iter(cases)
        .for_each_concurrent(SIDE_BY_SIDE, async |case| {
            let issuer = TestIssuer::start().await;
            run_case(&case, Endpoint::Jwks, &issuer, &stranger).await;
        })
        .await;
    assert_eq!(
        stranger.requests(Endpoint::Jwks),
        0,
        "redirects are not followed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_metadata_at_the_start_is_not_ready_until_healed() {
    let stranger = TestIssuer::start().await;
    let count = of_metadata(&stranger, &stranger).len();
    stream::iter(0..count)
        .for_each_concurrent(SIDE_BY_SIDE, async |case| {
            let issuer = TestIssuer::start().await;
            let case = of_metadata(&issuer, &stranger).swap_remove(case);
            run_case(&case, Endpoint::Discovery, &issuer, &stranger).await;
        })
        .await;
    assert_eq!(
        stranger.requests(Endpoint::Jwks),
        0,
        "redirects are not followed"
    );
}

async fn run_case(case: &Case, endpoint: Endpoint, issuer: &TestIssuer, stranger: &TestIssuer) {
    let name = case.name;
    issuer.fault(endpoint, case.fault.clone());
    let service = start(issuer).await;
    if case.fetch == Fetch::Succeeds {
        in_time(service.issuer().ready()).await.expect("keys");
        return passes(&service.get(&valid(issuer)).await, name);
    }
    in_time(issuer.wait_for_requests(endpoint, 1)).await;
    cannot_decide(&service, issuer, stranger, name).await;

    issuer.heal(endpoint);
    in_time(async {
        // If the metadata names another issuer, `ready` fails at once: waiting does not help.
        while service.issuer().ready().await.is_err() {
            let _ = service.issuer().refresh().await;
        }
    })
    .await;
    passes(&service.get(&valid(issuer)).await, name);
}

#[tokio::test]
async fn unreachable_issuer_at_the_start_is_not_ready_until_there() {
    let (issuer, stranger) = tokio::join!(TestIssuer::start(), TestIssuer::start());
    issuer.stop().await;
    let service = start(&issuer).await;
    cannot_decide(&service, &issuer, &stranger, "stopped").await;

    issuer.restart().await;
    in_time(service.issuer().ready()).await.expect("keys");
    passes(&service.get(&valid(&issuer)).await, "restarted");
}

/// Starts without waiting for the first keys.
async fn start(issuer: &TestIssuer) -> Service {
    let keys = impatient(issuer).start_timeout(Duration::ZERO);
    Service::start(keys.start().await.expect("a valid configuration")).await
}

async fn cannot_decide(service: &Service, issuer: &TestIssuer, stranger: &TestIssuer, what: &str) {
    for token in [
        valid(issuer),
        unpublished(issuer),
        of_stranger(issuer, stranger),
    ] {
        outage(&service.get(&token).await, what);
    }
    let forged = forged(issuer);
    let refusals = forged.iter().map(async |(how, token)| {
        refused(&service.get(token).await, &format!("{what}, {how}"));
    });
    join_all(refusals).await;
    let status = service.issuer().status();
    assert!(!status.ready, "{what}");
    assert!(!status.stale, "{what}: without keys nothing is stale");
}
