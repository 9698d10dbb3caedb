//! The credentials of requests.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Full;
use portcullis_client::{AddApiKeyLayer, ApiKeySource};
use portcullis_core::Secret;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{KEY, Setting, api_key, get, pool, target::Target};

#[tokio::test]
async fn token_is_sent() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let client = setting.layer(&target).layer(pool());
    for calls in 1..=3 {
        let response = client.clone().oneshot(get(&target.at("/orders"))).await;
        assert_eq!(response.expect("an answer").status(), 200);
        assert_eq!(target.bearers(), vec![setting.bearer(); calls]);
    }
    assert_eq!(setting.token_requests(), 1);
}

#[tokio::test]
async fn key_is_sent_in_the_configured_header() {
    let target = Target::start().await;
    let layer = api_key(target.origins());
    let other = layer.clone().header("x-acme".parse().expect("a name"));
    for layer in [layer, other] {
        let response = layer
            .layer(pool())
            .oneshot(get(&target.at("/orders")))
            .await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
    let [first, second] = &target.recorded()[..] else {
        panic!("two requests");
    };
    assert_eq!(first.header("x-api-key"), KEY);
    assert_eq!(second.header("x-acme"), KEY);
    assert!(!second.headers.contains_key("x-api-key"));
}

#[tokio::test]
async fn replaced_key_is_sent_by_every_client() {
    let target = Target::start().await;
    let key = ApiKeySource::new(&Secret::new(KEY)).expect("a key");
    let mut client = AddApiKeyLayer::new(key.clone(), target.origins()).layer(pool());
    let other = client.clone();
    let url = target.at("/orders");
    client.ready().await.expect("ready");
    client.call(get(&url)).await.expect("an answer");
    key.replace(&Secret::new("another")).expect("a key");
    client.ready().await.expect("ready");
    client.call(get(&url)).await.expect("an answer");
    other.oneshot(get(&url)).await.expect("an answer");
    let recorded = target.recorded();
    let sent: Vec<_> = recorded.iter().map(|one| one.header("x-api-key")).collect();
    assert_eq!(sent, [KEY, "another", "another"]);
}

#[tokio::test]
async fn existing_credential_headers_are_replaced() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let mut request = get(&target.at("/orders"));
    for (name, value) in [
        ("authorization", "Basic b2xk"),
        ("authorization", "Bearer old"),
        ("x-api-key", "old"),
    ] {
        let value = value.parse().expect("a value");
        request.headers_mut().append(name, value);
    }
    let client = (setting.layer(&target), api_key(target.origins())).layer(pool());
    client.oneshot(request).await.expect("an answer");
    assert_eq!(target.bearers(), [setting.bearer()]);
    assert_eq!(target.recorded()[0].header("x-api-key"), KEY);
}

#[tokio::test]
async fn credentials_are_marked_as_sensitive() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let inside = service_fn(async |request: Request<Full<Bytes>>| {
        for name in [AUTHORIZATION.as_str(), "x-api-key"] {
            assert!(request.headers()[name].is_sensitive(), "{name}");
        }
        let shown = format!("{:?}", request.headers());
        assert!(!shown.contains("Bearer") && !shown.contains(KEY), "{shown}");
        Ok::<_, Infallible>(Response::new(()))
    });
    // Without a current token, then with one.
    for _ in 0..2 {
        let client = (setting.layer(&target), api_key(target.origins())).layer(inside);
        client.oneshot(get(target.url())).await.expect("an answer");
    }
}

/// Handlers of axum and connections of hyper require these bounds.
#[tokio::test]
async fn futures_are_send_and_clients_are_send_and_sync() {
    fn of_client<T: Clone + Send + Sync + std::fmt::Debug + 'static>(client: T) -> T {
        client
    }
    fn of_future<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let (setting, target) = (Setting::new().await, Target::start().await);
    let client = of_client(setting.layer(&target).replay_bodies().layer(pool()));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(of_future(client.oneshot(get(target.url()))));
    let client = of_client(api_key(target.origins()).layer(pool()));
    tasks.spawn(of_future(client.oneshot(get(target.url()))));
    while let Some(ended) = tasks.join_next().await {
        let response = ended.expect("no panic").expect("an answer");
        assert_eq!(response.status(), 200);
    }
}
