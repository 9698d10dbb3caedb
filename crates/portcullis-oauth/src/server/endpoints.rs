//! The endpoints in a server's metadata.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portcullis_core::log::escape_url;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};
use url::{Origin, Url};

use crate::{FetchError, FetchErrorKind, discovery::Discovery, http::display_url};

const METADATA_LIFETIME: Duration = Duration::from_secs(3600);
/// After this many requests in a row that missed their endpoint, metadata is read again: the endpoint may have moved.
const MAX_MISSES: u32 = 2;
/// The pause after a failed read, in which callers get the previous metadata. Without any, `DiscoveredEndpoints::other` repeats
/// its error during the pause, and `main` has no pause: the next caller reads it again.
const RETRY_DELAY: Duration = Duration::from_secs(30);

/// An endpoint of an authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthEndpoint {
    /// Issues tokens (RFC 6749 §3.2).
    Token,
    /// Revokes tokens (RFC 7009 §2).
    Revocation,
}

impl OAuthEndpoint {
    /// The name in metadata (RFC 8414 §2), which is also the name of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Revocation => "revocation_endpoint",
        }
    }
}

#[derive(Default, Deserialize)]
struct Metadata {
    token_endpoint: Option<Value>,
    revocation_endpoint: Option<Value>,
    /// For clients with a certificate (RFC 8705 §5).
    mtls_endpoint_aliases: Option<Value>,
}

impl Metadata {
    /// The URL of an endpoint: that of its alias if `use_alias` is set and the alias exists.
    fn url(&self, endpoint: OAuthEndpoint, use_alias: bool) -> Option<&str> {
        let aliases = self.mtls_endpoint_aliases.as_ref();
        let alias = aliases
            .filter(|_| use_alias)
            .and_then(|aliases| aliases.get(endpoint.as_str())?.as_str());
        let usual = match endpoint {
            OAuthEndpoint::Token => &self.token_endpoint,
            OAuthEndpoint::Revocation => &self.revocation_endpoint,
        };
        alias.or_else(|| usual.as_ref()?.as_str())
    }
}

/// The endpoints in a server's metadata, which is read when an endpoint is needed.
pub(super) struct DiscoveredEndpoints {
    discovery: Discovery,
    /// Origins that may receive credentials, in addition to those of the issuer and of `discover_at`.
    allowed: Vec<Origin>,
    /// Whether metadata without a token endpoint is an error.
    needs_token_endpoint: bool,
    main: Mutex<Document>,
    /// The second well-known document, for endpoints that `main` does not name. Its reads do not lock `main`.
    other: Mutex<Document>,
    /// The requests in a row that missed their endpoint.
    misses: AtomicU32,
}

#[derive(Default)]
struct Document {
    found: Option<Arc<Metadata>>,
    /// In `main`: how often it was read successfully. In `other`: the count of `main` when `other` was last read; if it differs,
    /// `other` is read again.
    main_reads: u64,
    read_again_at: Option<Instant>,
    /// The last failure, and a time. Callers that came before that time get this error, even if they get the lock later.
    failed: Option<(FetchError, Instant)>,
}

impl Document {
    /// The result for a caller that came at `called_at`; `None` if the document must be read.
    fn current(&self, called_at: Instant) -> Option<Result<Arc<Metadata>, FetchError>> {
        match &self.failed {
            Some((error, until)) if called_at <= *until => Some(Err(error.clone())),
            _ if self.read_again_at.is_none_or(|at| at <= Instant::now()) => None,
            _ => self.found.clone().map(Ok),
        }
    }

    /// Stores the result of a read and returns what callers get. If the read failed, callers get the previous metadata. If
    /// there is none, they get the error, which is kept for `error_lifetime`.
    fn update(
        &mut self,
        read: Result<Metadata, FetchError>,
        issuer: &str,
        error_lifetime: Duration,
    ) -> Result<Arc<Metadata>, FetchError> {
        let now = Instant::now();
        self.failed = None;
        match (read, &self.found) {
            (Ok(found), _) => {
                self.read_again_at = Some(now + METADATA_LIFETIME);
                Ok(self.found.insert(Arc::new(found)).clone())
            }
            (Err(error), Some(found)) => {
                if error.needs_operator() {
                    tracing::error!({ issuer, error = error.to_string() }, "cannot use the metadata of the authorization server, so the previous endpoints stay in use: the error says what to correct");
                } else {
                    tracing::warn!({ issuer, error = error.to_string() }, "cannot read the metadata of the authorization server, so the previous endpoints stay in use: if this persists, check the server");
                }
                self.read_again_at = Some(now + RETRY_DELAY);
                Ok(found.clone())
            }
            (Err(error), None) => {
                self.failed = Some((error.clone(), now + error_lifetime));
                Err(error)
            }
        }
    }
}

