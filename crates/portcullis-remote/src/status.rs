//! The status of an issuer's keys, and the state that the task publishes.

use std::{sync::Arc, time::Duration};

use portcullis_core::clock::UnixTime;
use portcullis_jose::KeySetReport;
use portcullis_worker::{Death, State};
use url::Url;

use crate::{ClockOffset, FetchError, IssuerEvent, KeyId, schedule::RefreshSchedule};

/// The status of an issuer's keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The issuer.
    pub issuer: Arc<str>,
    /// The URL of the keys without its query, which may hold a secret; `None` until it was discovered.
    pub jwks_uri: Option<Url>,
    /// Whether keys were loaded once. It stays true: an outage of the issuer must not take a service out of rotation.
    pub ready: bool,
    /// Whether the keys are past their stale limit, so that requests get 503.
    pub stale: bool,
    /// The usable keys.
    pub keys: Vec<KeyId>,
    /// What was found in the key set besides its usable keys.
    pub key_set: KeySetReport,
    /// Counts the changes of the key set.
    pub epoch: u64,
    /// How long ago the keys were fetched or confirmed.
    pub age: Option<Duration>,
    /// The lifetime of the key set: the issuer's, within our limits.
    pub lifetime: Option<Duration>,
    /// When the keys were fetched or confirmed.
    pub last_success: Option<UnixTime>,
    /// When the keys must no longer be used.
    pub stale_at: Option<UnixTime>,
    /// When the next fetch is due.
    pub next_refresh: UnixTime,
    /// The number of failed fetches since the last success.
    pub failures: u32,
    /// Why the last fetch failed; `None` if it succeeded.
    pub last_error: Option<FetchError>,
    /// The issuer's clock seen from ours, by the `Date` of its last answer, to the second.
    pub clock_skew: Option<ClockOffset>,
}

/// The state of the task, which it publishes beside the keys.
#[derive(Clone, Debug)]
pub(crate) struct RefreshState {
    pub(crate) issuer: Arc<str>,
    /// Without its query.
    pub(crate) jwks_uri: Option<Url>,
    /// The epoch of the keys when the last fetch ended.
    pub(crate) epoch: u64,
    pub(crate) schedule: RefreshSchedule,
    pub(crate) last_error: Option<FetchError>,
    pub(crate) clock_skew: Option<ClockOffset>,
    death: Option<Death>,
}

impl RefreshState {
    pub(crate) fn new(issuer: Arc<str>, schedule: RefreshSchedule) -> Self {
        Self {
            issuer,
            jwks_uri: None,
            epoch: 0,
            schedule,
            last_error: None,
            clock_skew: None,
            death: None,
        }
    }

    /// The last failure, if it is an error that a retry cannot fix.
    pub(crate) fn permanent_error(&self) -> Option<&FetchError> {
        self.last_error
            .as_ref()
            .filter(|error| error.is_permanent())
    }
}

impl State for RefreshState {
    type Event = IssuerEvent;

    fn died(&mut self, death: Death) -> IssuerEvent {
        self.death = Some(death);
        self.last_error = Some(FetchError::stopped());
        IssuerEvent::TaskEnded
    }

    fn log(&self, event: &IssuerEvent) {
        event.log(&self.issuer, self.last_error.as_ref(), self.death);
    }
}
