//! Key rotations during a flow of requests.
//!
//! Unknown keys may cause two fetches, and one more every 10 s. Each test has its own service, so each starts with both
//! fetches and states how many it needs.

use std::sync::Arc;
use std::time::Duration;

use portcullis_tests::{OidcProvider, Service};
use tokio::time::timeout;

use super::flow::{Flow, kid};
use super::{ALGORITHMS, ORDERS, orders_api};

async fn start() -> (Arc<OidcProvider>, Arc<Service>) {
    let provider = OidcProvider::start().await;
    let service = orders_api(&provider).await;
    (Arc::new(provider), Arc::new(service))
}

#[tokio::test]
async fn adding_a_key_loses_no_valid_request() {
    let (provider, service) = start().await;
    let first = provider.signing_kid("ES256").await;
    let mut flow = Flow::start(&provider, &service, &["ES256", "RS256"]);
    flow.accepts_more(&first, 10).await;

    let fetches = provider.key_set_fetches().await;
    provider.add_key("ES256", "second").await;
    flow.accepts_more("second", 10).await;
    flow.accepts_more(&first, 5).await; // the kept tokens of callers

    assert_eq!(flow.progress().lost, [""; 0]);
    assert_eq!(provider.key_set_fetches().await - fetches, 1);
}

#[tokio::test]
async fn publishing_a_key_ahead_loses_no_valid_request() {
    let (provider, service) = start().await;
    let first = provider.signing_kid("PS256").await;
    let mut flow = Flow::start(&provider, &service, &["PS256", "Ed25519"]);
    flow.accepts_more(&first, 10).await;

    let fetches = provider.key_set_fetches().await;
    provider.publish_key("PS256", "ahead").await;
    flow.accepts_more(&first, 10).await;
    assert_eq!(
        provider.key_set_fetches().await - fetches,
        0,
        "no token names the key yet, so no fetch is due"
    );
    provider.sign_with("ahead").await;
    flow.accepts_more("ahead", 10).await;

    assert_eq!(flow.progress().lost, [""; 0]);
    assert_eq!(provider.key_set_fetches().await - fetches, 1);
}

#[tokio::test]
async fn replacing_all_keys_loses_no_valid_request() {
    let (provider, service) = start().await;
    let mut flow = Flow::start(&provider, &service, &ALGORITHMS);
    for algorithm in ALGORITHMS {
        flow.accepts_more(&provider.signing_kid(algorithm).await, 4)
            .await;
    }

    let fetches = provider.key_set_fetches().await;
    provider.replace_all_keys().await;
    for algorithm in ALGORITHMS {
        flow.accepts_more(&provider.signing_kid(algorithm).await, 4)
            .await;
    }

    assert_eq!(flow.progress().lost, [""; 0]);
    // One fetch for the new keys, and perhaps one for the withdrawn keys.
    assert!((1..=2).contains(&(provider.key_set_fetches().await - fetches)));
}

#[tokio::test]
async fn new_key_under_an_old_kid_is_accepted_within_2_s() {
    let (provider, service) = start().await;
    let old = provider.machine_token("ES384", ORDERS).await;
    assert_eq!(service.get_with_token("/orders", &old).await.status, 200);
    let bystander = provider.signing_kid("RS256").await;
    let mut flow = Flow::start(&provider, &service, &["RS256"]);
    flow.accepts_more(&bystander, 4).await;

    provider.renew_key(&kid(&old)).await;
    let new = provider.machine_token("ES384", ORDERS).await;
    assert_eq!(kid(&new), kid(&old));
    let accepted = timeout(Duration::from_secs(2), async {
        loop {
            match service.get_with_token("/orders", &new).await.status {
                200 => break,
                status => assert_eq!(status, 401, "the service still has the old key"),
            }
        }
    });
    assert!(accepted.await.is_ok());
    assert_eq!(service.get_with_token("/orders", &old).await.status, 401);

    flow.accepts_more(&bystander, 4).await;
    assert_eq!(flow.progress().lost, [""; 0]);
}

#[tokio::test]
async fn tokens_of_withdrawn_keys_are_rejected_after_the_next_fetch() {
    let (provider, service) = start().await;
    let mut kept = Vec::new();
    for algorithm in ALGORITHMS {
        let token = provider.machine_token(algorithm, ORDERS).await;
        assert_eq!(service.get_with_token("/orders", &token).await.status, 200);
        kept.push((algorithm, token));
    }

    provider.replace_all_keys().await;
    for (algorithm, token) in &kept {
        let status = service.get_with_token("/orders", token).await.status;
        assert_eq!(
            status, 200,
            "{algorithm}: the old keys remain in use until a fetch"
        );
    }
    let new = provider.machine_token("ES256", ORDERS).await;
    assert_eq!(
        service.get_with_token("/orders", &new).await.status,
        200,
        "this token causes a fetch"
    );

    for (algorithm, token) in &kept {
        let answer = service.get_with_token("/orders", token).await;
        assert_eq!(answer.status, 401, "{algorithm}: {answer:?}");
    }
    assert_eq!(service.get_with_token("/orders", &new).await.status, 200);
}

#[tokio::test]
async fn withdrawn_key_keeps_tokens_of_other_keys_accepted() {
    let (provider, service) = start().await;
    let first = provider.machine_token("EdDSA", ORDERS).await;
    provider.add_key("EdDSA", "second").await;
    let second = provider.machine_token("EdDSA", ORDERS).await;
    assert_eq!(
        service.get_with_token("/orders", &second).await.status,
        200,
        "the first fetch"
    );
    assert_eq!(service.get_with_token("/orders", &first).await.status, 200);

    provider.withdraw_key(&kid(&first)).await;
    provider.add_key("ES512", "another").await;
    let another = provider.machine_token("ES512", ORDERS).await;
    assert_eq!(
        service.get_with_token("/orders", &another).await.status,
        200,
        "the second fetch"
    );

    assert_eq!(service.get_with_token("/orders", &first).await.status, 401);
    assert_eq!(service.get_with_token("/orders", &second).await.status, 200);
}
