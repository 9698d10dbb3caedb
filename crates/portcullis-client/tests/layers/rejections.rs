//! A service that rejects the token.

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use portcullis_client::{AddTokenLayer, Origins};
use portcullis_test::{Endpoint, Fault};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    Setting, get, pool,
    target::{Answer, INVALID_TOKEN, Target},
    text,
};

fn post(target: &Target) -> Request<Full<Bytes>> {
    Request::post(target.at("/orders?page=2"))
        .header("x-request-id", "17")
        .header("content-type", "text/plain")
        .body(Full::from("two of these"))
        .expect("a request")
}

/// Checks that the target received the request of `post` twice, the second time with a new token.
pub(crate) fn assert_replayed(setting: &Setting, target: &Target) {
    let [mut first, mut second] = <[_; 2]>::try_from(target.recorded()).expect("two requests");
    assert_eq!(first.method, Method::POST);
    assert_eq!(first.body, "two of these");
    assert_eq!(first.header("x-request-id"), "17");
    assert_ne!(first.header("authorization"), setting.bearer());
    assert_eq!(second.header("authorization"), setting.bearer());
    first.headers.remove("authorization");
    second.headers.remove("authorization");
    assert_eq!(first.method, second.method);
    assert_eq!(first.uri, second.uri);
    assert_eq!(first.headers, second.headers);
    assert_eq!(first.body, second.body);
    assert_eq!(setting.token_requests(), 2);
}

#[tokio::test]
async fn rejected_request_is_replayed_with_a_new_token() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let client = setting.layer(&target).replay_bodies();
    let response = client.layer(pool()).oneshot(post(&target)).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "hello");

    assert_replayed(&setting, &target);
}

/// A server does not see these: the requested version, and the extensions that other layers added.
#[tokio::test]
async fn replayed_request_has_the_same_version_and_extensions() {
    #[derive(Clone, Debug, PartialEq)]
    struct Trace(u32);

    let setting = Setting::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let inner = service_fn({
        let seen = seen.clone();
        move |request: Request<Full<Bytes>>| {
            let trace = request.extensions().get::<Trace>().cloned();
            let mut seen = seen.lock().expect("no panic");
            seen.push((request.version(), trace));
            let response = match seen.len() {
                1 => Response::builder()
                    .status(401)
                    .header("www-authenticate", r#"Bearer error="invalid_token""#),
                _ => Response::builder(),
            };
            ready(response.body(()))
        }
    });
    let origins = Origins::new(["https://orders.example.com"]).expect("an origin");
    let layer = AddTokenLayer::new(setting.source.clone(), origins).replay_bodies();
    let request = Request::get("https://orders.example.com/orders")
        .version(Version::HTTP_2)
        .extension(Trace(17))
        .body(Full::<Bytes>::default());
    let answer = layer.layer(inner).oneshot(request.expect("a request"));
    assert_eq!(answer.await.expect("an answer").status(), 200);
    let expected = (Version::HTTP_2, Some(Trace(17)));
    assert_eq!(
        *seen.lock().expect("no panic"),
        [expected.clone(), expected]
    );
}

#[tokio::test]
async fn rejection_without_replay_fetches_a_token_for_the_next_call() {
    // A body that cannot be replayed has the same effect.
    let none = |_: &Full<Bytes>| None;
    for replays in [false, true] {
        let setting = Setting::new().await;
        let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
        let layer = setting.layer(&target);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let outcome = if replays {
                let client = layer.clone().replay(none).layer(pool());
                client.oneshot(post(&target)).await
            } else {
                layer.layer(pool()).oneshot(post(&target)).await
            };
            let response = outcome.expect("an answer");
            answers.push((response.status().as_u16(), text(response).await));
        }
        assert_eq!(answers, [(401, "refused".into()), (200, "hello".into())]);
        let bearers = target.bearers();
        assert_ne!(bearers[0], bearers[1]);
        assert_eq!(bearers[1], setting.bearer());
        assert_eq!(bearers.len(), 2);
        assert_eq!(setting.token_requests(), 2);
    }
}

