//! Where the endpoints of a server are.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use portcullis_core::{SharedClock, escape};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};
use url::{Origin, Url};

use super::OAuthEndpoint;
use crate::{FetchError, FetchErrorKind, discovery::Discovery, http::HttpClient};

/// How old metadata may get.
const LIFETIME: Duration = Duration::from_secs(3600);
/// After how many requests without an answer it is read again: the server may have moved.
const FAILURES: u32 = 2;
/// How soon metadata that could not be read is asked for again while what was read before serves.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) enum Endpoints {
    Configured {
        issuer: Option<Box<str>>,
        token: Url,
        revocation: Option<Url>,
    },
    Discovered(Box<Discovered>),
}

#[derive(Debug)]
pub(super) struct Discovered {
    issuer: Box<str>,
    /// Beside the issuer's own.
    allowed: Vec<Origin>,
    state: Mutex<State>,
    /// Requests that went without an answer since the last that did not.
    failures: AtomicU32,
}

#[derive(Debug)]
struct State {
    discovery: Discovery,
    found: Option<Found>,
    read_again_at: Instant,
}

#[derive(Clone, Debug)]
struct Found {
    token: Url,
    revocation: Option<Result<Url, FetchError>>,
}

#[derive(Deserialize)]
struct Metadata {
    token_endpoint: String,
    #[serde(default)]
    revocation_endpoint: Option<Value>,
}

impl Discovered {
    pub(super) fn new(discovery: Discovery, allowed: Vec<Origin>) -> Self {
        Self {
            issuer: discovery.issuer.clone(),
            allowed,
            state: Mutex::new(State {
                discovery,
                found: None,
                read_again_at: Instant::now(),
            }),
            failures: AtomicU32::new(0),
        }
    }

    /// What the metadata says, read anew where that is due. Callers wait for each other: there is one reader.
    async fn found(&self, http: &HttpClient, clock: &SharedClock) -> Result<Found, FetchError> {
        let mut state = self.state.lock().await;
        let is_due = Instant::now() >= state.read_again_at
            || self.failures.load(Ordering::Relaxed) >= FAILURES;
        if let Some(found) = state.found.clone().filter(|_| !is_due) {
            return Ok(found);
        }
        let pick = |discovery: &Discovery, metadata: Metadata| self.pick(http, discovery, metadata);
        let read = state.discovery.read(http, clock.now(), pick).await;
        self.failures.store(0, Ordering::Relaxed);
        match (read.found, &state.found) {
            (Ok(found), _) => {
                state.found = Some(found.clone());
                state.read_again_at = Instant::now() + LIFETIME;
                Ok(found)
            }
            (Err(error), Some(found)) => {
                tracing::warn!(issuer = &*self.issuer, %error, "the authorization server's metadata could not be read again");
                let found = found.clone();
                state.read_again_at = Instant::now() + PAUSE;
                Ok(found)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn pick(
        &self,
        http: &HttpClient,
        discovery: &Discovery,
        metadata: Metadata,
    ) -> Result<Found, FetchError> {
        let check = |endpoint: OAuthEndpoint, url: &str| {
            let url = discovery.check(http, endpoint.as_str(), url)?;
            self.check_origin(endpoint, &url, &discovery.url)?;
            Ok(url)
        };
        Ok(Found {
            token: check(OAuthEndpoint::Token, &metadata.token_endpoint)?,
            revocation: metadata
                .revocation_endpoint
                .as_ref()
                .and_then(Value::as_str)
                .map(|url| check(OAuthEndpoint::Revocation, url)),
        })
    }

    /// It is sent the client's credentials.
    fn check_origin(
        &self,
        endpoint: OAuthEndpoint,
        url: &Url,
        issuer: &Url,
    ) -> Result<(), FetchError> {
        let origin = url.origin();
        if origin == issuer.origin() || self.allowed.contains(&origin) {
            return Ok(());
        }
        let message = format!(
            "the discovered `{}` {} is on another origin than the issuer, and would be sent the client's credentials: if that is right, list it with `allow_origin`",
            endpoint.as_str(),
            escape(url.as_str())
        );
        Err(FetchError::new(FetchErrorKind::Forbidden, message))
    }
}

impl Endpoints {
    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::Configured { issuer, .. } => issuer.as_deref(),
            Self::Discovered(discovered) => Some(&discovered.issuer),
        }
    }

    pub(super) async fn locate(
        &self,
        endpoint: OAuthEndpoint,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Url, FetchError> {
        let (token, revocation) = match self {
            Self::Configured {
                token, revocation, ..
            } => (token.clone(), revocation.clone().map(Ok)),
            Self::Discovered(discovered) => {
                let found = discovered.found(http, clock).await?;
                (found.token, found.revocation)
            }
        };
        match endpoint {
            OAuthEndpoint::Token => Ok(token),
            OAuthEndpoint::Revocation => revocation.unwrap_or_else(|| {
                let message = "the authorization server has no `revocation_endpoint`: neither its metadata nor the configuration names one";
                Err(FetchError::new(FetchErrorKind::NoEndpoint, message))
            }),
        }
    }

    /// Notes a request that got no answer.
    pub(super) fn failed(&self) {
        if let Self::Discovered(discovered) = self {
            discovered.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes one that did.
    pub(super) fn answered(&self) {
        if let Self::Discovered(discovered) = self {
            discovered.failures.store(0, Ordering::Relaxed);
        }
    }
}
