//! Outages of the issuer of a running `orders-api` with default settings.

use std::net::SocketAddr;

use futures_util::future::join_all;
use portcullis_test::{Endpoint, Fault, TestIssuer};
use portcullis_tests::{Service, get};

use super::{
    answers::{invalid, outage, passes, refused},
    noise::among_a_thousand,
    spray::spray_within_the_budget,
    timeouts::in_time,
    tokens::{UnknownKids, forged, of_stranger, unpublished, valid},
};

async fn start(issuer: &TestIssuer) -> Service {
    Service::spawn("orders-api", &["--issuer", &issuer.url()]).await
}

async fn start_unready(issuer: &TestIssuer) -> Service {
    Service::spawn_listening("orders-api", &["--issuer", &issuer.url()]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_issuer_at_the_start_is_not_ready_until_healed() {
    let faults = [
        (Endpoint::Jwks, Fault::Down),
        (Endpoint::Jwks, Fault::Hang),
        (Endpoint::Jwks, Fault::EmptySet),
        (Endpoint::Discovery, Fault::Html),
    ];
    // Concurrently, because some faults are detected only by a timeout.
    join_all(faults.map(async |(endpoint, fault)| {
        let what = format!("{endpoint} {fault:?}");
        let issuer = TestIssuer::start().await;
        issuer.fault(endpoint, fault);
        let service = start_unready(&issuer).await;
        is_not_ready(service.address(), &what).await;
        cannot_decide(&service, &issuer, &what).await;
        issuer.heal(endpoint);
        becomes_ready(&service, &issuer).await;
        decides(&service, &issuer, &what).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_issuer_at_the_start_is_not_ready_until_restarted() {
    let issuer = TestIssuer::start().await;
    issuer.stop().await;
    let service = start_unready(&issuer).await;
    is_not_ready(service.address(), "stopped").await;
    cannot_decide(&service, &issuer, "stopped").await;
    issuer.restart().await;
    becomes_ready(&service, &issuer).await;
    decides(&service, &issuer, "restarted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issuer_that_becomes_faulty_refuses_no_valid_token() {
    let faults = [
        Fault::Down,
        Fault::Hang,
        Fault::Status(500),
        Fault::TooManyRequests { retry_after: None },
        Fault::Html,
        Fault::Empty,
        Fault::EmptySet,
        Fault::Null,
        Fault::Truncated,
        Fault::Huge { bytes: 1 << 20 },
        Fault::Changed(among_a_thousand),
        Fault::Redirect("/".into()),
    ];
    join_all(faults.map(async |fault| {
        let what = format!("{fault:?}");
        let issuer = TestIssuer::start().await;
        let service = start(&issuer).await;
        let kept = valid(&issuer);
        passes(&service.get_with_token("/orders", &kept).await, &what);

        issuer.fault(Endpoint::Jwks, fault);
        let new = unpublished(&issuer);
        outage(&service.get_with_token("/orders", &new).await, &what);
        passes(&service.get_with_token("/orders", &kept).await, &what);
        rejects_forged_tokens(&service, &issuer, &what).await;
        passes(&service.get_with_token("/orders", &kept).await, &what);
        assert_eq!(
            health(service.address()).await,
            200,
            "{what}: the service stays ready"
        );

        issuer.heal(Endpoint::Jwks);
        issuer.rotate();
        next_fetch(&issuer).await;
        in_time(async {
            loop {
                let answer = service.get_with_token("/orders", &valid(&issuer)).await;
                if answer.status == 200 {
                    break;
                }
                outage(&answer, &what);
            }
        })
        .await;
        invalid(&service.get_with_token("/orders", &kept).await, &what);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_of_one_issuer_does_not_affect_another() {
    let (down, up) = tokio::join!(TestIssuer::start(), TestIssuer::start());
    down.fault(Endpoint::Jwks, Fault::Down);
    let arguments = ["--issuer", &down.url(), "--issuer", &up.url()];
    let service = Service::spawn_listening("orders-api", &arguments).await;
    in_time(async { while !has_keys(&service, &up).await {} }).await;
    is_not_ready(service.address(), "one of two").await;
    let get = async |token: String| service.get_with_token("/orders", &token).await;
    passes(&get(valid(&up)).await, "the issuer that is up");
    invalid(
        &get(unpublished(&up)).await,
        "an unknown key of the issuer that is up",
    );
    outage(&get(valid(&down)).await, "the issuer that is down");
    outage(
        &get(of_stranger(&down, &up)).await,
        "a forged token of the issuer that is down",
    );

    down.heal(Endpoint::Jwks);
    becomes_ready(&service, &down).await;
    passes(&get(valid(&down)).await, "healed");
    invalid(&get(of_stranger(&down, &up)).await, "keys are not shared");
    down.fault(Endpoint::Jwks, Fault::Hang);
    // Earlier requests may have spent the budget, which is refilled within 10 s.
    in_time(async { while get(unpublished(&down)).await.status != 503 {} }).await;
    outage(
        &get(unpublished(&down)).await,
        "an unknown key of the issuer that hangs",
    );
    up.rotate();
    passes(
        &get(valid(&up)).await,
        "the new key of the issuer that is up",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spray_of_ten_thousand_unknown_kids_stays_within_the_budget() {
    let issuer = TestIssuer::start().await;
    let service = start(&issuer).await;
    spray_within_the_budget(service.address(), &issuer).await;
    assert!(!service.log().contains("sprayed"), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valid_token_does_not_wait_behind_300_unknown_kids() {
    let issuer = TestIssuer::start().await;
    let service = start(&issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let before = issuer.requests(Endpoint::Jwks);
    let tokens: Vec<String> = UnknownKids::of(&issuer).take(300).collect();
    let all = join_all(
        tokens
            .iter()
            .map(|token| service.get_with_token("/orders", token)),
    );
    let known = async {
        in_time(issuer.wait_for_requests(Endpoint::Jwks, before + 1)).await;
        let answer = service.get_with_token("/orders", &valid(&issuer)).await;
        passes(&answer, "a valid token does not wait");
    };
    let (answers, ()) = tokio::join!(all, known);
    for answer in answers {
        outage(&answer, "the key may be new");
    }
    assert_eq!(issuer.requests(Endpoint::Jwks) - before, 1);
}

async fn decides(service: &Service, issuer: &TestIssuer, what: &str) {
    let answer = service.get_with_token("/orders", &valid(issuer)).await;
    passes(&answer, what);
    rejects_forged_tokens(service, issuer, what).await;
}

async fn cannot_decide(service: &Service, issuer: &TestIssuer, what: &str) {
    for token in [valid(issuer), unpublished(issuer)] {
        outage(&service.get_with_token("/orders", &token).await, what);
    }
    rejects_forged_tokens(service, issuer, what).await;
}

async fn rejects_forged_tokens(service: &Service, issuer: &TestIssuer, what: &str) {
    let forged = forged(issuer);
    let refusals = forged.iter().map(async |(how, token)| {
        let answer = service.get_with_token("/orders", token).await;
        refused(&answer, &format!("{what}, {how}"));
    });
    join_all(refusals).await;
}

async fn health(address: SocketAddr) -> u16 {
    get(address, "/healthz", &[]).await.status
}

/// Whether the service has the keys of this issuer.
async fn has_keys(service: &Service, issuer: &TestIssuer) -> bool {
    let health = get(service.address(), "/healthz", &[]).await.json();
    let issuers = health["issuers"].as_array().cloned().unwrap_or_default();
    issuers
        .iter()
        .any(|entry| entry["issuer"] == issuer.url() && entry["ready"] == true)
}

async fn is_not_ready(address: SocketAddr, what: &str) {
    assert_eq!(health(address).await, 503, "{what}");
    assert_eq!(get(address, "/livez", &[]).await.status, 200, "{what}");
}

/// Waits until the service becomes ready without a restart or a request.
async fn becomes_ready(service: &Service, issuer: &TestIssuer) {
    next_fetch(issuer).await;
    in_time(async { while health(service.address()).await != 200 {} }).await;
}

/// Waits for the next fetch of the keys.
async fn next_fetch(issuer: &TestIssuer) {
    let before = issuer.requests(Endpoint::Jwks);
    in_time(issuer.wait_for_requests(Endpoint::Jwks, before + 1)).await;
}
