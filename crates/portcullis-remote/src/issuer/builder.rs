//! What can be chosen about an issuer, and its start.

use std::{fmt, path::PathBuf, time::Duration};

use portcullis_core::{ConfigError, Moment, SharedClock, escape_url, system_clock};
use portcullis_jwt::IssuerKeys;
use portcullis_oauth::{
    HttpSettings,
    discovery::Discovery,
    http::{HttpClient, url_rules},
};
use portcullis_worker::{BudgetRules, Run, Worker};
use tokio::runtime::Handle;

use super::Issuer;
use crate::{
    FetchErrorKind, StartError,
    disk::{SavedKeys, SnapshotFile},
    fetch::{Fetcher, Source},
    schedule::{RefreshRules, RefreshSchedule},
    signals::{SignalRules, Signals},
    status::RefreshState,
    task::RefreshTask,
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
    stale_limit: Option<Duration>,
    signals: SignalRules,
    start_timeout: Duration,
    fail_fast: bool,
    directory: Option<PathBuf>,
    clock: SharedClock,
}

impl IssuerBuilder {
    pub(super) fn new(issuer: String, jwks_uri: Option<String>) -> Self {
        Self {
            issuer,
            jwks_uri,
            discover_at: None,
            http: HttpSettings::default(),
            bearer_token_file: None,
            rules: RefreshRules::default(),
            stale_limit: None,
            signals: SignalRules {
                budget: BudgetRules::default(),
                longest_wait: Duration::from_secs(1),
                most_waiters: 256,
            },
            start_timeout: Duration::from_secs(10),
            fail_fast: false,
            directory: None,
            clock: system_clock(),
        }
    }

    /// Reads the metadata at this URL, where the issuer cannot be reached at its own. The metadata must still name the
    /// issuer. The well-known paths are added to the URL, unless it has `/.well-known/` in it.
    pub fn discover_at(mut self, url: impl Into<String>) -> Self {
        self.discover_at = Some(url.into());
        self
    }

    /// How long past its lifetime a set serves while no newer can be had. 6 h by default; after that, 503.
    pub fn stale_limit(mut self, limit: Duration) -> Self {
        self.stale_limit = Some(limit);
        self
    }

    /// When keys are fetched, and how long they serve; see [`RefreshRules`] for the defaults. What
    /// [`stale_limit`](Self::stale_limit) is given goes before what they say, in whichever order the two are called.
    pub fn refresh_rules(mut self, rules: RefreshRules) -> Self {
        self.rules = rules;
        self
    }

    /// How many fetches requests may cause by unknown keys, and as many again by bad signatures. Two by default, and
    /// one more for each 10 s.
    pub fn signal_budget(mut self, budget: BudgetRules) -> Self {
        self.signals.budget = budget;
        self
    }

