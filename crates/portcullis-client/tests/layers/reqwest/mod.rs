//! Clients of reqwest with credentials.

mod rejections;

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{
    Extensions, HeaderName, HeaderValue,
    header::{HOST, USER_AGENT},
};
use portcullis_client::{
    AddCredentialError, AuthenticatedClientBuilder, ForbiddenOrigin, HttpSettings, Origins,
    TokenErrorKind,
};
use portcullis_test::{Endpoint, Fault};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, Middleware, Next};
use tokio::task::spawn_blocking;

use crate::{
    KEY, Setting, api_key,
    target::{Answer, INVALID_TOKEN, Target},
};

fn with_token(setting: &Setting, target: &Target) -> ClientWithMiddleware {
    AuthenticatedClientBuilder::new()
        .token(setting.source.clone(), target.origins())
        .build()
        .expect("a client")
}

fn with_key(origins: Origins) -> ClientWithMiddleware {
    AuthenticatedClientBuilder::new()
        .api_key(api_key(origins))
        .build()
        .expect("a client")
}

/// The error of a request that was not sent.
fn cause(outcome: Result<Response, Error>) -> AddCredentialError {
    match outcome {
        Err(Error::Middleware(error)) => error.downcast().expect("an error of the layer"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_are_sent() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let both = AuthenticatedClientBuilder::new()
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

/// reqwest adds default headers below all middlewares.
#[tokio::test]
async fn default_host_header_is_a_config_error() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let build = |defaults: &[(HeaderName, &'static str)]| {
        let values = defaults.iter();
        let values = values.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        AuthenticatedClientBuilder::new()
            .default_headers(values.collect())
            .token(setting.source.clone(), target.origins())
            .build()
    };
    for headers in [
        &[(HOST, "evil.example")][..],
        &[(USER_AGENT, "billing"), (HOST, "evil.example")],
    ] {
        let error = build(headers).expect_err("a `Host` header");
        assert_eq!(error.setting(), "default_headers");
    }
    for headers in [&[][..], &[(USER_AGENT, "\"host\": \"b\"")]] {
        let client = build(headers).expect("a client");
        let request = client.get(target.at("/orders"));
        request.send().await.expect("an answer");
    }
    assert_eq!(target.bearers(), vec![setting.bearer(); 2]);
}

/// Counts calls, and requests that already have credentials.
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
async fn credentials_are_sensitive_and_invisible_to_outer_middlewares() {
    let setting = Setting::new().await;
    let target = Target::answering([INVALID_TOKEN, Answer::Ok]).await;
    let (outside, inside) = (Watching::default(), Watching::default());
    let client = AuthenticatedClientBuilder::new()
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
async fn request_to_another_origin_is_not_sent() {
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
    // reqwest sends requests where the URL says, so `Origins::channel` allows nothing without an authority.
    let channel = with_key(Origins::channel(target.url()).expect("an origin"));
    forbidden(channel.get(other.url()).send().await);
    assert!(target.recorded().is_empty() && other.recorded().is_empty());
    assert_eq!(setting.token_requests(), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
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

        // The reason for the rule: reqwest itself sends the key to the other origin.
        let bare = reqwest::Client::builder().no_proxy().build();
        let bare = bare.expect("a client");
        let request = bare.get(target.at("/orders")).header("x-api-key", KEY);
        request.send().await.expect("an answer");
        assert_eq!(other.recorded()[0].header("x-api-key"), KEY);
    }
}

/// Runs the test below in a process whose environment names a proxy.
#[tokio::test]
async fn plain_http_requests_bypass_environment_proxies() {
    let proxy = Target::start().await;
    let mut child = Command::new(std::env::current_exe().expect("a path"));
    child
        .args(["--ignored", "--exact", "reqwest::plain_http_requests"])
        .envs(["http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(|name| (name, proxy.url())))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY");
    let output = spawn_blocking(move || child.output()).await;
    let output = output.expect("no panic").expect("a process that runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}");
    assert!(proxy.recorded().is_empty());
}

#[tokio::test]
#[ignore = "run by `plain_http_requests_bypass_environment_proxies`"]
async fn plain_http_requests() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let builder = || {
        let http = HttpSettings::default().environment_proxies();
        AuthenticatedClientBuilder::new().http(http)
    };
    for builder in [
        builder().token(setting.source.clone(), target.origins()),
        builder().api_key(api_key(target.origins())),
    ] {
        let client = builder.build().expect("a client");
        client.get(target.url()).send().await.expect("an answer");
    }
    assert_eq!(target.recorded().len(), 2);
}

#[tokio::test]
async fn request_without_a_token_is_not_sent() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let client = with_token(&setting, &target);
    match cause(client.get(target.url()).send().await) {
        AddCredentialError::Token(error) => assert_eq!(error.kind(), TokenErrorKind::Unreachable),
        other => panic!("{other:?}"),
    }
    assert!(target.recorded().is_empty());
}

#[test]
fn client_without_a_credential_is_a_config_error() {
    let origins = Origins::new(["https://orders.example.com"]).expect("an origin");
    let error = AuthenticatedClientBuilder::new()
        .build()
        .expect_err("no credential");
    assert_eq!(error.setting(), "token");
    let keyed = AuthenticatedClientBuilder::new().api_key(api_key(origins));
    assert!(!format!("{keyed:?}").contains(KEY));
}
