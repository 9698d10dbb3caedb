//! tonic over a `Channel`.

use std::{convert::Infallible, error::Error};

use http::{HeaderMap, Uri};
use portcullis_client::{AddCredentialError, AddToken, AddTokenLayer, Origins};
use portcullis_test::{Endpoint, Fault};
use tonic::{
    Code, Request, Status,
    metadata::MetadataMap,
    service::Routes,
    transport::{self, Channel},
};
use tonic_health::{
    pb::{HealthCheckRequest, health_client::HealthClient},
    server::health_reporter,
};
use tower::{Layer, ServiceBuilder, buffer::BufferLayer};

use crate::{
    KEY, Setting, api_key,
    target::{Answer, Target},
};

async fn health() -> Target {
    Target::serving(Routes::new(health_reporter().1).into_axum_router()).await
}

async fn channel(target: &Target) -> Channel {
    let endpoint = transport::Endpoint::from_shared(target.url().to_owned());
    endpoint.expect("a URL").connect_lazy()
}

fn origins(target: &Target) -> Origins {
    Origins::channel(target.url()).expect("an origin")
}

async fn client(setting: &Setting, target: &Target) -> AddToken<Channel> {
    AddTokenLayer::new(setting.source.clone(), origins(target)).layer(channel(target).await)
}

fn request() -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest::default())
}

/// The error beneath a status.
fn cause<E: Error + 'static>(status: &Status) -> &E {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return error;
        }
        source = error.source();
    }
    panic!("{status:?}");
}

#[tokio::test]
async fn token_is_sent() {
    let (setting, target) = (Setting::new().await, health().await);
    let mut client = HealthClient::new(client(&setting, &target).await);
    for calls in 1..=2 {
        client.check(request()).await.expect("an answer");
        assert_eq!(target.bearers(), vec![setting.bearer(); calls]);
    }
    // A credential in the call itself is replaced.
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer old".parse().expect("a value"));
    let mut request = request();
    *request.metadata_mut() = MetadataMap::from_headers(headers);
    client.check(request).await.expect("an answer");
    assert_eq!(target.bearers(), vec![setting.bearer(); 3]);
}

#[tokio::test]
async fn key_is_sent() {
    let target = health().await;
    let channel = api_key(origins(&target)).layer(channel(&target).await);
    let outcome = HealthClient::new(channel).check(request()).await;
    outcome.expect("an answer");
    assert_eq!(target.recorded()[0].header("x-api-key"), KEY);
}

/// tonic would send such a call to the server of the channel, with the other authority.
#[tokio::test]
async fn call_with_another_authority_is_not_sent() {
    let (setting, target, other) = (Setting::new().await, health().await, health().await);
    let token = client(&setting, &target).await;
    let key = api_key(origins(&target)).layer(channel(&target).await);
    let https = format!("https://{}", target.authority());
    for origin in [other.url(), "https://evil.example", &https] {
        let origin: Uri = origin.parse().expect("a URI");
        let mut with_token = HealthClient::with_origin(token.clone(), origin.clone());
        let mut with_key = HealthClient::with_origin(key.clone(), origin);
        for outcome in [
            with_token.check(request()).await,
            with_key.check(request()).await,
        ] {
            let status = outcome.expect_err("a forbidden origin");
            assert!(matches!(
                cause::<ChannelError>(&status),
                AddCredentialError::Origin(_)
            ));
        }
    }
    assert!(target.recorded().is_empty() && other.recorded().is_empty());
}

#[tokio::test]
async fn layer_works_over_a_boxed_error() {
    let (setting, target) = (Setting::new().await, health().await);
    let stack = ServiceBuilder::new()
        .map_err(AddCredentialError::into_boxed)
        .layer(AddTokenLayer::new(setting.source.clone(), origins(&target)))
        .layer(BufferLayer::new(2))
        .service(channel(&target).await);
    let outcome = HealthClient::new(stack.clone()).check(request()).await;
    outcome.expect("an answer");
    assert_eq!(target.bearers(), [setting.bearer()]);

    let origin = Uri::from_static("https://evil.example");
    let outcome = HealthClient::with_origin(stack.clone(), origin)
        .check(request())
        .await;
    let status = outcome.expect_err("a forbidden origin");
    assert!(matches!(
        cause(&status),
        AddCredentialError::<Infallible>::Origin(_)
    ));

    setting.source.shut_down().await.expect("revoked");
    let outcome = HealthClient::new(stack).check(request()).await;
    let status = outcome.expect_err("no token");
    assert!(matches!(
        cause(&status),
        AddCredentialError::<Infallible>::Token(_)
    ));
    assert_eq!(target.recorded().len(), 1);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    for status in [302, 307, 308] {
        let other = health().await;
        let location = other.at("/grpc.health.v1.Health/Check");
        let target = Target::answering([Answer::Redirect(status, location)]).await;
        let setting = Setting::new().await;
        let token = client(&setting, &target).await;
        let key = api_key(origins(&target)).layer(channel(&target).await);
        let outcome = HealthClient::new(token).check(request()).await;
        outcome.expect_err("a redirect");
        let outcome = HealthClient::new(key).check(request()).await;
        outcome.expect_err("a redirect");
        assert_eq!(target.recorded().len(), 2);
        assert!(other.recorded().is_empty(), "{status}");
    }
}

/// The error of a layer directly around a channel.
type ChannelError = AddCredentialError<transport::Error>;

#[tokio::test]
async fn request_without_a_token_is_not_sent() {
    let (setting, target) = (Setting::new().await, health().await);
    setting.issuer.fault(Endpoint::Token, Fault::Down);
    let mut client = HealthClient::new(client(&setting, &target).await);
    let status = client.check(request()).await.expect_err("no token");
    assert!(matches!(
        cause::<ChannelError>(&status),
        AddCredentialError::Token(_)
    ));
    assert!(target.recorded().is_empty());
}

#[tokio::test]
async fn unauthenticated_status_replaces_the_token() {
    let setting = Setting::new().await;
    for (code, expected, requests) in [
        ("16", Code::Unauthenticated, 2),
        ("7", Code::PermissionDenied, 2),
        ("14", Code::Unavailable, 2),
    ] {
        let target = Target::answering([Answer::Grpc(code), Answer::Grpc("0")]).await;
        let mut client = HealthClient::new(client(&setting, &target).await);
        let status = client.check(request()).await.expect_err("refused");
        assert_eq!(status.code(), expected);
        client
            .check(request())
            .await
            .expect_err("an unauthenticated status");
        let bearers = target.bearers();
        assert_eq!(bearers[0] != bearers[1], code == "16", "{code}");
        assert_eq!(setting.token_requests(), requests, "{code}");
    }
}

#[tokio::test]
async fn unauthenticated_status_replaces_few_tokens() {
    let setting = Setting::new().await;
    let target = Target::answering([Answer::Grpc("16")]).await;
    let mut client = HealthClient::new(client(&setting, &target).await);
    for calls in 1..=10 {
        let status = client.check(request()).await.expect_err("refused");
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(target.recorded().len(), calls);
    }
    assert_eq!(setting.token_requests(), 3);
}
