//! Clients with credentials, over real sockets: where the credentials are sent, and where they are not.

mod allocations;
mod bound;
mod clones;
mod credentials;
mod forbidden_origins;
mod grpc;
mod outages;
mod readiness;
mod rejections;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
mod target;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use portcullis_client::{
    AddApiKeyLayer, AddTokenLayer, ApiKeySource, AuthorizationServer, ClientAuthentication,
    Origins, TokenSource,
};
use portcullis_core::Secret;
use portcullis_jose::DpopKey;
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, ManualClock, TestIssuer,
};

use crate::target::Target;

const KEY: &str = "acme_0123456789";

/// hyper-util's client.
type Pool = Client<HttpConnector, Full<Bytes>>;

fn pool() -> Pool {
    Client::builder(TokioExecutor::new()).build_http()
}

/// An issuer and a source of its tokens.
struct Setting {
    issuer: TestIssuer,
    clock: ManualClock,
    source: TokenSource,
}

impl Setting {
    /// With tokens that live for a minute, and a manual clock.
    async fn new() -> Self {
        Self::patient(Duration::from_millis(500)).await
    }

    /// With this timeout for the issuer.
    async fn patient(timeout: Duration) -> Self {
        Self::of(timeout, None).await
    }

    /// With tokens bound to this key.
    async fn bound(key: DpopKey) -> Self {
        Self::of(Duration::from_millis(500), Some(key)).await
    }

    async fn of(timeout: Duration, key: Option<DpopKey>) -> Self {
        let clock = ManualClock::starting_now();
        let issuer = TestIssuer::builder()
            .clock(clock.clone())
            .token_lifetime(Duration::from_secs(60))
            .start()
            .await
            .expect("an issuer");
        let server = AuthorizationServer::discover(issuer.url())
            .clock(clock.shared())
            .http(portcullis_client::HttpSettings::default().timeout(timeout))
            .build()
            .expect("a server");
        let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
        let mut source = TokenSource::builder(&server, client);
        if let Some(key) = key {
            source = source.dpop(key);
        }
        let source = source.build();
        Self {
            issuer,
            clock,
            source: source.expect("a source"),
        }
    }

    fn token_requests(&self) -> usize {
        self.issuer.requests(Endpoint::Token)
    }

    fn layer(&self, target: &Target) -> AddTokenLayer {
        AddTokenLayer::new(self.source.clone(), target.origins())
    }

    /// The `Authorization` header with the current token.
    fn bearer(&self) -> String {
        let token = self.source.current().expect("a current token");
        format!("Bearer {}", token.expose())
    }
}

fn api_key(origins: Origins) -> AddApiKeyLayer {
    let key = ApiKeySource::new(&Secret::new(KEY)).expect("a key");
    AddApiKeyLayer::new(key, origins)
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).expect("a request")
}

async fn text<B>(response: Response<B>) -> String
where
    B: http_body_util::BodyExt<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8(body.to_bytes().into()).expect("text")
}