    /// How long a request with an unknown key waits for a refresh that it has caused or found under way. 1 s by
    /// default.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.signals.longest_wait = wait;
        self
    }

    /// How many requests may wait at once. 256 by default; further ones are answered 503 at once.
    pub fn most_waiters(mut self, waiters: usize) -> Self {
        self.signals.most_waiters = waiters;
        self
    }

    /// Timeout, trusted root certificates and proxies of the requests.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// How long [`start`](Self::start) waits for a first set. 10 s by default. With zero it returns at once, and
    /// [`Issuer::ready`] tells of an error that waiting cannot heal.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Makes it an error if no keys can be had at the start. By default the service starts *not ready*, answers 503,
    /// and keeps trying.
    pub fn fail_fast(mut self) -> Self {
        self.fail_fast = true;
        self
    }

    /// Keeps the last good set in this directory, in a file of its own that only its owner can read, so that a restart
    /// survives an outage of the issuer. Not kept by default.
    ///
    /// Whoever can write to the directory can sign tokens: it should belong to the service alone.
    pub fn snapshot_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sends the bearer token in this file with every request for metadata and keys, as Kubernetes asks for. The file is
    /// read for each request. The token goes to the origin that was configured only: if metadata names a key set on
    /// another, that is asked without.
    pub fn bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_token_file = Some(path.into());
        self
    }

    /// The clock. The system's by default.
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the task, and waits for a first set, up to the [start timeout](Self::start_timeout).
    ///
    /// If there is none by then, the issuer is *not ready*: verifiers answer 503 until the task has succeeded.
    ///
    /// # Errors
    ///
    /// If the configuration cannot be used, or the metadata names another issuer or a URL that must not be fetched; with [`fail_fast`](Self::fail_fast),
    /// also if there are no keys in time.
    ///
    /// # Panics
    ///
    /// If the tokio runtime was built without its timer or IO driver.
    pub async fn start(self) -> Result<Issuer, StartError> {
        let start_timeout = self.start_timeout;
        let fail_fast = self.fail_fast;
        let longest_wait = self.signals.longest_wait;
        let (issuer, first) = self.spawn().await?;
        let name = issuer.keys().issuer().clone();
        if start_timeout.is_zero() && !fail_fast {
            tracing::info!(
                issuer = &*name,
                "fetching the issuer's keys in the background: its tokens are answered 503 until then"
            );
            return Ok(issuer);
        }
        tracing::info!(
            issuer = &*name,
            ?start_timeout,
            "waiting for the issuer's keys"
        );
        // Keys from disk serve if the issuer is slow.
        let patience = match issuer.is_ready() {
            true => start_timeout.min(longest_wait),
            false => start_timeout,
        };
        let worker = &issuer.worker;
        let fetched = async {
            worker.finished(first).await?;
            worker
                .wait_for(|state| issuer.is_ready() || state.lasting_error().is_some())
                .await
        };
        // Whether it succeeded or not, and in time or not: only whether there are keys matters.
        let _ = worker.within(patience, fetched).await;
        if issuer.is_ready() {
            return Ok(issuer);
        }
        if let Some(source) = issuer.lasting_error() {
            return Err(match source.kind() {
                FetchErrorKind::IssuerMismatch => StartError::WrongIssuer {
                    issuer: name,
                    source,
                },
                _ => StartError::Unavailable {
                    issuer: name,
                    source: Some(source),
                },
            });
        }
        if fail_fast {
            let source = issuer.status().last_error;
            return Err(StartError::Unavailable {
                issuer: name,
                source,
            });
        }
        tracing::warn!(
            issuer = &*name,
            "starting without the issuer's keys: its tokens are answered 503 until they can be fetched"
        );
        Ok(issuer)
    }

    async fn spawn(mut self) -> Result<(Issuer, Run), ConfigError> {
        let runtime = Handle::try_current().map_err(|_| {
            ConfigError::new(
                "start",
                "there is no tokio runtime: call it on one that lives on",
            )
        })?;
        self.check()?;
        if let Some(limit) = self.stale_limit {
            self.rules.stale_limit = limit;
        }
        let fetcher = self.fetcher()?;
        let disk = self
            .directory
            .as_deref()
            .map(|directory| SnapshotFile::new(directory, &self.issuer));
        let saved = load(disk.clone(), &self.clock).await;

        let stale_limit = self.rules.stale_limit;
        let start = Moment::new(self.clock.now(), Duration::ZERO);
        let schedule = RefreshSchedule::new(self.rules, start);
        let state = RefreshState::new(self.issuer.as_str().into(), stale_limit, &schedule);
        let (worker, task) = Worker::new(state, self.clock, runtime);
        let signals = Signals::new(worker.clone(), self.signals);
        let (keys, publisher) = IssuerKeys::refreshed(&self.issuer, Box::new(signals))?;
        let first = worker.next_run();
        task.spawn(|task| {
            let mut task = RefreshTask::new(task, schedule, publisher, disk);
            if let Some(saved) = saved {
                task.restore(saved);
            }
            task.run(fetcher)
        });
        Ok((Issuer { keys, worker }, first))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let is_busy = [
            (self.rules.shortest_lifetime, "shortest_lifetime"),
            (self.rules.first_backoff, "first_backoff"),
            (self.rules.longest_backoff, "longest_backoff"),
        ];
        for (duration, rule) in is_busy {
            if duration.is_zero() {
                return Err(ConfigError::new(
                    "refresh_rules",
                    format!("`{rule}` is zero: the issuer would be asked without pause"),
                ));
            }
        }
        if self.signals.budget.refill.is_zero() && self.signals.budget.burst > 0 {
            return Err(ConfigError::new(
                "signal_budget",
                "`refill` is zero: requests could have the issuer asked without pause",
            ));
        }
        Ok(())
    }

    fn fetcher(&self) -> Result<Fetcher, ConfigError> {
        let allow_http = self.http.is_http_allowed();
        let (url, source) = match &self.jwks_uri {
            Some(jwks_uri) => {
                if self.discover_at.is_some() {
                    return Err(ConfigError::new(
                        "discover_at",
                        "the URL of the keys is configured, so that no metadata is read: leave one of the two out",
                    ));
                }
                url_rules::issuer_name(&self.issuer)?;
                let url = url_rules::configured("jwks_uri", jwks_uri, allow_http)?;
                (url.clone(), Source::Configured(url))
            }
            None => {
                let at = self.discover_at.as_deref();
                let discovery = Discovery::new(&self.issuer, at, allow_http)?;
                (discovery.url().clone(), Source::Discovered(discovery))
            }
        };
        let http = HttpClient::new(&self.http, &url, &[])?
            .bearer_token_file(self.bearer_token_file.clone());
        Ok(Fetcher::new(http, source, self.clock.clone()))
    }
}

/// URLs without what may be secret in them.
impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(escape_url);
        f.debug_struct("IssuerBuilder")
            .field("issuer", &escape_url(&self.issuer))
            .field("jwks_uri", &shown(&self.jwks_uri))
            .field("discover_at", &shown(&self.discover_at))
            .field("http", &self.http)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// A file that cannot be read back is no reason not to start.
async fn load(file: Option<SnapshotFile>, clock: &SharedClock) -> Option<SavedKeys> {
    let (file, now) = (file?, clock.now());
    let loaded = tokio::task::spawn_blocking(move || file.load(now))
        .await
        .ok()?;
    loaded.unwrap_or_else(|error| {
        tracing::warn!(%error, "the issuer's keys could not be read from disk");
        None
    })
}
