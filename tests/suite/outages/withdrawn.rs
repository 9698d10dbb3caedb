//! Added and withdrawn keys.

use portcullis_remote::IssuerEvent;
use portcullis_test::{Endpoint, Fault, TestIssuer, TestKey};

use super::{
    answers::{invalid, outage, passes},
    service::{Service, impatient, large_budget},
    timeouts::in_time,
    tokens::valid,
};

async fn service(issuer: &TestIssuer) -> Service {
    let keys = impatient(issuer).signal_budget(large_budget());
    Service::start(keys.start().await.expect("keys")).await
}

async fn refresh(service: &Service) {
    service.issuer().refresh().await.expect("keys");
}

#[tokio::test]
async fn tokens_of_a_withdrawn_key_are_refused_after_the_refresh() {
    let issuer = TestIssuer::start().await;
    let service = service(&issuer).await;
    let kept = valid(&issuer);

    issuer.rotate();
    assert_eq!(
        service.status_at_once(&kept),
        Some(http::StatusCode::OK),
        "the old keys remain in use until the refresh"
    );
    refresh(&service).await;
    for _ in 0..20 {
        invalid(&service.get(&kept).await, "withdrawn");
        passes(&service.get(&valid(&issuer)).await, "the new key");
    }

    issuer.fault(Endpoint::Jwks, Fault::Down);
    let answer = service.get(&kept).await;
    outage(
        &answer,
        "the key may be published again, but the token does not pass",
    );
}

#[tokio::test]
async fn new_material_replaces_the_old_under_the_same_kid() {
    let issuer = TestIssuer::start().await;
    let service = service(&issuer).await;
    let kept = valid(&issuer);
    issuer.replace_material();
    refresh(&service).await;
    invalid(&service.get(&kept).await, "the old key");
    passes(&service.get(&valid(&issuer)).await, "the new key");
}

#[tokio::test]
async fn bad_signature_causes_a_fetch_of_new_material() {
    let issuer = TestIssuer::start().await;
    let service = service(&issuer).await;
    let before = issuer.requests(Endpoint::Jwks);
    issuer.replace_material();
    let new = valid(&issuer);
    let first = service.get(&new).await;
    invalid(&first, "the old key decides, and the request does not wait");
    in_time(issuer.wait_for_requests(Endpoint::Jwks, before + 1)).await;
    in_time(async { while service.get(&new).await.status != 200 {} }).await;
}

#[tokio::test]
async fn rotation_in_any_order_refuses_no_valid_token() {
    let issuer = TestIssuer::start().await;
    let service = service(&issuer).await;
    let passes_now = async |what: &str| passes(&service.get(&valid(&issuer)).await, what);

    let first = issuer.signing_key();
    let ahead = TestKey::generate(first.algorithm());
    issuer.add(&ahead);
    passes_now("a successor is published").await;
    issuer.sign_with(&ahead);
    passes_now("the successor signs").await;
    issuer.withdraw(&first);
    passes_now("the old key is withdrawn").await;

    let late = TestKey::generate(first.algorithm());
    issuer.sign_with(&late);
    invalid(&service.get(&valid(&issuer)).await, "not published yet");
    issuer.add(&late);
    passes_now("published late").await;

    issuer.publish(issuer.published().into_iter().rev());
    refresh(&service).await;
    passes_now("in another order").await;
    issuer.publish_without("alg");
    refresh(&service).await;
    passes_now("without alg").await;
    issuer.publish_without("kid");
    refresh(&service).await;
    passes_now("without kid").await;
    let (_, key) = issuer.rotate();
    let stranger = TestKey::generate(key.algorithm());
    issuer.publish([&stranger.with_kid(key.kid().expect("a kid")), &key]);
    passes_now("beside another key with the same kid").await;
}

#[tokio::test]
async fn set_without_keys_never_replaces_a_good_set() {
    let issuer = TestIssuer::start().await;
    let service = service(&issuer).await;
    let kept = valid(&issuer);
    let mut events = service.issuer().events();
    let epoch = service.issuer().status().epoch;

    issuer.withdraw(&issuer.signing_key());
    assert!(issuer.published().is_empty(), "the set is empty");
    for _ in 0..3 {
        assert!(service.issuer().refresh().await.is_err());
        passes(&service.get(&kept).await, "an empty set");
    }
    issuer.publish([serde_json::json!({ "kty": "EC" })]);
    assert!(service.issuer().refresh().await.is_err());
    passes(&service.get(&kept).await, "a set without a usable key");

    assert_eq!(service.issuer().status().epoch, epoch);
    while let Ok(event) = events.try_recv() {
        assert!(
            !matches!(event, IssuerEvent::KeysChanged { .. }),
            "{event:?}"
        );
    }
}
