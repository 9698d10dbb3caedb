//! What can be chosen about an issuer, and its start.

use std::{fmt, io, path::PathBuf, time::Duration};

use portcullis_core::{
    ConfigError,
    clock::{Moment, SharedClock, system_clock},
    log::escape_url,
};
use portcullis_jwt::IssuerKeys;
use portcullis_oauth::{
    Blocking, HttpSettings,
    discovery::Discovery,
    http::{HttpClient, url_rules},
};
use portcullis_worker::{BackoffRules, BudgetRules, RunTicket, Worker, current_runtime};
use tokio::time::timeout;
use url::Url;

use super::Issuer;
use crate::{
    FetchErrorKind, StartError,
    disk::{LONGEST_DISK_ACCESS, SavedKeys, SnapshotFile},
    fetch::Fetcher,
    refresh_requests::RefreshRequests,
    schedule::{RefreshRules, RefreshSchedule},
    status::RefreshState,
    task::RefreshLoop,
};

/// Configures an [`Issuer`]. Every setting has a default.
#[derive(Clone)]
#[must_use = "an issuer does nothing until it is started"]
pub struct IssuerBuilder {
    issuer: String,
    jwks_uri: Option<String>,
    discover_at: Option<String>,
    http: HttpSettings,
    bearer_token_file: Option<PathBuf>,
    rules: RefreshRules,
    stale_limit: Duration,
    signal_budget: BudgetRules,
    longest_wait: Duration,
    start_timeout: Duration,
    fail_fast: bool,
    directory: Option<PathBuf>,
    clock: SharedClock,
}

impl Issuer {
    /// An issuer whose metadata says where its keys are (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
    ///
    /// `issuer` is compared character by character with the metadata and the tokens: a slash at the end matters.
    pub fn discover(issuer: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder::new(issuer.into(), None)
    }

    /// An issuer whose keys are at `jwks_uri` (RFC 7517 §5). No metadata is read, and `issuer` need not be a URL.
    ///
    /// A configured URL may be plain http on loopback whatever the issuer's scheme, and may lead to a private address.
    pub fn jwks(issuer: impl Into<String>, jwks_uri: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder::new(issuer.into(), Some(jwks_uri.into()))
    }
}

impl IssuerBuilder {
    fn new(issuer: String, jwks_uri: Option<String>) -> Self {
        Self {
            issuer,
            jwks_uri,
            discover_at: None,
            http: HttpSettings::default(),
            bearer_token_file: None,
            rules: RefreshRules::default(),
            stale_limit: Duration::from_secs(6 * 60 * 60),
            signal_budget: BudgetRules::default(),
            longest_wait: Duration::from_secs(1),
            start_timeout: Duration::from_secs(10),
            fail_fast: false,
            directory: None,
            clock: system_clock(),
        }
    }

    /// Reads the metadata at this URL instead of the issuer's own, for a service that cannot reach that one. The metadata must still name the issuer. The
    /// well-known paths are added to the URL, unless it contains `/.well-known/`.
    pub fn discover_at(mut self, url: impl Into<String>) -> Self {
        self.discover_at = Some(url.into());
        self
    }

    /// How long past its lifetime a key set serves during an outage, before requests get 503. 6 h by default.
    pub fn stale_limit(mut self, limit: Duration) -> Self {
        self.stale_limit = limit;
        self
    }

    /// When keys are fetched, and how long they serve; see [`RefreshRules`] for the defaults.
    pub fn refresh_rules(mut self, rules: RefreshRules) -> Self {
        self.rules = rules;
        self
    }

    /// How many fetches unknown keys may cause: two by default, and one more for each 10 s. Bad signatures have a second
    /// budget with the same rules.
    pub fn signal_budget(mut self, budget: BudgetRules) -> Self {
        self.signal_budget = budget;
        self
    }

    /// How long a request with an unknown key waits for a fetch. 1 s by default. When 256 requests wait, others get 503.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Timeout, trusted root certificates and proxies of the requests.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// How long [`start`](Self::start) waits for a first key set, after it has read a saved one, which takes 5 s at most.
    /// 10 s by default. With zero it does not wait, and [`Issuer::ready`] reports an error that a retry cannot fix.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Fails the start if no keys can be fetched. By default the service starts *not ready*, answers 503, and keeps trying.
    pub fn fail_fast(mut self) -> Self {
        self.fail_fast = true;
        self
    }

