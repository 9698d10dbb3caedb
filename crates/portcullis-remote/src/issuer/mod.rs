//! An issuer whose keys keep themselves fresh.

mod builder;

use std::{fmt, sync::Arc, time::Duration};

use portcullis_core::SharedClock;
use portcullis_jwt::IssuerKeys;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::Instant,
};

pub use self::builder::IssuerBuilder;
use crate::{
    FetchError, IssuerEvent, KeyId, Status, board::Board, signals::Signals, task::Command,
};

/// An issuer of tokens, and the task that keeps its keys fresh.
///
/// Every clone, and every verifier built from one, keeps the task alive; when the last is dropped the task stops, in
/// the middle of a fetch if need be. Requests only borrow the keys. The task is on the runtime that
/// [`start`](IssuerBuilder::start) was called on.
///
/// ```no_run
/// use portcullis_jwt::{Algorithm, Bearer};
/// use portcullis_remote::Issuer;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::discover("https://issuer.example.com").start().await?;
/// let bearer = Bearer::jwt(&issuer)
///     .audience("https://orders.example.com")
///     .algorithms([Algorithm::ES256])
///     .build()?;
/// # drop(bearer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    keys: IssuerKeys,
    board: Arc<Board>,
    signals: Arc<Signals>,
    commands: mpsc::UnboundedSender<Command>,
    clock: SharedClock,
}

impl Issuer {
    /// An issuer that says in its metadata where its keys are (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
    ///
    /// `issuer` is compared character by character with what the metadata and the tokens say: whether it ends with a
    /// slash matters.
    pub fn discover(issuer: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder::new(issuer.into(), None)
    }

    /// An issuer whose keys are at `jwks_uri` (RFC 7517 §5). No metadata is read, and `issuer` need not be a URL.
    ///
    /// As the URL is configured and not discovered, it may be plain http on loopback whatever the issuer's scheme, and
    /// may lead to a private address.
    pub fn jwks(issuer: impl Into<String>, jwks_uri: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder::new(issuer.into(), Some(jwks_uri.into()))
    }

    /// The keys, as verifiers borrow them.
    #[must_use]
    pub fn keys(&self) -> &IssuerKeys {
        &self.0.keys
    }

    /// Whether keys were loaded once. It stays true: see [`Status::stale`] for keys that have become too old.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.keys.snapshot().keys().is_some()
    }

    /// Waits until keys were loaded once.
    ///
    /// # Errors
    ///
    /// If waiting does not help: the task has ended, or the metadata names another issuer or a URL that must not be
    /// fetched. In the latter cases the task goes on, so that a correction at the issuer is noticed.
    pub async fn ready(&self) -> Result<(), FetchError> {
        let mut reports = self.0.signals.subscribe();
        while !self.is_ready() {
            if let Some(error) = self.lasting_error() {
                return Err(error);
            }
            reports.changed().await.map_err(|_| FetchError::stopped())?;
        }
        Ok(())
    }

    /// The last failure, if waiting does not end it.
    fn lasting_error(&self) -> Option<FetchError> {
        let progress = self.0.board.progress.load();
        let error = progress.last_error.as_ref();
        error.filter(|error| error.is_permanent()).cloned()
    }

    /// How the keys are doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let progress = self.0.board.progress.load();
        let snapshot = self.0.keys.snapshot();
        let keys = snapshot.keys();
        let now = self.0.clock.now();
        Status {
            issuer: self.0.keys.issuer().clone(),
            jwks_uri: progress.jwks_uri.clone(),
            ready: keys.is_some(),
            stale: snapshot.is_stale(now),
            keys: KeyId::all_of(keys),
            skipped_count: keys.map_or(0, |keys| keys.skipped_count()),
            skipped: keys.map_or_else(Vec::new, |keys| keys.skipped().to_vec()),
            tolerated: keys.map_or_else(Vec::new, |keys| keys.tolerated().to_vec()),
            private_members: keys.map_or(0, |keys| keys.private_members()),
            epoch: snapshot.epoch(),
            age: snapshot
                .loaded_at()
                .map(|loaded_at| now.duration_since(loaded_at)),
            lifetime: progress.lifetime,
            last_success: snapshot.loaded_at(),
            stale_at: snapshot.stale_at(),
            next_refresh: now
                .saturating_add(progress.due_at.saturating_duration_since(Instant::now())),
            failures: progress.failures,
            last_error: progress.last_error.clone(),
            clock_skew: progress.clock_skew,
        }
    }

    /// What happens from now on. A receiver that does not keep up misses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<IssuerEvent> {
        self.0.board.subscribe()
    }

    /// Fetches the keys now, whatever the schedule and the budget of requests say.
    ///
    /// Dropping the future does not stop the fetch.
    ///
    /// # Errors
    ///
    /// If they cannot be fetched. Those at hand keep serving.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        let (reply, answer) = oneshot::channel();
        self.0
            .commands
            .send(Command::Refresh(reply))
            .map_err(|_| FetchError::stopped())?;
        answer.await.map_err(|_| FetchError::stopped())?
    }

    /// Changes, while running, how long past its lifetime a set serves while no newer can be had: an operator who
    /// knows of a long outage can extend it. The default is [`IssuerBuilder::stale_limit`].
    pub fn set_stale_limit(&self, limit: Duration) {
        // If the task has ended, nothing is left to limit.
        let _ = self.0.commands.send(Command::StaleLimit(limit));
    }
}

impl AsRef<IssuerKeys> for Issuer {
    fn as_ref(&self) -> &IssuerKeys {
        &self.0.keys
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("keys", &self.0.keys)
            .field("board", &self.0.board)
            .finish_non_exhaustive()
    }
}
