//! How an issuer's keys are doing.

use std::{sync::Arc, time::Duration};

use portcullis_core::{Deadline, Moment, UnixTime};
use portcullis_jose::{SkippedKey, ToleratedKey};
use portcullis_worker::{Backoff, BackoffRules, Death, State};
use url::Url;

use crate::{ClockOffset, FetchError, IssuerEvent, KeyId, schedule::RefreshSchedule};

/// The state of an issuer's keys at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The issuer.
    pub issuer: Arc<str>,
    /// Where the keys come from, without the query, which may hold a secret; `None` until that was discovered.
    pub jwks_uri: Option<Url>,
    /// Whether keys were loaded once. It stays true: an issuer's outage must not take a service out of rotation.
    pub ready: bool,
    /// Whether the keys are past their stale limit, so that requests are answered 503.
    pub stale: bool,
    /// The usable keys.
    pub keys: Vec<KeyId>,
    /// How many keys of the set cannot be used.
    pub skipped_count: usize,
    /// The first of those, and why.
    pub skipped: Vec<SkippedKey>,
    /// What is wrong with the usable keys or with the document, and was accepted: tell the issuer.
    pub tolerated: Vec<ToleratedKey>,
    /// How many keys were published with private members.
    pub private_members: usize,
    /// Counts the changes of the set.
    pub epoch: u64,
    /// How long ago the keys were fetched or confirmed.
    pub age: Option<Duration>,
    /// How long the issuer lets the keys be kept, within our limits.
    pub lifetime: Option<Duration>,
    /// When the keys were fetched or confirmed.
    pub last_success: Option<UnixTime>,
    /// From when on the keys must not be used.
    pub stale_at: Option<UnixTime>,
    /// When the next attempt is due.
    pub next_refresh: UnixTime,
    /// How many attempts have failed since the last that did not.
    pub failures: u32,
    /// Why the last attempt failed; `None` if it did not.
    pub last_error: Option<FetchError>,
    /// The issuer's clock, seen from ours, by its last answer; to the second.
    pub clock_skew: Option<ClockOffset>,
}

/// What the task publishes beside the keys themselves.
#[derive(Clone, Debug)]
pub(crate) struct RefreshState {
    pub(crate) issuer: Arc<str>,
    /// Without its query.
    pub(crate) jwks_uri: Option<Url>,
    /// The epoch of the keys when the last fetch ended.
    pub(crate) epoch: u64,
    pub(crate) lifetime: Option<Duration>,
    /// `None` until the first fetch has ended.
    pub(crate) due_at: Option<Deadline>,
    pub(crate) backoff: Backoff,
    pub(crate) last_error: Option<FetchError>,
    pub(crate) clock_skew: Option<ClockOffset>,
    /// Set by the operator; see [`Issuer::set_stale_limit`](crate::Issuer::set_stale_limit).
    pub(crate) stale_limit: Duration,
    death: Option<Death>,
}

impl RefreshState {
    pub(crate) fn new(issuer: Arc<str>, stale_limit: Duration) -> Self {
        Self {
            issuer,
            jwks_uri: None,
            epoch: 0,
            lifetime: None,
            due_at: None,
            backoff: Backoff::new(BackoffRules::DEFAULT),
            last_error: None,
            clock_skew: None,
            stale_limit,
            death: None,
        }
    }

    pub(crate) fn set_schedule(&mut self, schedule: &RefreshSchedule) {
        self.lifetime = schedule.lifetime();
        self.due_at = Some(schedule.due_at());
        self.backoff = *schedule.backoff();
    }

    /// How long until the next scheduled fetch.
    pub(crate) fn due_in(&self, now: Moment) -> Duration {
        self.due_at.map_or(Duration::ZERO, |due| due.left(now))
    }

    /// The last failure, if waiting does not end it.
    pub(crate) fn lasting_error(&self) -> Option<&FetchError> {
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
        IssuerEvent::Stopped
    }

    fn log(&self, event: &IssuerEvent) {
        event.log(&self.issuer, self.death);
    }
}
