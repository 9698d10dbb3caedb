//! Fetching an issuer's keys once.

use std::time::Duration;

use portcullis_core::{ClockOffset, SharedClock};
use portcullis_jose::KeySet;
use portcullis_oauth::{
    discovery::Discovery,
    http::{Answer, Document, HttpClient, display_url, headers},
};
use reqwest::{StatusCode, header::HeaderValue};
use serde::Deserialize;
use url::Url;

use crate::{FetchError, FetchErrorKind};

/// The member that says where the keys are.
#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
}

/// Where the URL of the keys comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Discovered(Discovery),
    Configured(Url),
}

/// Fetches the keys of one issuer, and remembers what makes the next attempt cheaper.
#[derive(Debug)]
pub(crate) struct Fetcher {
    http: HttpClient,
    source: Source,
    clock: SharedClock,
    jwks_uri: Option<Url>,
    etag: Option<HeaderValue>,
}

/// What a fetch brought.
pub(crate) struct Fetch {
    /// The URL that the keys come from, if it is known.
    pub(crate) jwks_uri: Option<Url>,
    /// Whether the metadata could be read; `None` if that was not attempted.
    pub(crate) discovery: Option<Result<(), FetchError>>,
    pub(crate) keys: Result<Fetched, FetchError>,
    /// The issuer's clock, seen from ours.
    pub(crate) clock_skew: Option<ClockOffset>,
}

/// The issuer's answer.
pub(crate) enum Fetched {
    New {
        keys: Box<KeySet>,
        json: Vec<u8>,
        max_age: Option<Duration>,
    },
    Unchanged {
        max_age: Option<Duration>,
    },
}

impl Fetcher {
    pub(crate) fn new(http: HttpClient, source: Source, clock: SharedClock) -> Self {
        let jwks_uri = match &source {
            Source::Configured(url) => Some(url.clone()),
            Source::Discovered(_) => None,
        };
        Self {
            http,
            source,
            clock,
            jwks_uri,
            etag: None,
        }
    }

    /// Reads the metadata if it is due or was never read, then the keys. If the metadata cannot be read, the keys are
    /// looked for where they were.
    pub(crate) async fn fetch(&mut self, discovery_is_due: bool) -> Fetch {
        let mut clock_skew = None;
        let mut discovery = None;
        if let Source::Discovered(source) = &mut self.source
            && (discovery_is_due || self.jwks_uri.is_none())
        {
            let http = &self.http;
            let pick = |source: &Discovery, metadata: Metadata| {
                source.check(http, "jwks_uri", &metadata.jwks_uri)
            };
            let read = source.read(http, self.clock.now(), pick).await;
            clock_skew = read
                .date
                .map(|date| ClockOffset::between(date, self.clock.now()));
            discovery = Some(read.found.map(|url| {
                if self.jwks_uri.as_ref() != Some(&url) {
                    self.etag = None;
                }
                self.jwks_uri = Some(url);
            }));
        }
        let keys = match (self.jwks_uri.clone(), &discovery) {
            (Some(url), _) => self.keys(&url, &mut clock_skew).await,
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Err(FetchError::new(
                FetchErrorKind::Unusable,
                "the URL of the keys is not known",
            )),
        };
        Fetch {
            jwks_uri: self.jwks_uri.clone(),
            discovery,
            keys,
            clock_skew,
        }
    }

    async fn keys(
        &mut self,
        url: &Url,
        clock_skew: &mut Option<ClockOffset>,
    ) -> Result<Fetched, FetchError> {
        let answer = self
            .http
            .get(url, Document::KeySet, self.etag.as_ref())
            .await?;
        let now = self.clock.now();
        if let Some(date) = headers::date(&answer.headers) {
            *clock_skew = Some(ClockOffset::between(date, now));
        }
        let max_age = headers::max_age(&answer.headers);
        match answer.status {
            StatusCode::NOT_MODIFIED if self.etag.is_some() => Ok(Fetched::Unchanged { max_age }),
            StatusCode::OK => self.accept(url, answer, max_age),
            _ => Err(answer.into_error(url, now)),
        }
    }

    fn accept(
        &mut self,
        url: &Url,
        answer: Answer,
        max_age: Option<Duration>,
    ) -> Result<Fetched, FetchError> {
        let keys = KeySet::parse(&answer.body).map_err(|error| {
            let message = format!("{}: {error}", display_url(url));
            FetchError::new(FetchErrorKind::Unusable, message).with_source(error)
        })?;
        self.etag = answer.etag();
        Ok(Fetched::New {
            keys: Box::new(keys),
            json: answer.body,
            max_age,
        })
    }
}
