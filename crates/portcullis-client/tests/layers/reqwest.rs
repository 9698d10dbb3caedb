//! reqwest, by its middlewares.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{
    Extensions, HeaderName, HeaderValue, Method,
    header::{HOST, USER_AGENT},
};
use http_body_util::Full;
use portcullis_client::{
    AddCredentialError, AuthenticatedClientBuilder, ForbiddenOrigin, Origins, ReplayBody,
    TokenErrorKind,
};
use portcullis_jose::DpopKey;
use portcullis_test::{Endpoint, Fault};
use reqwest::{Body, ClientBuilder, Request, Response, redirect::Policy};
use reqwest_middleware::{ClientWithMiddleware, Error, Middleware, Next, RequestBuilder};
use serde_json::json;

use crate::{
    KEY, Setting, api_key,
    target::{Answer, INVALID_TOKEN, Target},
};

/// reqwest's settings, which ask for redirects to be followed.
fn settings() -> ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::limited(10))
        .referer(true)
}

fn with_token(setting: &Setting, target: &Target) -> ClientWithMiddleware {
    AuthenticatedClientBuilder::new(settings())
        .token(setting.source.clone(), target.origins())
        .build()
        .expect("a client")
}

fn with_key(origins: Origins) -> ClientWithMiddleware {
    AuthenticatedClientBuilder::new(settings())
        .api_key(api_key(origins))
        .build()
        .expect("a client")
}

/// Why it was not sent.
fn cause(outcome: Result<Response, Error>) -> AddCredentialError {
    match outcome {
        Err(Error::Middleware(error)) => error.downcast().expect("an error of the layer"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_arrive() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let both = AuthenticatedClientBuilder::new(settings())
        .token(setting.source.clone(), target.origins())
        .api_key(api_key(target.origins()).header(HeaderName::from_static("x-acme")))
        .build()
        .expect("a client");
    for calls in 1..=2 {
        let request = both.get(target.at("/orders")).bearer_auth("old");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.text().await.expect("text"), "hello");
        assert_eq!(target.bearers(), vec![setting.bearer(); calls]);
        assert_eq!(target.recorded()[calls - 1].header("x-acme"), KEY);
    }
    let client = with_key(target.origins());
    let request = client.get(target.at("/orders")).header("x-api-key", "old");
    request.send().await.expect("an answer");
    let last = target.recorded().pop().expect("a request");
    assert_eq!(last.header("x-api-key"), KEY);
    assert!(!last.headers.contains_key("authorization"));
}

/// reqwest puts its default headers on a request beneath every middleware.
#[tokio::test]
async fn a_host_among_the_default_headers_is_refused() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let build = |defaults: &[(HeaderName, &'static str)]| {
        let values = defaults.iter();
        let values = values.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let client = settings().default_headers(values.collect());
        AuthenticatedClientBuilder::new(client)
            .token(setting.source.clone(), target.origins())
            .build()
    };
    for headers in [
        &[(HOST, "evil.example")][..],
        &[(USER_AGENT, "billing"), (HOST, "evil.example")],
    ] {
        let error = build(headers).expect_err("it names a host");
        assert_eq!(error.setting(), "client");
    }
    for headers in [&[][..], &[(USER_AGENT, "\"host\": \"b\"")]] {
        let client = build(headers).expect("a client");
        let request = client.get(target.at("/orders"));
        request.send().await.expect("an answer");
    }
    assert_eq!(target.bearers(), vec![setting.bearer(); 2]);
}

/// Notes how often it is called, and whether there are credentials by then.
#[derive(Clone, Default)]
struct Watching {
    calls: Arc<AtomicUsize>,
    with_credentials: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Middleware for Watching {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        for name in ["authorization", "x-api-key"] {
            if let Some(value) = request.headers().get(name) {
                assert!(value.is_sensitive(), "{name}");
                self.with_credentials.fetch_add(1, Ordering::Relaxed);
            }
        }
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn credentials_are_marked_as_sensitive_and_other_middlewares_stand_outside() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let (outside, inside) = (Watching::default(), Watching::default());
    let client = AuthenticatedClientBuilder::new(settings())
        .token(setting.source.clone(), target.origins())
        .api_key(api_key(target.origins()))
        .with(outside.clone())
        .build()
        .expect("a client");
    let client = reqwest_middleware::ClientBuilder::from_client(client)
        .with(inside.clone())
        .build();
    let response = client.get(target.url()).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let counted = |watching: &Watching| {
        let Watching {
            calls,
            with_credentials,
        } = watching;
        [calls, with_credentials].map(|count| count.load(Ordering::Relaxed))
    };
    assert_eq!(counted(&outside), [1, 0]);
    assert_eq!(counted(&inside), [2, 4]);
}

#[tokio::test]
async fn elsewhere_is_not_asked() {
    let (setting, target, other) = (
        Setting::new().await,
        Target::start().await,
        Target::start().await,
    );
    let port = target.authority().rsplit_once(':').expect("a port").1;
    let forbidden = |outcome| match cause(outcome) {
        AddCredentialError::Origin(error) => error,
        other => panic!("{other:?}"),
    };
    for client in [with_token(&setting, &target), with_key(target.origins())] {
        for url in [
            other.at("/orders"),
            format!("http://localhost:{port}/orders"),
            format!("https://{}/orders", target.authority()),
            "http://127.0.0.1/orders".to_owned(),
            format!("http://{}@{}/", "127.0.0.1", other.authority()),
        ] {
            let _: ForbiddenOrigin = forbidden(client.get(url).send().await);
        }
        for host in [other.authority(), "evil.example", ""] {
            let request = client.get(target.at("/orders")).header(HOST, host);
            forbidden(request.send().await);
        }
    }
    // A channel is not a listed origin: reqwest goes where the URL says.
    let channel = with_key(Origins::channel(target.url()).expect("an origin"));
    forbidden(channel.get(other.url()).send().await);
    assert!(target.recorded().is_empty() && other.recorded().is_empty());
    assert_eq!(setting.token_requests(), 0);
}

#[tokio::test]
async fn a_redirect_is_returned_though_the_settings_would_have_it_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = Target::start().await;
        let location = other.at("/orders");
        let target = Target::answering([Answer::Redirect(status, location)]).await;
        let setting = Setting::new().await;
        for client in [with_token(&setting, &target), with_key(target.origins())] {
            let request = client.get(target.at("/orders"));
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), status);
            assert!(other.recorded().is_empty(), "{status}");
        }
        assert_eq!(target.recorded().len(), 2);

        // What the rule is there for: reqwest itself takes the key along.
        let bare = settings().build().expect("a client");
        let request = bare.get(target.at("/orders")).header("x-api-key", KEY);
        request.send().await.expect("an answer");
        assert_eq!(other.recorded()[0].header("x-api-key"), KEY);
    }
}