    /// Saves the last good key set in this directory, so that a restart survives an outage of the issuer. Each issuer has its
    /// own file, which only its owner can read. Nothing is saved by default.
    ///
    /// Any user who can write to the directory can sign tokens: it should belong to the service alone.
    pub fn snapshot_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sends the bearer token in this file with each request for metadata and keys, as Kubernetes requires, but only to the
    /// configured origin. The file is read for each request.
    pub fn bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_token_file = Some(path.into());
        self
    }

    /// The clock. The system clock by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the background task and waits for a first key set, up to the [start timeout](Self::start_timeout).
    ///
    /// Without keys by then, the issuer is *not ready*: verifiers answer 503 until the task has fetched keys.
    ///
    /// # Errors
    ///
    /// If the configuration cannot be used, or the metadata names another issuer or a URL that must not be fetched; with
    /// [`fail_fast`](Self::fail_fast), also if there are no keys in time.
    ///
    /// # Panics
    ///
    /// If the tokio runtime was built without its timer or IO driver.
    pub async fn start(self) -> Result<Issuer, StartError> {
        let (start_timeout, fail_fast) = (self.start_timeout, self.fail_fast);
        let waits = fail_fast || !start_timeout.is_zero();
        let longest_wait = self.longest_wait;
        let (issuer, first_fetch) = self.spawn(waits).await?;
        if !waits {
            return Ok(issuer);
        }
        let name = issuer.keys().issuer().clone();
        // With keys from disk, the start waits no longer than a request would (`longest_wait`).
        let patience = match issuer.is_ready() {
            true => start_timeout.min(longest_wait),
            false => start_timeout,
        };
        let fetched = async {
            let _ = issuer.worker.wait_until_ended(first_fetch).await;
            issuer.ready().await
        };
        // The result is read from the state below.
        let _ = issuer.worker.within(patience, fetched).await;
        if issuer.is_ready() {
            return Ok(issuer);
        }
        let permanent = issuer.worker.state().permanent_error().cloned();
        match permanent {
            Some(source) if source.kind() == FetchErrorKind::IssuerMismatch => {
                Err(StartError::WrongIssuer {
                    issuer: name,
                    source,
                })
            }
            permanent if fail_fast || permanent.is_some() => Err(StartError::Unavailable {
                issuer: name,
                source: permanent.or_else(|| issuer.status().last_error),
            }),
            _ => {
                tracing::warn!(
                    issuer = &*name,
                    "starting without the issuer's keys, which are still being fetched: requests with its tokens get 503 until then; if this persists, check the issuer"
                );
                Ok(issuer)
            }
        }
    }

    /// Logs whether the start waits for keys, then starts the task. Also returns its first fetch.
    async fn spawn(self, waits: bool) -> Result<(Issuer, RunTicket), ConfigError> {
        let runtime = current_runtime("IssuerBuilder::start")?;
        self.check()?;
        let fetcher = self.fetcher()?;
        let (issuer, start_timeout) = (&*self.issuer, self.start_timeout);
        match waits {
            true => tracing::info!(issuer, ?start_timeout, "waiting for the issuer's keys"),
            false => tracing::info!(
                issuer,
                "fetching the issuer's keys in the background: unless saved keys are read, requests with its tokens get 503 until then"
            ),
        }
        let disk = self
            .directory
            .as_deref()
            .map(|directory| Blocking::new(SnapshotFile::new(directory, &self.issuer)));
        let limit = self
            .start_timeout
            .clamp(Duration::from_secs(1), LONGEST_DISK_ACCESS);
        let saved = load(disk.as_ref(), limit, &self.issuer, &self.clock).await;

        let start = Moment::new(self.clock.now(), Duration::ZERO);
        let schedule = RefreshSchedule::new(self.rules, self.stale_limit, start);
        let state = RefreshState::new(self.issuer.as_str().into(), schedule);
        let (worker, task) = Worker::new(state, self.clock, runtime);
        let requests = RefreshRequests::new(worker.clone(), self.signal_budget, self.longest_wait);
        let (keys, publisher) = IssuerKeys::refreshed(&self.issuer, Box::new(requests))?;
        let first_fetch = worker.request_next_run();
        task.spawn(|task| {
            let mut refresh_loop = RefreshLoop::new(task, publisher, disk);
            if let Some(saved) = saved {
                refresh_loop.restore(saved);
            }
            refresh_loop.run(fetcher)
        });
        Ok((Issuer { keys, worker }, first_fetch))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let (rules, budget) = (&self.rules, &self.signal_budget);
        let BackoffRules { first, longest, .. } = rules.backoff;
        if [rules.shortest_lifetime, first, longest].contains(&Duration::ZERO) {
            let problem = "`shortest_lifetime`, `backoff.first` and `backoff.longest` must be > 0, or the issuer would be asked \
                           without pause";
            return Err(ConfigError::new("refresh_rules", problem));
        }
        if budget.refill.is_zero() && budget.burst > 0 {
            let problem = "`refill` must be > 0, or requests could cause fetches without pause";
            return Err(ConfigError::new("signal_budget", problem));
        }
        Ok(())
    }

    fn fetcher(&self) -> Result<Fetcher, ConfigError> {
        let allow_http = self.http.is_http_allowed();
        let http = |url: &Url| {
            HttpClient::new(&self.http, self.clock.clone(), url, &[])
                .map(|http| http.bearer_token_file(self.bearer_token_file.clone()))
        };
        let Some(jwks_uri) = &self.jwks_uri else {
            let discover_at = self.discover_at.as_deref();
            let discovery = Discovery::new(&self.issuer, discover_at, allow_http, http)?;
            return Ok(Fetcher::new(discovery.http.clone(), Some(discovery), None));
        };
        if self.discover_at.is_some() {
            return Err(ConfigError::new(
                "discover_at",
                "it has no effect with `jwks_uri`, since no metadata is read: remove one of the two",
            ));
        }
        url_rules::issuer_name(&self.issuer)?;
        let url = url_rules::configured("jwks_uri", jwks_uri, allow_http)?;
        Ok(Fetcher::new(http(&url)?, None, Some(url)))
    }
}

/// Reads the saved key set. A file that cannot be read does not prevent the start.
async fn load(
    file: Option<&Blocking<SnapshotFile>>,
    limit: Duration,
    issuer: &str,
    clock: &SharedClock,
) -> Option<SavedKeys> {
    let now = clock.now();
    let load = file?.run(move |file| file.load(now).map_err(|error| file.named(error)));
    let loaded = timeout(limit, load).await.unwrap_or_else(|_| {
        Err(io::Error::other(format!(
            "no result within {limit:?}: check its volume"
        )))
    });
    loaded.unwrap_or_else(|error| {
        tracing::warn!(issuer, %error, "the issuer's saved keys could not be used, and are fetched instead: see the error, and check `snapshot_directory`");
        None
    })
}

/// The other URLs may hold secrets.
impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerBuilder")
            .field("issuer", &escape_url(&self.issuer))
            .finish_non_exhaustive()
    }
}