#[tokio::test]
async fn request_is_replayed_once_at_most() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN]).await;
    let client = setting.layer(&target).replay_bodies();
    let client = client.layer(pool());
    let mut requests = Vec::new();
    for _ in 0..10 {
        let response = client.clone().oneshot(post(&target)).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 401);
        assert_eq!(text(response).await, "refused");
        requests.push(target.recorded().len());
    }
    // The first two tokens are rejected and replaced. The third stays in use although it is rejected too.
    assert_eq!(requests, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(setting.token_requests(), 3);

    // Half a minute later, one more token may be fetched.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    for _ in 0..10 {
        let response = client.clone().oneshot(post(&target)).await;
        assert_eq!(response.expect("an answer").status(), 401);
    }
    assert_eq!(setting.token_requests(), 4);
    assert_eq!(target.recorded().len(), 22);
}

#[tokio::test]
async fn other_rejections_are_returned_unchanged() {
    for answer in [
        Answer::Refused(401, r#"Bearer realm="orders""#),
        Answer::Refused(401, r#"Bearer error="invalid_request""#),
        Answer::Refused(401, r#"Bearer error_description="error=invalid_token""#),
        Answer::Refused(403, r#"Bearer error="insufficient_scope""#),
        Answer::Refused(403, r#"Bearer error="invalid_token""#),
        Answer::Refused(503, r#"Bearer error="invalid_token""#),
    ] {
        let Answer::Refused(status, challenge) = answer else {
            unreachable!("all answers are refusals");
        };
        let setting = Setting::new().await;
        let target = Target::answering([answer]).await;
        let client = setting.layer(&target).replay_bodies();
        let client = client.layer(pool());
        for calls in 1..=2 {
            let response = client.clone().oneshot(post(&target)).await;
            let response = response.expect("an answer");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["www-authenticate"], challenge);
            assert_eq!(text(response).await, "refused");
            assert_eq!(target.bearers(), vec![setting.bearer(); calls]);
        }
        assert_eq!(setting.token_requests(), 1, "{status} {challenge}");
    }
}

#[tokio::test]
async fn rejection_is_returned_when_no_new_token_can_be_obtained() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    setting.source.token().await.expect("a token");
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let client = setting.layer(&target).replay_bodies();
    let response = client.layer(pool()).oneshot(post(&target)).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 401);
    assert_eq!(text(response).await, "refused");
    assert_eq!(target.recorded().len(), 1);
}

/// As after the withdrawal of a key: all requests are rejected at once.
#[tokio::test]
async fn concurrent_rejections_share_one_new_token() {
    const CALLS: usize = 50;
    let setting = Setting::new().await;
    setting.source.token().await.expect("a token");
    let old = setting.bearer();
    let target = {
        let old = old.clone();
        axum::Router::new().fallback(async move |headers: http::HeaderMap| {
            let status = if headers["authorization"] == *old {
                http::StatusCode::UNAUTHORIZED
            } else {
                http::StatusCode::OK
            };
            let challenge = r#"Bearer error="invalid_token""#;
            (status, [("www-authenticate", challenge)], "hello")
        })
    };
    let target = Target::serving(target).await;
    let client = setting.layer(&target).replay_bodies();
    let client = client.layer(pool());
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        calls.spawn(client.clone().oneshot(get(&target.at("/orders"))));
    }
    for outcome in calls.join_all().await {
        assert_eq!(outcome.expect("an answer").status(), 200);
    }
    assert_eq!(setting.token_requests(), 2);
    let bearers = target.bearers();
    assert!(bearers.len() <= 2 * CALLS, "{}", bearers.len());
    let fresh = bearers.iter().filter(|bearer| **bearer == setting.bearer());
    assert_eq!(fresh.count(), CALLS);
}