#[tokio::test]
async fn a_proxy_is_not_sent_what_goes_to_this_machine_in_the_clear() {
    let (setting, target, proxy) = (
        Setting::new().await,
        Target::start().await,
        Target::start().await,
    );
    let settings = || settings().proxy(reqwest::Proxy::all(proxy.url()).expect("a URL"));
    let with_token =
        AuthenticatedClientBuilder::new(settings()).token(setting.source.clone(), target.origins());
    let with_key = AuthenticatedClientBuilder::new(settings()).api_key(api_key(target.origins()));
    for builder in [with_token, with_key] {
        let client = builder.build().expect("a client");
        client.get(target.url()).send().await.expect("an answer");
    }
    assert_eq!(target.recorded().len(), 2);
    assert!(proxy.recorded().is_empty());
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let client = with_token(&setting, &target);
    match cause(client.get(target.url()).send().await) {
        AddCredentialError::Token(error) => assert_eq!(error.kind(), TokenErrorKind::Unreachable),
        other => panic!("{other:?}"),
    }
    assert!(target.recorded().is_empty());
}

fn post(client: &ClientWithMiddleware, target: &Target) -> RequestBuilder {
    client
        .post(target.at("/orders?page=2"))
        .header("x-request-id", "17")
        .body("two of these")
}

#[tokio::test]
async fn the_same_request_is_sent_once_more_with_a_fresh_token() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let client = with_token(&setting, &target);
    let response = post(&client, &target).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.expect("text"), "hello");

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
async fn a_stream_is_not_sent_twice() {
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
async fn a_service_that_refuses_every_token_gets_each_request_twice_at_most() {
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
async fn other_refusals_are_passed_on_untouched() {
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
async fn the_refusal_is_passed_on_when_there_is_no_fresh_token() {
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

#[test]
fn what_cannot_be_used_is_told_when_the_client_is_built() {
    let origins = Origins::new(["https://orders.example.com"]).expect("an origin");
    let builder = || AuthenticatedClientBuilder::new(reqwest::Client::builder());
    let error = builder().build().expect_err("no credential");
    assert_eq!(error.setting(), "token");
    let keyed = builder().api_key(api_key(origins));
    assert!(!format!("{keyed:?}").contains(KEY));
}

#[test]
fn a_body_at_hand_can_be_had_again() {
    let body = Body::from("two of these");
    let again = body.replay().expect("it is at hand");
    assert_eq!(again.as_bytes(), body.as_bytes());
    let stream = Body::wrap(Full::new(Bytes::from_static(b"two of these")));
    assert!(stream.replay().is_none());
}

#[tokio::test]
async fn d6_a_bound_token_comes_with_a_proof_and_the_nonce_that_was_asked_for() {
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
