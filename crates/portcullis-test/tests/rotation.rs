//! Each step of a rotation changes only what its name says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use portcullis_test::{SigningAlgorithm, TestIssuer, TestKey};
use serde_json::{Value, json};
use support::get;

async fn published_kids(issuer: &TestIssuer) -> Vec<String> {
    let set = get(&issuer.jwks_uri()).await.unwrap().json();
    let kid = |key: &serde_json::Value| key["kid"].as_str().unwrap_or("-").to_owned();
    set["keys"].as_array().unwrap().iter().map(kid).collect()
}

fn kid(key: &TestKey) -> String {
    key.kid().unwrap().to_owned()
}

fn publish_another(issuer: &TestIssuer) -> TestKey {
    let key = TestKey::generate(issuer.signing_key().algorithm());
    issuer.add(&key);
    key
}

fn signed_by(issuer: &TestIssuer) -> String {
    let header = jsonwebtoken::decode_header(issuer.token().mint()).unwrap();
    header.kid.unwrap()
}

#[tokio::test]
async fn publish_then_sign_then_withdraw() {
    let issuer = TestIssuer::start().await;
    let old = issuer.signing_key();
    let new = publish_another(&issuer);
    assert_eq!(published_kids(&issuer).await, [kid(&old), kid(&new)]);
    assert_eq!(signed_by(&issuer), kid(&old));
    issuer.sign_with(&new);
    assert_eq!(signed_by(&issuer), kid(&new));
    assert!(issuer.withdraw(&old));
    assert!(!issuer.withdraw(&old));
    assert_eq!(published_kids(&issuer).await, [kid(&new)]);
}

#[tokio::test]
async fn key_can_sign_before_it_is_published() {
    let issuer = TestIssuer::start().await;
    let old = issuer.signing_key();
    let new = TestKey::generate(old.algorithm());
    issuer.sign_with(&new);
    assert_eq!(signed_by(&issuer), kid(&new));
    assert_eq!(published_kids(&issuer).await, [kid(&old)]);
    issuer.add(&new);
    assert_eq!(published_kids(&issuer).await, [kid(&old), kid(&new)]);
}

#[tokio::test]
async fn rotate_replaces_the_published_and_the_signing_key() {
    let issuer = TestIssuer::builder()
        .algorithm(SigningAlgorithm::ES384)
        .start()
        .await
        .unwrap();
    publish_another(&issuer);
    let (old, new) = issuer.rotate();
    assert_ne!(kid(&old), kid(&new));
    assert_eq!(published_kids(&issuer).await, [kid(&new)]);
    assert_eq!(signed_by(&issuer), kid(&new));
    assert_eq!(new.algorithm(), SigningAlgorithm::ES384);
}

#[tokio::test]
async fn key_material_can_be_replaced_under_the_same_kid() {
    let issuer = TestIssuer::start().await;
    let other = publish_another(&issuer);
    let (old, new) = issuer.replace_material();
    assert_eq!(kid(&old), kid(&new));
    assert_ne!(old.thumbprint(), new.thumbprint());
    assert_eq!(published_kids(&issuer).await, [kid(&old), kid(&other)]);
    assert_eq!(issuer.published()[0], new.public_jwk());
    assert_eq!(issuer.signing_key().thumbprint(), new.thumbprint());
}

#[tokio::test]
async fn keys_can_be_reordered_and_kids_duplicated() {
    let issuer = TestIssuer::start().await;
    let first = issuer.signing_key();
    let second = publish_another(&issuer);
    issuer.publish(issuer.published().into_iter().rev());
    assert_eq!(published_kids(&issuer).await, [kid(&second), kid(&first)]);
    let stranger = TestKey::generate(first.algorithm()).with_kid(kid(&first));
    let others = issuer.published().into_iter();
    issuer.publish([Value::from(&stranger)].into_iter().chain(others));
    assert_eq!(
        published_kids(&issuer).await,
        [kid(&first), kid(&second), kid(&first)]
    );
    assert_eq!(issuer.published()[0], stranger.public_jwk());
    assert_ne!(stranger.thumbprint(), first.thumbprint());
    issuer.add(&first);
    assert_eq!(published_kids(&issuer).await.len(), 4);
    assert!(issuer.withdraw(&first));
    assert_eq!(published_kids(&issuer).await, [kid(&first), kid(&second)]);
}

#[tokio::test]
async fn keys_can_be_published_without_kid_or_alg() {
    let issuer = TestIssuer::start().await;
    let key = issuer.signing_key();
    issuer.publish_without("alg");
    assert_eq!(issuer.published()[0].get("alg"), None);
    issuer.publish_without("kid");
    assert_eq!(published_kids(&issuer).await, ["-"]);
    assert_eq!(signed_by(&issuer), kid(&key));
    assert!(issuer.withdraw(&key));
    issuer.sign_with(&key.without_kid());
    let header = jsonwebtoken::decode_header(issuer.token().mint()).unwrap();
    assert_eq!(header.kid, None);
}

#[tokio::test]
async fn any_entry_can_be_published() {
    let issuer = TestIssuer::start().await;
    issuer.publish([json!({"kty": "AKP"}), issuer.signing_key().public_jwk()]);
    let set = get(&issuer.jwks_uri()).await.unwrap().json();
    assert_eq!(
        set["keys"],
        json!([{"kty": "AKP"}, issuer.signing_key().public_jwk()])
    );
    issuer.publish::<Value>([]);
    assert_eq!(
        get(&issuer.jwks_uri()).await.unwrap().json(),
        json!({"keys": []})
    );
}
