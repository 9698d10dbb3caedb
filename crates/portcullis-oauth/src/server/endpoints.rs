//! Where the endpoints of a server are.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use portcullis_core::{SharedClock, escape_url};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};
use url::{Origin, Url};

use super::OAuthEndpoint;
use crate::{
    FetchError, FetchErrorKind,
    client_auth::MutualTls,
    discovery::Discovery,
    http::{HttpClient, display_url},
};

/// How old metadata may get.
const LIFETIME: Duration = Duration::from_secs(3600);
/// After how many requests without an answer it is read again: the server may have moved.
const FAILURES: u32 = 2;
/// How soon metadata that could not be read is asked for again while what was read before serves.
const PAUSE: Duration = Duration::from_secs(30);

/// The endpoints of a server: those that are configured, and beside them what its metadata names.
pub(super) struct Endpoints {
    pub(super) issuer: Option<Box<str>>,
    pub(super) token: Option<Url>,
    pub(super) revocation: Option<Url>,
    pub(super) discovered: Option<Box<Discovered>>,
}

#[derive(Debug)]
pub(super) struct Discovered {
    issuer: Box<str>,
    /// Beside the issuer's own.
    allowed: Vec<Origin>,
    /// Whether metadata without a token endpoint is of no use, as none is configured.
    needs_token_endpoint: bool,
    state: Mutex<State>,
    /// What the other of the two well-known documents names, once it was needed. It is locked while that is read; `state` is
    /// not.
    other: Mutex<Option<Other>>,
    /// Requests that went without an answer since the last that did not.
    failures: AtomicU32,
}

#[derive(Debug)]
struct State {
    discovery: Discovery,
    found: Option<Found>,
    /// How often it was read.
    reads: u64,
    read_again_at: Instant,
    /// Why it could not be read, and when: those who have waited for that need not try by themselves.
    failed: Option<(FetchError, Instant)>,
}

#[derive(Debug)]
struct Other {
    /// `None` if there is no such document.
    found: Result<Option<Found>, FetchError>,
    /// [`State::reads`] before it was read: it is read again after the first document was.
    reads: u64,
    read_again_at: Instant,
}

/// The endpoints that metadata names.
#[derive(Clone, Debug)]
struct Found {
    usual: Places,
    /// For clients that show a certificate (`mtls_endpoint_aliases`, RFC 8705 §5).
    aliases: Places,
}

#[derive(Clone, Debug, Default)]
struct Places {
    token: Option<Result<Place, FetchError>>,
    revocation: Option<Result<Place, FetchError>>,
}

#[derive(Clone, Debug)]
struct Place {
    url: Url,
    /// Whether it is on the issuer's origin or a listed one, so that it may be sent a secret.
    is_trusted: bool,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    token_endpoint: Option<Value>,
    #[serde(default)]
    revocation_endpoint: Option<Value>,
    #[serde(default)]
    mtls_endpoint_aliases: Option<Value>,
}

