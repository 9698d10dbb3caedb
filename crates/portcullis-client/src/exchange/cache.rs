//! Exchanged tokens and exchanges in flight, by subject, and the failures that affect all subjects.

use std::{collections::HashMap, time::Duration};

use portcullis_core::clock::{Deadline, Moment, UnixTime};
use portcullis_worker::{Budget, BudgetRules};
use tokio::sync::watch;

use crate::{AccessToken, TokenError, TokenErrorKind, failures::Failures, source::REJECTION_RULES};

/// How long the refusal of one subject is repeated before the server is asked again.
const REFUSAL_TTL: Duration = Duration::from_secs(2);

/// Limits the token requests that rejected tokens of all subjects cause together.
const TOTAL_REJECTION_RULES: BudgetRules = BudgetRules::new(32, Duration::from_secs(1));

/// The outcome of an exchange; `None` while it is in flight, and after its token was rejected.
pub(super) type Outcome = Option<Result<AccessToken, Failed>>;

#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: TokenError,
    until: Deadline,
}

/// A digest of the subject token, its expiry and the actor token.
pub(super) type Key = [u8; 32];

#[derive(Default)]
pub(super) struct Cache {
    entries: HashMap<Key, Entry>,
    /// The failures that affect all subjects, and when the last of them was recorded.
    failures: Failures,
    failed_at: Option<Duration>,
    rejection_budget: Budget,
}

struct Entry {
    progress: watch::Receiver<Outcome>,
    rejection_budget: Budget,
}

impl Cache {
    /// Looks up an exchange. On a miss, adds an entry and returns its sender: the caller must start the exchange and send the
    /// outcome. During a backoff, or if every entry is in flight, a miss is an error.
    pub(super) fn lookup_or_insert(
        &mut self,
        key: Key,
        now: Moment,
        capacity: usize,
    ) -> Result<(watch::Receiver<Outcome>, Option<watch::Sender<Outcome>>), TokenError> {
        let known = self.entries.get(&key);
        if let Some(entry) = known.filter(|entry| entry.is_valid(now)) {
            return Ok((entry.progress.clone(), None));
        }
        // Checked before anything is evicted: an exchange that is not started must not evict a usable token.
        if let Some(error) = self.failures.error_during_backoff(now) {
            return Err(error);
        }
        let rejection_budget = known.map(|entry| entry.rejection_budget);
        if rejection_budget.is_none() && !self.make_room(now, capacity) {
            let why = "no token was exchanged, because too many exchanges are in flight: raise `capacity`, or make fewer concurrent calls";
            return Err(TokenError::new(TokenErrorKind::Busy, why));
        }
        let (sender, progress) = watch::channel(None);
        let entry = Entry {
            progress: progress.clone(),
            rejection_budget: rejection_budget.unwrap_or_default(),
        };
        self.entries.insert(key, entry);
        Ok((progress, Some(sender)))
    }

    /// Records the outcome of an exchange, and decides how long a failure is repeated.
    pub(super) fn record(
        &mut self,
        outcome: Result<AccessToken, TokenError>,
        started: Moment,
        now: Moment,
    ) -> Result<AccessToken, Failed> {
        // An exchange that started before the last failure neither ends the backoff nor lengthens it.
        let failed_at = self.failed_at;
        let is_newer = failed_at.is_none_or(|failed_at| started.monotonic() > failed_at);
        if outcome.is_ok() && is_newer {
            (self.failures, self.failed_at) = (Failures::default(), None);
        }
        outcome.map_err(|error| {
            let mut ttl = REFUSAL_TTL;
            if error.affects_all_subjects() {
                // The backoff repeats this error, so the cache does not.
                ttl = Duration::ZERO;
                if is_newer || self.failures.backoff.left(now).is_zero() {
                    // `usable_for` is zero, so that the backoff is at most 5 s: until its end, subjects without a cached
                    // token cannot call.
                    self.failures.record(&error, started, now, Duration::ZERO);
                    self.failed_at = Some(now.monotonic());
                }
            }
            let until = Deadline::after(now, ttl);
            Failed { error, until }
        })
    }

    /// Removes this token if the budgets allow. Returns whether the cache no longer holds the token.
    pub(super) fn reject(&mut self, key: Key, token: &AccessToken, now: Duration) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else {
            return true;
        };
        if !matches!(&*entry.progress.borrow(), Some(Ok(held)) if held.ptr_eq(token)) {
            return true;
        }
        let of_subject = entry.rejection_budget.take(&REJECTION_RULES, now);
        let in_all = self.rejection_budget.take(&TOTAL_REJECTION_RULES, now);
        let Some((of_subject, in_all)) = of_subject.zip(in_all) else {
            return false;
        };
        self.rejection_budget = in_all;
        // The entry stays for its budget. It is invalid, since its sender is dropped.
        *entry = Entry {
            progress: watch::channel(None).1,
            rejection_budget: of_subject,
        };
        true
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Evicts all invalid entries or, without those, the one that expires first. Returns whether there is room now.
    fn make_room(&mut self, now: Moment, capacity: usize) -> bool {
        if self.entries.len() >= capacity {
            self.entries.retain(|_, entry| entry.is_valid(now));
        }
        if self.entries.len() < capacity {
            return true;
        }
        let ends = self.entries.iter();
        let ends = ends.filter_map(|(key, entry)| Some((entry.expires_at()?, *key)));
        ends.min()
            .is_some_and(|(_, key)| self.entries.remove(&key).is_some())
    }
}

impl Entry {
    fn is_valid(&self, now: Moment) -> bool {
        match &*self.progress.borrow() {
            Some(Ok(token)) => token.lifetime().is_usable(now.wall()),
            Some(Err(failed)) => !failed.until.is_reached(now),
            // In flight while there is a sender. Without one the token was rejected, or the exchange aborted.
            None => self.progress.has_changed().is_ok(),
        }
    }

    /// When the outcome expires; `None` while callers wait for it.
    fn expires_at(&self) -> Option<UnixTime> {
        Some(match self.progress.borrow().as_ref()? {
            Ok(token) => token.lifetime().usable_until,
            Err(failed) => failed.until.wall(),
        })
    }
}
