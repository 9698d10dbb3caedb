//! Metadata that becomes faulty: the keys are still fetched from the previous URL.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use portcullis_remote::IssuerEvent;
use portcullis_test::{Endpoint, TestIssuer};

use super::{
    answers::{invalid, outage, passes},
    faults::{Fetch, SIDE_BY_SIDE, of_metadata},
    later::still_decides,
    service::{Service, impatient, large_budget, short_backoff},
    timeouts::event,
    tokens::{unpublished, valid},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_metadata_refuses_no_valid_token_and_hides_no_new_key() {
    let stranger = TestIssuer::start().await;
    let count = of_metadata(&stranger, &stranger).len();
    stream::iter(0..count)
        .for_each_concurrent(SIDE_BY_SIDE, |case| run_case(case, &stranger))
        .await;
    assert_eq!(
        stranger.requests(Endpoint::Jwks),
        0,
        "redirects are not followed"
    );
}

async fn run_case(case: usize, stranger: &TestIssuer) {
    let issuer = TestIssuer::start().await;
    let case = of_metadata(&issuer, stranger).swap_remove(case);
    let name = case.name;
    let mut rules = short_backoff();
    rules.discovery_interval = Duration::ZERO; // so that each fetch reads the metadata
    let keys = impatient(&issuer)
        .refresh_rules(rules)
        .signal_budget(large_budget());
    let service = Service::start(keys.start().await.expect("a valid configuration")).await;
    let kept = valid(&issuer);
    passes(&service.get(&kept).await, name);

    issuer.fault(Endpoint::Discovery, case.fault.clone());
    let mut events = service.issuer().events();
    let new = service.get(&unpublished(&issuer)).await;
    if case.keeps_waiting() {
        outage(&new, name); // the keys were not fetched in time
    } else {
        invalid(&new, name);
    }
    still_decides(&service, &issuer, stranger, &kept, name).await;
    if case.fetch == Fetch::Fails {
        event(&mut events, |event| {
            matches!(event, IssuerEvent::DiscoveryFailed { .. })
        })
        .await;
    }

    issuer.rotate();
    let refreshed = service.issuer().refresh().await;
    assert!(refreshed.is_ok(), "{name}: {refreshed:?}");
    passes(&service.get(&valid(&issuer)).await, name);
}
