//! Requests of reqwest whose token a service rejects.

use bytes::Bytes;
use http_body_util::Full;
use portcullis_jose::DpopKey;
use portcullis_test::{Endpoint, Fault};
use reqwest::Body;
use reqwest_middleware::{ClientWithMiddleware, RequestBuilder};
use serde_json::json;

use super::with_token;
use crate::{
    Setting,
    rejections::assert_replayed,
    target::{Answer, INVALID_TOKEN, Target},
};

fn post(client: &ClientWithMiddleware, target: &Target) -> RequestBuilder {
    client
        .post(target.at("/orders?page=2"))
        .header("x-request-id", "17")
        .body("two of these")
}

#[tokio::test]
async fn rejected_request_is_replayed_with_a_new_token() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let client = with_token(&setting, &target);
    let response = post(&client, &target).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.expect("text"), "hello");

    assert_replayed(&setting, &target);
}

#[tokio::test]
async fn stream_is_not_replayed() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let client = with_token(&setting, &target);
    for status in [401, 200] {
        let body = Body::wrap(Full::new(Bytes::from_static(b"two of these")));
        let request = client.post(target.at("/orders")).body(body);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
    }
    let bearers = target.bearers();
    assert_ne!(bearers[0], bearers[1]);
    assert_eq!(bearers.len(), 2);
}

#[tokio::test]
async fn request_is_replayed_once_at_most() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN]).await;
    let client = with_token(&setting, &target);
    let mut requests = Vec::new();
    for _ in 0..10 {
        let response = post(&client, &target).send().await.expect("an answer");
        assert_eq!(response.status(), 401);
        assert_eq!(response.text().await.expect("text"), "refused");
        requests.push(target.recorded().len());
    }
    assert_eq!(requests, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(setting.token_requests(), 3);
}

#[tokio::test]
async fn other_rejections_are_returned_unchanged() {
    for (status, challenge) in [
        (401, r#"Bearer realm="orders""#),
        (403, r#"Bearer error="invalid_token""#),
    ] {
        let setting = Setting::new().await;
        let target = Target::answering([Answer::Refused(status, challenge)]).await;
        let client = with_token(&setting, &target);
        for calls in 1..=2 {
            let response = post(&client, &target).send().await.expect("an answer");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["www-authenticate"], challenge);
            assert_eq!(response.text().await.expect("text"), "refused");
            assert_eq!(target.bearers(), vec![setting.bearer(); calls]);
        }
        assert_eq!(setting.token_requests(), 1);
    }
}

#[tokio::test]
async fn rejection_is_returned_when_no_new_token_can_be_obtained() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    setting.source.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let client = with_token(&setting, &target);
    let response = post(&client, &target).send().await.expect("an answer");
    assert_eq!(response.status(), 401);
    assert_eq!(response.text().await.expect("text"), "refused");
    assert_eq!(target.recorded().len(), 1);
}

#[tokio::test]
async fn d6_bound_token_is_sent_with_a_proof_and_the_required_nonce() {
    let setting = Setting::bound(DpopKey::generate().expect("a key")).await;
    let issued = json!({ "access_token": "bound", "token_type": "DPoP", "expires_in": 60 });
    setting.issuer.fault(Endpoint::Token, Fault::Json(issued));
    let target = Target::answering([Answer::WantsNonce("n-1"), Answer::Ok]).await;
    let client = with_token(&setting, &target);
    let response = client.get(target.at("/orders")).send().await;
    assert_eq!(response.expect("an answer").status(), 200);
    let recorded = target.recorded();
    assert_eq!(recorded.len(), 2);
    for request in &recorded {
        assert_eq!(request.header("authorization"), "DPoP bound");
    }
    assert_ne!(recorded[0].header("dpop"), recorded[1].header("dpop"));
}
