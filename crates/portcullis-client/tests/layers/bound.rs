//! Tokens bound to a key: a proof for each request, with the nonce that the service requires.

use std::time::Duration;

use axum::Router;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use http_body_util::Full;
use portcullis_client::{AddTokenLayer, Origins, TokenErrorKind};
use portcullis_jose::{CompactJws, DpopKey, KeySet};
use portcullis_test::{Endpoint, Fault};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use crate::{
    Setting, get, pool,
    readiness::Narrow,
    target::{Answer, INVALID_TOKEN, Recorded, Target},
};

const TOKEN: &str = "opaque-and-bound";

/// A setting whose issuer binds tokens.
async fn setting(key: &DpopKey) -> Setting {
    let setting = Setting::bound(key.clone()).await;
    let issued = json!({ "access_token": TOKEN, "token_type": "DPoP", "expires_in": 60 });
    setting.issuer.fault(Endpoint::Token, Fault::Json(issued));
    setting
}

/// The claims of the proof in a request, verified with the key.
fn proof(request: &Recorded, key: &DpopKey) -> Value {
    let proof = request.header("dpop");
    let part = |index| {
        let part = proof.split('.').nth(index).expect("three parts");
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice::<Value>(&json).expect("JSON")
    };
    let keys = json!({ "keys": [part(0)["jwk"]] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).expect("a key");
    let jws = CompactJws::parse(&proof).expect("a JWS");
    let found = keys.verify(&jws, &jws.header().expect("a header"));
    assert_eq!(
        found.expect("a valid signature").thumbprint(),
        key.thumbprint()
    );
    part(1)
}

#[tokio::test]
async fn d6_each_request_has_a_proof_and_the_newest_nonce() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    let target = Target::answering([
        Answer::WantsNonce("n-1"),
        Answer::Ok,
        Answer::GivesNonce("n-2"),
        Answer::Ok,
    ])
    .await;
    let client = setting.layer(&target).replay_bodies();
    for _ in 0..3 {
        let request = get(&target.at("/orders?page=2"));
        let response = client.layer(pool()).oneshot(request).await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
    let recorded = target.recorded();
    let proofs: Vec<_> = recorded
        .iter()
        .map(|request| proof(request, &key))
        .collect();
    let nonces: Vec<_> = proofs.iter().map(|proof| proof["nonce"].as_str()).collect();
    assert_eq!(nonces, [None, Some("n-1"), Some("n-1"), Some("n-2")]);
    for (request, proof) in recorded.iter().zip(&proofs) {
        assert_eq!(request.header("authorization"), format!("DPoP {TOKEN}"));
        assert_eq!(proof["htm"], "GET");
        assert_eq!(proof["htu"], target.at("/orders"));
        assert!(proof["ath"].is_string());
    }
    assert_ne!(
        proofs[1]["jti"], proofs[2]["jti"],
        "each proof is for one request"
    );
    assert_eq!(setting.token_requests(), 1, "the token is still good");
}

#[tokio::test]
async fn request_is_replayed_once_for_a_nonce() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    let wants = ["n-1", "n-2", "n-3"].map(Answer::WantsNonce);
    let target = Target::answering(wants).await;
    let client = setting.layer(&target).replay_bodies();
    let response = client.layer(pool()).oneshot(get(target.url())).await;
    assert_eq!(response.expect("an answer").status(), 401);
    assert_eq!(target.recorded().len(), 2);

    // Without replay, the next call sends the nonce.
    let client = setting.layer(&target);
    let _ = client.layer(pool()).oneshot(get(target.url())).await;
    let last = target.recorded().pop().expect("a request");
    assert_eq!(proof(&last, &key)["nonce"], "n-2");
}

/// The token expires before the service asks for a nonce.
#[tokio::test]
async fn answer_requiring_a_nonce_is_returned_when_no_token_can_be_obtained() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    setting.source.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let clock = setting.clock.clone();
    let target = Target::serving(Router::new().fallback(async move || {
        clock.advance(Duration::from_secs(60));
        Answer::WantsNonce("n-1").response()
    }))
    .await;
    let client = setting.layer(&target).replay_bodies();
    let response = client.layer(pool()).oneshot(get(target.url())).await;
    assert_eq!(response.expect("an answer").status(), 401);
    assert_eq!(target.recorded().len(), 1);
}

#[tokio::test]
async fn response_requiring_a_nonce_reserves_no_capacity() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    let narrow = Narrow::refusing([
        ("www-authenticate", r#"DPoP error="use_dpop_nonce""#),
        ("dpop-nonce", "n-1"),
    ]);
    narrow.answers_at_last(&setting).await;
}

#[tokio::test]
async fn rejected_bound_token_is_replaced() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    setting.source.token().await.expect("a token");
    let issued = json!({ "access_token": "another", "token_type": "DPoP", "expires_in": 60 });
    setting.issuer.fault(Endpoint::Token, Fault::Json(issued));
    let client = setting.layer(&target).replay_bodies();
    let response = client.layer(pool()).oneshot(get(target.url())).await;
    assert_eq!(response.expect("an answer").status(), 200);
    let last = target.recorded().pop().expect("a request");
    assert_eq!(last.header("authorization"), "DPoP another");
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn unbound_token_instead_of_a_bound_one_is_not_sent() {
    let key = DpopKey::generate().expect("a key");
    let setting = Setting::bound(key).await;
    let target = Target::start().await;
    let client = setting.layer(&target).layer(pool());
    let error = client
        .oneshot(get(target.url()))
        .await
        .expect_err("unbound");
    match error {
        portcullis_client::AddCredentialError::Token(error) => {
            assert_eq!(error.kind(), TokenErrorKind::TokenType, "{error}");
        }
        other => panic!("{other}"),
    }
    assert!(target.recorded().is_empty());
}

#[tokio::test]
async fn proof_through_a_channel_states_the_channels_origin() {
    let key = DpopKey::generate().expect("a key");
    let setting = setting(&key).await;
    let channel = Origins::channel("https://orders.example.com").expect("an origin");
    let layer = AddTokenLayer::new(setting.source.clone(), channel);
    let seen = tower::service_fn(async |request: http::Request<Full<Bytes>>| {
        let (head, _) = request.into_parts();
        let recorded = Recorded {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: Bytes::new(),
        };
        let mut response = http::Response::new(());
        response.extensions_mut().insert(recorded);
        Ok::<_, std::convert::Infallible>(response)
    });
    let request = get("/orders.Orders/List");
    let mut response = layer.layer(seen).oneshot(request).await.expect("an answer");
    let recorded = response
        .extensions_mut()
        .remove::<Recorded>()
        .expect("a request");
    let proof = proof(&recorded, &key);
    assert_eq!(
        proof["htu"],
        "https://orders.example.com/orders.Orders/List"
    );
}