impl DiscoveredEndpoints {
    pub(super) fn new(
        discovery: Discovery,
        allowed: Vec<Origin>,
        needs_token_endpoint: bool,
    ) -> Self {
        Self {
            discovery,
            allowed,
            needs_token_endpoint,
            main: Mutex::default(),
            other: Mutex::default(),
            misses: AtomicU32::new(0),
        }
    }

    /// Reads the `other` document if needed: some servers name their revocation endpoint only in that of RFC 8414.
    /// `sends_secret`: whether the request contains a secret or a token.
    pub(super) async fn url(
        &self,
        endpoint: OAuthEndpoint,
        use_alias: bool,
        sends_secret: bool,
    ) -> Result<Url, FetchError> {
        let mut metadata = self.read_main().await?;
        if metadata.url(endpoint, use_alias).is_none() {
            metadata = self.read_other().await?;
        }
        let url = metadata.url(endpoint, use_alias);
        let url = url.ok_or_else(|| no_endpoint(endpoint, self.discovery.issuer()))?;
        let checked = self.check(endpoint, url, sends_secret);
        checked.inspect_err(|_| self.record_miss())
    }

    /// Records the status of the answer to a request, or that there was no answer.
    pub(super) fn record(&self, status: Option<u16>) {
        match status {
            None | Some(404 | 405 | 410) => self.record_miss(),
            Some(_) => self.misses.store(0, Ordering::Relaxed),
        }
    }

    fn record_miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    fn check(
        &self,
        endpoint: OAuthEndpoint,
        url: &str,
        sends_secret: bool,
    ) -> Result<Url, FetchError> {
        let url = self.discovery.check(endpoint.as_str(), url)?;
        if !sends_secret || self.discovery.is_own(&url) || self.allowed.contains(&url.origin()) {
            return Ok(url);
        }
        let (name, url) = (endpoint.as_str(), display_url(&url));
        let issuer = escape_url(self.discovery.issuer());
        let message = format!(
            "the discovered `{name}` {url} is neither on the origin of the issuer {issuer} nor of `discover_at`, and would receive the client's credentials or a token: have the metadata corrected, or if this is intended, list its origin with `allow_origin`"
        );
        Err(FetchError::new(FetchErrorKind::Forbidden, message))
    }

    /// Concurrent callers share one request and its result.
    async fn read_main(&self) -> Result<Arc<Metadata>, FetchError> {
        let called_at = Instant::now();
        let mut document = self.main.lock().await;
        match document.current(called_at) {
            Some(Ok(_)) if self.misses.load(Ordering::Relaxed) >= MAX_MISSES => {}
            Some(current) => return current,
            None => {}
        }
        let pick = |discovery: &Discovery, metadata: Metadata| {
            if self.needs_token_endpoint && metadata.url(OAuthEndpoint::Token, false).is_none() {
                let issuer = escape_url(discovery.issuer());
                let message = format!(
                    "the metadata of {issuer} has no usable `token_endpoint`: check the configured issuer, or configure `token_endpoint`"
                );
                return Err(FetchError::new(FetchErrorKind::Unusable, message));
            }
            Ok(metadata)
        };
        let (read, _) = self.discovery.read(pick).await;
        self.misses.store(0, Ordering::Relaxed);
        document.main_reads += u64::from(read.is_ok());
        // Zero: only callers that came during the read share its error.
        document.update(read, self.discovery.issuer(), Duration::ZERO)
    }

    /// Returns empty metadata if the issuer has no second document. Concurrent callers share one request and its result.
    async fn read_other(&self) -> Result<Arc<Metadata>, FetchError> {
        let called_at = Instant::now();
        let mut other = self.other.lock().await;
        let main_reads = self.main.lock().await.main_reads;
        if let Some(current) = other.current(called_at)
            && other.main_reads == main_reads
        {
            return current;
        }
        let read = self.discovery.read_other().await;
        other.main_reads = main_reads;
        let read = read.map(Option::unwrap_or_default);
        other.update(read, self.discovery.issuer(), RETRY_DELAY)
    }
}

pub(super) fn no_endpoint(endpoint: OAuthEndpoint, server: &str) -> FetchError {
    let (name, server) = (endpoint.as_str(), escape_url(server));
    let message = format!(
        "the `{name}` of the authorization server {server} is not known, as neither the configuration nor metadata names one: configure `{name}`, if the server has one"
    );
    FetchError::new(FetchErrorKind::NoEndpoint, message)
}