impl Discovered {
    pub(super) fn new(
        discovery: Discovery,
        allowed: Vec<Origin>,
        needs_token_endpoint: bool,
    ) -> Self {
        Self {
            issuer: discovery.issuer().into(),
            allowed,
            needs_token_endpoint,
            state: Mutex::new(State {
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

    /// What the metadata says, read anew where that is due. If it does not name `endpoint`, the other well-known document
    /// is read as well: some servers name their revocation endpoint in RFC 8414's alone.
    async fn found(
        &self,
        endpoint: OAuthEndpoint,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Found, FetchError> {
        let mut found = self.read(http, clock).await?;
        if found.usual.of(endpoint).is_none()
            && let Some(other) = self.read_other(http, clock).await?
        {
            found.usual.fill_from(other.usual);
            found.aliases.fill_from(other.aliases);
        }
        Ok(found)
    }

    /// What the first document says. Callers wait for each other: there is one reader.
    async fn read(&self, http: &HttpClient, clock: &SharedClock) -> Result<Found, FetchError> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        if let Some((error, at)) = &state.failed
            && *at >= asked_at
        {
            return Err(error.clone());
        }
        let is_due = Instant::now() >= state.read_again_at
            || self.failures.load(Ordering::Relaxed) >= FAILURES;
        if let Some(found) = state.found.clone().filter(|_| !is_due) {
            return Ok(found);
        }
        let pick = |discovery: &Discovery, metadata: Metadata| {
            if metadata.token_endpoint.is_none() && self.needs_token_endpoint {
                let issuer = escape_url(&self.issuer);
                let message = format!(
                    "the metadata of {issuer} has no `token_endpoint`: configure `token_endpoint`"
                );
                return Err(FetchError::new(FetchErrorKind::Unusable, message));
            }
            Ok(self.pick(http, discovery, metadata))
        };
        let read = state.discovery.read(http, clock.now(), pick).await;
        self.failures.store(0, Ordering::Relaxed);
        state.failed = None;
        match (read.found, &state.found) {
            (Ok(found), _) => {
                let lifetime = if found.is_whole() { LIFETIME } else { PAUSE };
                state.found = Some(found.clone());
                state.reads += 1;
                state.read_again_at = Instant::now() + lifetime;
                Ok(found)
            }
            (Err(error), Some(found)) => {
                let issuer = &*self.issuer;
                if error.needs_operator() {
                    tracing::error!(issuer, %error, "authorization server metadata cannot be used: check the configured issuer");
                } else {
                    tracing::warn!(issuer, %error, "the authorization server's metadata could not be read again");
                }
                let found = found.clone();
                state.read_again_at = Instant::now() + PAUSE;
                Ok(found)
            }
            (Err(error), None) => {
                state.failed = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    /// What the other document says; `None` if there is none. Callers wait for each other and share the answer, a failure
    /// too.
    async fn read_other(
        &self,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Option<Found>, FetchError> {
        let mut other = self.other.lock().await;
        let (discovery, reads) = {
            let state = self.state.lock().await;
            (state.discovery.clone(), state.reads)
        };
        if let Some(other) = &*other
            && other.reads == reads
            && Instant::now() < other.read_again_at
        {
            return other.found.clone();
        }
        let metadata = discovery.read_other(http, clock.now()).await;
        let read = metadata.map(|found| found.map(|found| self.pick(http, &discovery, found)));
        let is_whole = matches!(&read, Ok(found) if found.as_ref().is_none_or(Found::is_whole));
        let known = other.take().and_then(|other| other.found.ok().flatten());
        let found = match (read, known) {
            (Err(error), Some(known)) => {
                let issuer = &*self.issuer;
                tracing::warn!(issuer, %error, "the authorization server's other metadata document could not be read again: what it named before is used");
                Ok(Some(known))
            }
            (read, _) => read,
        };
        let lifetime = if is_whole { LIFETIME } else { PAUSE };
        *other = Some(Other {
            found: found.clone(),
            reads,
            read_again_at: Instant::now() + lifetime,
        });
        found
    }

    fn pick(&self, http: &HttpClient, discovery: &Discovery, metadata: Metadata) -> Found {
        let place = |endpoint: OAuthEndpoint, url: Option<&Value>| {
            let url = url?.as_str()?;
            let found = discovery.check(http, endpoint.as_str(), url);
            Some(found.map(|url| {
                let is_trusted = discovery.is_own(&url) || self.allowed.contains(&url.origin());
                Place { url, is_trusted }
            }))
        };
        let usual = Places {
            token: place(OAuthEndpoint::Token, metadata.token_endpoint.as_ref()),
            revocation: place(
                OAuthEndpoint::Revocation,
                metadata.revocation_endpoint.as_ref(),
            ),
        };
        let aliases = metadata.mtls_endpoint_aliases.unwrap_or_default();
        let alias = |endpoint: OAuthEndpoint| place(endpoint, aliases.get(endpoint.as_str()));
        Found {
            aliases: Places {
                token: alias(OAuthEndpoint::Token),
                revocation: alias(OAuthEndpoint::Revocation),
            },
            usual,
        }
    }
}

impl Found {
    /// Whether all that was named can be used. What cannot is looked for again soon.
    fn is_whole(&self) -> bool {
        self.usual.is_whole() && self.aliases.is_whole()
    }

    /// Where a client goes. One that shows a certificate goes to the alias, where there is one.
    fn place(&self, endpoint: OAuthEndpoint, tls: MutualTls) -> Result<Url, FetchError> {
        let alias = match tls {
            MutualTls::No => None,
            MutualTls::Beside | MutualTls::Alone => self.aliases.of(endpoint),
        };
        let place = match alias.or(self.usual.of(endpoint)) {
            Some(place) => place.clone()?,
            None => return Err(no_endpoint(endpoint)),
        };
        // A certificate proves without giving anything away; whatever else is sent could be used by who receives it.
        if place.is_trusted || tls == MutualTls::Alone {
            return Ok(place.url);
        }
        let message = format!(
            "the discovered `{}` {} is neither on the issuer's origin nor on that of `discover_at`, and would be sent the client's credentials: if that is right, list it with `allow_origin`",
            endpoint.as_str(),
            display_url(&place.url)
        );
        Err(FetchError::new(FetchErrorKind::Forbidden, message))
    }
}

impl Places {
    fn is_whole(&self) -> bool {
        let places = [&self.token, &self.revocation];
        !places.iter().any(|place| matches!(place, Some(Err(_))))
    }

    /// Takes over what is missing here.
    fn fill_from(&mut self, other: Self) {
        self.token = self.token.take().or(other.token);
        self.revocation = self.revocation.take().or(other.revocation);
    }

    fn of(&self, endpoint: OAuthEndpoint) -> Option<&Result<Place, FetchError>> {
        match endpoint {
            OAuthEndpoint::Token => self.token.as_ref(),
            OAuthEndpoint::Revocation => self.revocation.as_ref(),
        }
    }
}

fn no_endpoint(endpoint: OAuthEndpoint) -> FetchError {
    let message = format!(
        "the authorization server has no `{}`: neither its metadata nor the configuration names one",
        endpoint.as_str()
    );
    FetchError::new(FetchErrorKind::NoEndpoint, message)
}

/// URLs without their queries.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.discovered, &self.token) {
            (Some(discovered), _) => f.write_str(&escape_url(&discovered.issuer)),
            (None, Some(token)) => f.write_str(&display_url(token)),
            (None, None) => f.write_str("none"),
        }
    }
}

impl Endpoints {
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(super) async fn locate(
        &self,
        endpoint: OAuthEndpoint,
        tls: MutualTls,
        http: &HttpClient,
        clock: &SharedClock,
    ) -> Result<Url, FetchError> {
        let configured = match endpoint {
            OAuthEndpoint::Token => &self.token,
            OAuthEndpoint::Revocation => &self.revocation,
        };
        match (configured, &self.discovered) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(discovered)) => {
                let found = discovered.found(endpoint, http, clock).await?;
                found.place(endpoint, tls)
            }
            (None, None) => Err(no_endpoint(endpoint)),
        }
    }

    /// Notes a request that got no answer.
    pub(super) fn failed(&self) {
        if let Some(discovered) = &self.discovered {
            discovered.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes one that did.
    pub(super) fn answered(&self) {
        if let Some(discovered) = &self.discovered {
            discovered.failures.store(0, Ordering::Relaxed);
        }
    }
}
