//! An issuer whose keys are kept fresh in the background.

mod builder;

use std::{fmt, time::Duration};

use portcullis_jwt::IssuerKeys;
use portcullis_worker::{TaskEnded, Worker};
use tokio::sync::broadcast;

pub use self::builder::IssuerBuilder;
use crate::{FetchError, IssuerEvent, KeyId, Status, status::RefreshState};

/// An issuer of tokens, and the background task that keeps its keys fresh.
///
/// Every clone, and every verifier built from one, keeps the task alive. When the last is dropped, the task stops, also in the
/// middle of a fetch. Requests only borrow the keys. The task runs on the runtime that [`start`](IssuerBuilder::start) was
/// called on.
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
pub struct Issuer {
    keys: IssuerKeys,
    worker: Worker<RefreshState>,
}

impl Issuer {
    /// The keys, as verifiers borrow them.
    pub fn keys(&self) -> &IssuerKeys {
        &self.keys
    }

    /// Whether keys were loaded once. It stays true: [`Status::stale`] says whether the keys have become too old.
    pub fn is_ready(&self) -> bool {
        self.keys.snapshot().keys().is_some()
    }

    /// Waits until keys were loaded once.
    ///
    /// # Errors
    ///
    /// If the task has ended, or the metadata names another issuer or a URL that must not be fetched. After such
    /// metadata the task continues, so that a correction at the issuer is noticed.
    pub async fn ready(&self) -> Result<(), FetchError> {
        let waited = self
            .worker
            .wait_for(|state| self.is_ready() || state.permanent_error().is_some())
            .await;
        match self.worker.state().permanent_error().cloned() {
            _ if self.is_ready() => Ok(()),
            Some(error) => Err(error),
            None => waited.map_err(|TaskEnded| FetchError::stopped()),
        }
    }

    /// The status of the keys.
    pub fn status(&self) -> Status {
        let (state, snapshot) = (self.worker.state(), self.keys.snapshot());
        let keys = snapshot.keys();
        let moment = self.worker.now();
        let now = moment.wall();
        Status {
            issuer: self.keys.issuer().clone(),
            jwks_uri: state.jwks_uri.clone(),
            ready: keys.is_some(),
            stale: snapshot.is_stale(now),
            keys: KeyId::all_of(keys),
            key_set: keys.map(|keys| keys.report().clone()).unwrap_or_default(),
            epoch: snapshot.epoch,
            age: snapshot
                .loaded_at
                .map(|loaded_at| now.duration_since(loaded_at)),
            lifetime: state.schedule.lifetime(),
            last_success: snapshot.loaded_at,
            stale_at: snapshot.stale_at,
            next_refresh: now.saturating_add(state.schedule.due_at.left(moment)),
            failures: state.schedule.backoff.failures(),
            last_error: state.last_error.clone(),
            clock_skew: state.clock_skew,
        }
    }

    /// The events from now on. A receiver that lags more than 64 events behind misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<IssuerEvent> {
        self.worker.events()
    }

    /// Fetches the keys now, whatever the schedule and the budget of requests say. Dropping the future does not stop the fetch.
    ///
    /// # Errors
    ///
    /// If they cannot be fetched. The keys at hand stay in use.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        self.worker
            .run_once()
            .await
            .map_err(|TaskEnded| FetchError::stopped())?;
        let error = self.worker.state().last_error.clone();
        error.map_or(Ok(()), Err)
    }

    /// Changes the [stale limit](IssuerBuilder::stale_limit), for instance to extend it during a long outage.
    pub fn set_stale_limit(&self, limit: Duration) {
        self.worker
            .update(|state| state.schedule.stale_limit = limit);
        self.worker.wake();
    }
}

impl AsRef<IssuerKeys> for Issuer {
    fn as_ref(&self) -> &IssuerKeys {
        &self.keys
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("keys", &self.keys)
            .field("state", &*self.worker.state())
            .finish_non_exhaustive()
    }
}
