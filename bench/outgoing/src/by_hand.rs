//! oauth2, which fetches tokens and leaves keeping them to its users.

use std::time::{Duration, Instant};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use oauth2::{
    ClientId, ClientSecret, EndpointNotSet, EndpointSet, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicTokenResponse, BasicTokenType},
    reqwest,
};
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, TestIssuer};
use tokio::sync::{Mutex, RwLock};
use tower::BoxError;

use crate::{
    Body,
    authorize::{Authorize, add, header},
};

/// The lifetime of a token when the server does not say.
const UNKNOWN: Duration = Duration::from_hours(1);

struct Server {
    client:
        BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>,
    http: reqwest::Client,
}

impl Server {
    fn new(issuer: &TestIssuer) -> Result<Self, BoxError> {
        let client = BasicClient::new(ClientId::new(DEFAULT_CLIENT_ID.to_owned()))
            .set_client_secret(ClientSecret::new(DEFAULT_CLIENT_SECRET.to_owned()))
            .set_token_uri(TokenUrl::new(issuer.token_endpoint())?);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, http })
    }

    async fn fetch(&self) -> Result<BasicTokenResponse, BoxError> {
        let request = self.client.exchange_client_credentials();
        Ok(request.request_async(&self.http).await?)
    }
}

/// A token under a mutex that is held while it is renewed.
pub(crate) struct UnderMutex {
    server: Server,
    kept: Mutex<Option<(String, Instant)>>,
}

impl UnderMutex {
    pub(crate) fn new(issuer: &TestIssuer) -> Result<Self, BoxError> {
        Ok(Self {
            server: Server::new(issuer)?,
            kept: Mutex::new(None),
        })
    }

    async fn token(&self) -> Result<String, BoxError> {
        let mut kept = self.kept.lock().await;
        if let Some((token, expires_at)) = &*kept
            && Instant::now() < *expires_at
        {
            return Ok(token.clone());
        }
        let answer = self.server.fetch().await?;
        let token = answer.access_token().secret().clone();
        let expires_at = Instant::now() + answer.expires_in().unwrap_or(UNKNOWN);
        *kept = Some((token.clone(), expires_at));
        Ok(token)
    }
}

impl Authorize for UnderMutex {
    async fn authorize(&self, request: &mut Request<Body>) -> Result<(), BoxError> {
        add(&self.token().await?, request)
    }
}

/// A header under a read-write lock, renewed before it expires.
pub(crate) struct UnderRwLock {
    server: Server,
    kept: RwLock<Option<Kept>>,
}

struct Kept {
    header: HeaderValue,
    serves_until: Instant,
}

impl Kept {
    fn header(&self) -> Option<HeaderValue> {
        (Instant::now() < self.serves_until).then(|| self.header.clone())
    }
}

impl UnderRwLock {
    pub(crate) fn new(issuer: &TestIssuer) -> Result<Self, BoxError> {
        Ok(Self {
            server: Server::new(issuer)?,
            kept: RwLock::new(None),
        })
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        if let Some(header) = self.kept.read().await.as_ref().and_then(Kept::header) {
            return Ok(header);
        }
        let mut kept = self.kept.write().await;
        // Another call may have renewed it meanwhile.
        if let Some(header) = kept.as_ref().and_then(Kept::header) {
            return Ok(header);
        }
        let answer = self.server.fetch().await?;
        if !matches!(answer.token_type(), BasicTokenType::Bearer) {
            return Err("the token is not a bearer token".into());
        }
        let header = header(answer.access_token().secret())?;
        let lifetime = answer.expires_in().unwrap_or(UNKNOWN);
        let margin = (lifetime / 10).min(Duration::from_secs(30));
        *kept = Some(Kept {
            header: header.clone(),
            serves_until: Instant::now() + lifetime.saturating_sub(margin),
        });
        Ok(header)
    }
}

impl Authorize for UnderRwLock {
    async fn authorize(&self, request: &mut Request<Body>) -> Result<(), BoxError> {
        let header = self.header().await?;
        request.headers_mut().insert(AUTHORIZATION, header);
        Ok(())
    }
}
