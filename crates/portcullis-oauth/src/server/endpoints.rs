//! The endpoints of a server, configured or from its metadata.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portcullis_core::{clock::SharedClock, log::escape_url};
use tokio::{sync::Mutex, time::Instant};
use url::{Origin, Url};

use super::{OAuthEndpoint, metadata::Metadata};
use crate::{
    FetchError, FetchErrorKind,
    client_auth::MutualTls,
    discovery::Discovery,
    http::{HttpClient, display_url},
};

/// The maximum age of metadata.
const LIFETIME: Duration = Duration::from_secs(3600);
/// The number of failed requests in a row after which metadata is read again: the server may have moved.
const MAX_FAILURES: u32 = 2;
/// The delay until metadata that could not be read is read again.
const RETRY_DELAY: Duration = Duration::from_secs(30);

pub(super) struct Endpoints {
    pub(super) issuer: Option<String>,
    /// The configured URLs.
    pub(super) token: Option<Url>,
    pub(super) revocation: Option<Url>,
    pub(super) discovered: Option<DiscoveredEndpoints>,
}

/// Metadata, read when needed.
pub(super) struct DiscoveredEndpoints {
    http: HttpClient,
    clock: SharedClock,
    /// That of `main` (a copy for checks without the lock).
    discovery: Discovery,
    /// Origins that may receive credentials, in addition to the issuer's own.
    allowed: Vec<Origin>,
    needs_token_endpoint: bool,
    main: Mutex<MainDocument>,
    /// The other of the two well-known documents. While this one is read, `main` is not locked.
    other: Mutex<Option<OtherDocument>>,
    /// The number of failed requests since the last success.
    failures: AtomicU32,
}

struct MainDocument {
    discovery: Discovery,
    found: Option<Arc<Metadata>>,
    /// The number of times it was read.
    reads: u64,
    read_again_at: Instant,
    /// The last failure and its time, for requests that were waiting then.
    failed: Option<(FetchError, Instant)>,
}

struct OtherDocument {
    /// `None` if the issuer has no such document.
    found: Result<Option<Arc<Metadata>>, FetchError>,
    /// [`MainDocument::reads`] at the time. The other document is read again after the main one.
    reads: u64,
    read_again_at: Instant,
}

impl DiscoveredEndpoints {
    pub(super) fn new(
        http: HttpClient,
        clock: SharedClock,
        discovery: Discovery,
        allowed: Vec<Origin>,
        needs_token_endpoint: bool,
    ) -> Self {
        Self {
            http,
            clock,
            discovery: discovery.clone(),
            allowed,
            needs_token_endpoint,
            main: Mutex::new(MainDocument {
                discovery,
                found: None,
                reads: 0,
                read_again_at: Instant::now(),
                failed: None,
            }),
            other: Mutex::new(None),
            failures: AtomicU32::new(0),
        }
    }

    /// The URL of an endpoint. If it is missing, the other well-known document is read too: some servers name their
    /// revocation endpoint only in RFC 8414's.
    async fn url(&self, endpoint: OAuthEndpoint, tls: MutualTls) -> Result<Url, FetchError> {
        let mut metadata = self.read_main().await?;
        if metadata.url(endpoint, tls).is_none()
            && let Some(other) = self.read_other().await?
        {
            metadata = other;
        }
        let url = metadata.url(endpoint, tls);
        let url = url.ok_or_else(|| no_endpoint(endpoint))?;
        let checked = self.check(endpoint, tls, url);
        checked.inspect_err(|_| self.record(false))
    }

