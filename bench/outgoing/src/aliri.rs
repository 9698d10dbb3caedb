//! aliri_tokens.

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
use http::{Request, Response};
use oauth2::reqwest;
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, TestIssuer};
use tower::{BoxError, Service};

use crate::{Bare, Body, authorize::add};

/// Adds the watcher's token. Nothing waits, so nothing is boxed.
#[derive(Clone)]
pub(crate) struct Watching(TokenWatcher);

impl Watching {
    pub(crate) async fn start(issuer: &TestIssuer) -> Result<Self, BoxError> {
        let credentials = ClientCredentials {
            client_id: ClientId::from_static(DEFAULT_CLIENT_ID),
            client_secret: ClientSecret::from_static(DEFAULT_CLIENT_SECRET),
        };
        let credentials = ClientCredentialsWithAudience {
            credentials: credentials.into(),
            audience: Audience::new(issuer.audience().to_owned()),
        };
        let source = ClientCredentialsTokenSource::new(
            reqwest::Client::new(),
            issuer.token_endpoint().parse()?,
            credentials,
            TokenLifetimeConfig::new(0.75, DurationSecs(30)),
        );
        let watcher = TokenWatcher::spawn_from_token_source(
            source.using_form_data(),
            NullJitter,
            ErrorBackoffConfig::default(),
        );
        Ok(Self(watcher.await?))
    }
}

impl Service<Request<Body>> for Watching {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Ready<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let added = add(self.0.token().access_token().as_str(), &mut request);
        ready(added.and_then(|()| Ok(Bare.call(request).into_inner()?)))
    }
}
