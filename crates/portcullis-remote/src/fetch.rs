//! Fetching an issuer's keys once.

use std::time::Duration;

use portcullis_core::clock::ClockOffset;
use portcullis_jose::KeySet;
use portcullis_oauth::{
    discovery::Discovery,
    http::{HttpClient, display_url},
};
use reqwest::{StatusCode, header::HeaderValue};
use serde::Deserialize;
use url::Url;

use crate::{FetchError, FetchErrorKind};

#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
}

/// Fetches the keys of one issuer, and remembers where they are and their `ETag`.
pub(crate) struct Fetcher {
    http: HttpClient,
    /// `None` if the URL of the keys is configured.
    discovery: Option<Discovery>,
    /// `None` until it is discovered.
    pub(crate) jwks_uri: Option<Url>,
    etag: Option<HeaderValue>,
    pub(crate) clock_skew: Option<ClockOffset>,
}

pub(crate) struct FetchResult {
    /// Whether the metadata could be read; `None` if it was not due, or the URL is configured.
    pub(crate) discovery: Option<Result<(), FetchError>>,
    pub(crate) keys: Result<KeysAnswer, FetchError>,
}

pub(crate) struct KeysAnswer {
    /// The key set and its JSON; `None` for 304.
    pub(crate) received: Option<(Box<KeySet>, Vec<u8>)>,
    pub(crate) max_age: Option<Duration>,
}

impl Fetcher {
    /// A fetcher of keys at `jwks_uri`, or at the URL that `discovery` finds.
    pub(crate) fn new(
        http: HttpClient,
        discovery: Option<Discovery>,
        jwks_uri: Option<Url>,
    ) -> Self {
        Self {
            http,
            discovery,
            jwks_uri,
            etag: None,
            clock_skew: None,
        }
    }

    /// Fetches the keys, from the previous URL if the metadata cannot be read.
    pub(crate) async fn fetch(&mut self, discovery_is_due: bool) -> FetchResult {
        self.clock_skew = None;
        let discovery = match discovery_is_due || self.jwks_uri.is_none() {
            true => self.discover().await,
            false => None,
        };
        let keys = match (self.jwks_uri.clone(), &discovery) {
            (Some(url), _) => self.fetch_keys(&url).await,
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Err(FetchError::new(
                FetchErrorKind::Unusable,
                "the URL of the issuer's keys is not known: configure `jwks_uri`",
            )),
        };
        FetchResult { discovery, keys }
    }

    async fn discover(&mut self) -> Option<Result<(), FetchError>> {
        let pick = |discovery: &Discovery, metadata: Metadata| {
            discovery.check("jwks_uri", &metadata.jwks_uri)
        };
        let (found, clock_skew) = self.discovery.as_ref()?.read(pick).await;
        self.clock_skew = clock_skew;
        Some(found.map(|url| {
            if self.jwks_uri.as_ref() != Some(&url) {
                self.etag = None;
            }
            self.jwks_uri = Some(url);
        }))
    }

    async fn fetch_keys(&mut self, url: &Url) -> Result<KeysAnswer, FetchError> {
        let etag = self.etag.as_ref();
        let answer = self.http.get(url, etag).await?;
        self.clock_skew = answer.clock_skew().or(self.clock_skew);
        let max_age = answer.max_age();
        let received = match answer.status {
            StatusCode::NOT_MODIFIED if etag.is_some() => None,
            StatusCode::OK => {
                let keys = KeySet::parse(&answer.body).map_err(|error| {
                    let message = format!("cannot use the answer of {}: {error}", display_url(url));
                    FetchError::new(FetchErrorKind::Unusable, message).with_source(error)
                })?;
                self.etag = answer.etag();
                Some((Box::new(keys), answer.body))
            }
            _ => return Err(answer.into_error(url, "jwks_uri")),
        };
        Ok(KeysAnswer { received, max_age })
    }
}
