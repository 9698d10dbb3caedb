//! An issuer that becomes faulty after the start.

use futures_util::{StreamExt, future::join_all, stream};
use portcullis_test::{Endpoint, TestIssuer};

use super::{
    answers::{invalid, outage, passes, refused},
    faults::{Case, Fetch, SIDE_BY_SIDE, of_key_set},
    service::{Service, impatient, large_budget},
    timeouts::recovery,
    tokens::{forged, of_stranger, unpublished, valid},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_key_set_refuses_no_valid_token_and_accepts_no_forged_token() {
    let stranger = TestIssuer::start().await;
    stream::iter(of_key_set(&stranger))
        .for_each_concurrent(SIDE_BY_SIDE, |case| run_case(case, &stranger))
        .await;
    assert_eq!(
        stranger.requests(Endpoint::Jwks),
        0,
        "redirects are not followed"
    );
}

async fn run_case(Case { name, fault, fetch }: Case, stranger: &TestIssuer) {
    let issuer = TestIssuer::start().await;
    let keys = impatient(&issuer).signal_budget(large_budget());
    let service = Service::start(keys.start().await.expect("a valid configuration")).await;
    let kept = valid(&issuer);
    passes(&service.get(&kept).await, name);

    let before = issuer.requests(Endpoint::Jwks);
    issuer.fault(Endpoint::Jwks, fault);
    let new = service.get(&unpublished(&issuer)).await;
    match fetch {
        Fetch::Fails => outage(&new, name),
        Fetch::Succeeds => invalid(&new, name),
    }
    assert!(
        issuer.requests(Endpoint::Jwks) > before,
        "{name}: the unknown key caused a fetch"
    );
    still_decides(&service, &issuer, stranger, &kept, name).await;
    assert_eq!(
        service.issuer().refresh().await.is_ok(),
        fetch == Fetch::Succeeds,
        "{name}"
    );
    passes(&service.get(&kept).await, name);
    assert!(
        service.issuer().is_ready() && !service.issuer().status().stale,
        "{name}: the service stays ready in an outage"
    );

    let mut events = service.issuer().events();
    issuer.heal(Endpoint::Jwks);
    if fetch == Fetch::Fails {
        recovery(&mut events).await; // without a request
    }
    issuer.rotate();
    passes(&service.get(&valid(&issuer)).await, name);
    invalid(&service.get(&kept).await, name);
}

/// Valid tokens pass and forged tokens do not, without waiting.
pub(super) async fn still_decides(
    service: &Service,
    issuer: &TestIssuer,
    stranger: &TestIssuer,
    kept: &str,
    what: &str,
) {
    let mut forged = forged(issuer);
    forged.push(("a stranger's".to_owned(), of_stranger(issuer, stranger)));
    let refusals = forged.iter().map(async |(how, token)| {
        refused(&service.get(token).await, &format!("{what}, {how}"));
    });
    let fresh = valid(issuer);
    let passages =
        [kept, &fresh, kept, &fresh].map(async |token| passes(&service.get(token).await, what));
    tokio::join!(join_all(refusals), join_all(passages));
}
