//! The endpoints of a server, configured or from its metadata.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use portcullis_core::{clock::SharedClock, log::escape_url};
use tokio::{sync::Mutex, time::Instant};
use url::{Origin, Url};

use super::{
    OAuthEndpoint,
    metadata::{Metadata, MetadataEndpoints, no_endpoint},
};
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
/// The delay until metadata that could not be read or used is read again.
const RETRY_DELAY: Duration = Duration::from_secs(30);

pub(super) struct Endpoints {
    pub(super) issuer: Option<String>,
    /// The configured URLs, by endpoint.
    pub(super) configured: [Option<Url>; OAuthEndpoint::ALL.len()],
    pub(super) discovered: Option<DiscoveredEndpoints>,
}

/// Metadata, read when needed.
pub(super) struct DiscoveredEndpoints {
    issuer: Box<str>,
    /// Origins that may receive credentials, in addition to the issuer's own.
    allowed: Vec<Origin>,
    needs_token_endpoint: bool,
    first: Mutex<FirstDocument>,
    /// The other of the two well-known documents. Its lock is held while it is read, that of `first` is not.
    other: Mutex<Option<OtherDocument>>,
    /// The number of requests without an answer since the last answer.
    failures: AtomicU32,
}

struct FirstDocument {
    discovery: Discovery,
    found: Option<MetadataEndpoints>,
    /// The number of times it was read.
    reads: u64,
    read_again_at: Instant,
    /// The last failure and its time, for requests that were waiting then.
    failed: Option<(FetchError, Instant)>,
}

struct OtherDocument {
    /// `None` if the issuer has no such document.
    found: Result<Option<MetadataEndpoints>, FetchError>,
    /// [`FirstDocument::reads`] at the time. The other document is read again after the first one.
    reads: u64,
    read_again_at: Instant,
}

impl DiscoveredEndpoints {
    pub(super) fn new(
        discovery: Discovery,
        allowed: Vec<Origin>,
        needs_token_endpoint: bool,
    ) -> Self {
        Self {
            issuer: discovery.issuer().into(),
            allowed,
            needs_token_endpoint,
            first: Mutex::new(FirstDocument {
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

    /// The endpoints in the metadata. If `endpoint` is missing, the other well-known document is read too: some servers
    /// name their revocation endpoint only in RFC 8414's.
    async fn get(
        &self,
        endpoint: OAuthEndpoint,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<MetadataEndpoints, FetchError> {
        let mut found = self.read_first(http, clock).await?;
        if !found.has(endpoint)
            && let Some(other) = self.read_other(http, clock).await?
        {
            found.fill_from(other);
        }
        Ok(found)
    }

    /// Concurrent callers share one request and its result.
    async fn read_first(
        &self,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<MetadataEndpoints, FetchError> {
        let called_at = Instant::now();
        let mut document = self.first.lock().await;
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
            if metadata.token_endpoint.is_none() && self.needs_token_endpoint {
                let issuer = escape_url(&self.issuer);
                let message = format!(
                    "the metadata of {issuer} has no `token_endpoint`: configure `token_endpoint`"
                );
                return Err(FetchError::new(FetchErrorKind::Unusable, message));
            }
            let allowed = &self.allowed;
            Ok(MetadataEndpoints::new(&metadata, discovery, allowed, http))
        };
        let read = document.discovery.read(http, clock.now(), pick).await.found;
        self.failures.store(0, Ordering::Relaxed);
        document.failed = None;
        match (read, document.found.clone()) {
            (Ok(found), _) => {
                document.reads += 1;
                document.read_again_at = Instant::now() + lifetime(found.are_usable());
                Ok(document.found.insert(found).clone())
            }
            (Err(error), Some(found)) => {
                let issuer = &*self.issuer;
                if error.needs_operator() {
                    tracing::error!(issuer, %error, "cannot use the authorization server's metadata; its previous endpoints stay in use; check the configured issuer");
                } else {
                    tracing::warn!(issuer, %error, "cannot read the authorization server's metadata; its previous endpoints stay in use");
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
    async fn read_other(
        &self,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Option<MetadataEndpoints>, FetchError> {
        let mut other = self.other.lock().await;
        let (discovery, reads) = {
            let first = self.first.lock().await;
            (first.discovery.clone(), first.reads)
        };
        if let Some(other) = &*other
            && other.reads == reads
            && Instant::now() < other.read_again_at
        {
            return other.found.clone();
        }
        let metadata = discovery.read_other(http, clock.now()).await;
        let pick =
            |metadata: Metadata| MetadataEndpoints::new(&metadata, &discovery, &self.allowed, http);
        let read = metadata.map(|metadata| metadata.map(pick));
        let is_usable = read
            .as_ref()
            .is_ok_and(|found| found.as_ref().is_none_or(MetadataEndpoints::are_usable));
        let previous = other.take().and_then(|other| other.found.ok().flatten());
        let found = match (read, previous) {
            (Err(error), Some(previous)) => {
                let issuer = &*self.issuer;
                tracing::warn!(issuer, %error, "cannot read the authorization server's other metadata document; its previous endpoints stay in use");
                Ok(Some(previous))
            }
            (read, _) => read,
        };
        *other = Some(OtherDocument {
            found: found.clone(),
            reads,
            read_again_at: Instant::now() + lifetime(is_usable),
        });
        found
    }
}

fn lifetime(is_usable: bool) -> Duration {
    if is_usable { LIFETIME } else { RETRY_DELAY }
}

impl Endpoints {
    pub(super) async fn url(
        &self,
        endpoint: OAuthEndpoint,
        tls: MutualTls,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Url, FetchError> {
        match (&self.configured[endpoint as usize], &self.discovered) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(discovered)) => discovered
                .get(endpoint, http, clock)
                .await?
                .url(endpoint, tls),
            (None, None) => Err(no_endpoint(endpoint)),
        }
    }

    /// Notes a request without an answer.
    pub(super) fn failed(&self) {
        if let Some(discovered) = &self.discovered {
            discovered.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a request with an answer.
    pub(super) fn answered(&self) {
        if let Some(discovered) = &self.discovered {
            discovered.failures.store(0, Ordering::Relaxed);
        }
    }
}

/// Omits the queries of URLs.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = self.configured.iter().flatten().next();
        let discovered = self.discovered.as_ref();
        let issuer = discovered.map(|discovered| escape_url(&discovered.issuer));
        f.write_str(&issuer.or(configured.map(display_url)).unwrap_or_default())
    }
}