    /// Notes whether an endpoint works.
    pub(super) fn record(&self, works: bool) {
        match works {
            true => self.failures.store(0, Ordering::Relaxed),
            false => _ = self.failures.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether the URL may be requested, and may receive the client's credentials.
    fn check(&self, endpoint: OAuthEndpoint, tls: MutualTls, url: &str) -> Result<Url, FetchError> {
        let url = self.discovery.check(&self.http, endpoint.as_str(), url)?;
        // A hostile server cannot reuse a certificate that it was shown, unlike a secret or a token.
        if tls == MutualTls::Only
            || self.discovery.is_own(&url)
            || self.allowed.contains(&url.origin())
        {
            return Ok(url);
        }
        let message = format!(
            "the discovered `{}` {} is neither on the origin of the issuer nor of `discover_at`, and would receive the client's credentials: if this is intended, list its origin with `allow_origin`",
            endpoint.as_str(),
            display_url(&url)
        );
        Err(FetchError::new(FetchErrorKind::Forbidden, message))
    }

    /// Concurrent callers share one request and its result.
    async fn read_main(&self) -> Result<Arc<Metadata>, FetchError> {
        let called_at = Instant::now();
        let mut document = self.main.lock().await;
        if let Some((error, at)) = &document.failed
            && *at >= called_at
        {
            return Err(error.clone());
        }
        let is_due = Instant::now() >= document.read_again_at
            || self.failures.load(Ordering::Relaxed) >= MAX_FAILURES;
        if let Some(found) = document.found.as_ref().filter(|_| !is_due) {
            return Ok(found.clone());
        }
        let pick = |discovery: &Discovery, metadata: Metadata| {
            if self.needs_token_endpoint
                && metadata.url(OAuthEndpoint::Token, MutualTls::No).is_none()
            {
                let issuer = escape_url(discovery.issuer());
                let message = format!(
                    "the metadata of {issuer} has no `token_endpoint`: configure `token_endpoint`"
                );
                return Err(FetchError::new(FetchErrorKind::Unusable, message));
            }
            Ok(Arc::new(metadata))
        };
        let (http, now) = (&self.http, self.clock.now());
        let read = document.discovery.read(http, now, pick).await.found;
        self.failures.store(0, Ordering::Relaxed);
        document.failed = None;
        match (read, document.found.clone()) {
            (Ok(found), _) => {
                document.reads += 1;
                document.read_again_at = Instant::now() + LIFETIME;
                Ok(document.found.insert(found).clone())
            }
            (Err(error), Some(found)) => {
                let issuer = self.discovery.issuer();
                if error.needs_operator() {
                    tracing::error!({ issuer, error = error.to_string() }, "cannot use the metadata of the authorization server; the previous endpoints stay in use; check the configured issuer");
                } else {
                    tracing::warn!({ issuer, error = error.to_string() }, "cannot read the metadata of the authorization server; the previous endpoints stay in use");
                }
                document.read_again_at = Instant::now() + RETRY_DELAY;
                Ok(found)
            }
            (Err(error), None) => {
                document.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    /// `None` if the issuer has only one document. Concurrent callers share one request and its result.
    async fn read_other(&self) -> Result<Option<Arc<Metadata>>, FetchError> {
        let mut other = self.other.lock().await;
        let (discovery, reads) = {
            let main = self.main.lock().await;
            (main.discovery.clone(), main.reads)
        };
        if let Some(other) = &*other
            && other.reads == reads
            && Instant::now() < other.read_again_at
        {
            return other.found.clone();
        }
        let read = discovery.read_other(&self.http, self.clock.now()).await;
        let lifetime = if read.is_ok() { LIFETIME } else { RETRY_DELAY };
        let previous = other.take().and_then(|other| other.found.ok().flatten());
        let found = match (read, previous) {
            (Err(error), Some(previous)) => {
                let issuer = self.discovery.issuer();
                tracing::warn!({ issuer, error = error.to_string() }, "cannot read the other metadata document of the authorization server; the previous endpoints stay in use");
                Ok(Some(previous))
            }
            (read, _) => read.map(|metadata| metadata.map(Arc::new)),
        };
        *other = Some(OtherDocument {
            found: found.clone(),
            reads,
            read_again_at: Instant::now() + lifetime,
        });
        found
    }
}

impl Endpoints {
    pub(super) async fn url(
        &self,
        endpoint: OAuthEndpoint,
        tls: MutualTls,
    ) -> Result<Url, FetchError> {
        let configured = match endpoint {
            OAuthEndpoint::Token => &self.token,
            OAuthEndpoint::Revocation => &self.revocation,
        };
        match (configured, &self.discovered) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(discovered)) => discovered.url(endpoint, tls).await,
            (None, None) => Err(no_endpoint(endpoint)),
        }
    }
}

fn no_endpoint(endpoint: OAuthEndpoint) -> FetchError {
    let name = endpoint.as_str();
    let message = format!(
        "the authorization server has no `{name}`: neither its metadata nor the configuration names one"
    );
    FetchError::new(FetchErrorKind::NoEndpoint, message)
}

/// Omits the queries of URLs.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = self.token.as_ref().or(self.revocation.as_ref());
        let discovered = self.discovered.as_ref();
        let issuer = discovered.map(|discovered| escape_url(discovered.discovery.issuer()));
        f.write_str(&issuer.or(configured.map(display_url)).unwrap_or_default())
    }
}
