//! `aliri_tokens`.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use aliri::jwt::Audience;
use aliri_clock::DurationSecs;
use aliri_tokens::{
    ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher,
    backoff::ErrorBackoffConfig,
    jitter::NullJitter,
    sources::oauth2::{
        ClientCredentialsTokenSource,
        dto::{ClientCredentials, ClientCredentialsWithAudience},
    },
};
use futures_util::future::Either;
use http::{Request, Response};
use oauth2::reqwest::{self, Url};
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET};
use tokio::sync::OnceCell;
use tower::{BoxError, Service};

use super::Absent;
use crate::{
    Bare, Body, Site,
    wired::{Authorize, put},
};

/// What a watcher is started with.
#[derive(Clone)]
struct Settings {
    http: reqwest::Client,
    token_endpoint: Url,
    audience: String,
}

impl Settings {
    fn new(site: &Site) -> Result<Self, Absent> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(site.timeout).build()?,
            token_endpoint: site.issuer.token_endpoint().parse()?,
            audience: site.issuer.audience().to_owned(),
        })
    }

    async fn start(&self) -> Result<TokenWatcher, BoxError> {
        let credentials = ClientCredentials {
            client_id: ClientId::from_static(DEFAULT_CLIENT_ID),
            client_secret: ClientSecret::from_static(DEFAULT_CLIENT_SECRET),
        };
        let credentials = ClientCredentialsWithAudience {
            credentials: credentials.into(),
            audience: Audience::new(self.audience.clone()),
        };
        let source = ClientCredentialsTokenSource::new(
            self.http.clone(),
            self.token_endpoint.clone(),
            credentials,
            TokenLifetimeConfig::new(0.75, DurationSecs(1)),
        );
        let watcher = TokenWatcher::spawn_from_token_source(
            source.using_form_data(),
            NullJitter,
            ErrorBackoffConfig::default(),
        );
        Ok(watcher.await?)
    }
}

/// With a token from the start. Nothing waits, so nothing is boxed.
#[derive(Clone)]
pub(super) struct Watching {
    watcher: TokenWatcher,
    inner: Bare,
}

impl Watching {
    pub(super) async fn start(site: &Site, inner: Bare) -> Result<Self, Absent> {
        let watcher = Settings::new(site)?.start().await?;
        Ok(Self { watcher, inner })
    }
}

impl Service<Request<Body>> for Watching {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Either<Calling, Ready<Result<Response<Body>, BoxError>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match put(self.watcher.token().access_token().as_str(), &mut request) {
            Ok(()) => Either::Left(Calling(self.inner.call(request))),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }
}

/// The bare client's future, its error boxed.
pub(super) struct Calling(<Bare as Service<Request<Body>>>::Future);

impl Future for Calling {
    type Output = Result<Response<Body>, BoxError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        std::pin::pin!(&mut self.0)
            .poll(context)
            .map_err(Into::into)
    }
}

/// Started by the first call, and by the next where that fails.
pub(super) struct AtFirstCall {
    settings: Settings,
    watcher: OnceCell<TokenWatcher>,
}

impl AtFirstCall {
    pub(super) fn new(site: &Site) -> Result<Self, Absent> {
        Ok(Self {
            settings: Settings::new(site)?,
            watcher: OnceCell::new(),
        })
    }
}

impl Authorize for AtFirstCall {
    type Kept = ();

    async fn authorize(&self, request: &mut Request<Body>) -> Result<(), BoxError> {
        let watcher = self.watcher.get_or_try_init(|| self.settings.start());
        let watcher = watcher.await?;
        put(watcher.token().access_token().as_str(), request)
    }
}
