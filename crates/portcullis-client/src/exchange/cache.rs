//! Exchanged tokens and exchanges in flight, by subject.

use std::{collections::HashMap, sync::Mutex};

use portcullis_core::clock::{Deadline, Moment, UnixTime};
use portcullis_worker::Budget;
use tokio::sync::watch;

use crate::{AccessToken, TokenError, TokenErrorKind, lock};

/// The outcome of an exchange; `None` while it is in flight.
pub(super) type Progress = Option<Result<AccessToken, Failed>>;

/// A failed exchange. Its error is repeated until `until`.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: TokenError,
    pub(super) until: Deadline,
}

/// A digest of the subject token, its expiry and the actor token.
pub(super) type Key = [u8; 32];

pub(super) struct Cache {
    capacity: usize,
    entries: Mutex<HashMap<Key, Entry>>,
}

struct Entry {
    progress: watch::Receiver<Progress>,
    /// Limits the exchanges that rejected tokens of this entry may cause.
    rejection_budget: Budget,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: Mutex::default(),
        }
    }

    /// Looks up an exchange. On a miss, adds an entry unless `backoff_error` returns an error or every entry is in flight;
    /// the caller must then start the exchange and send its outcome.
    pub(super) fn lookup(
        &self,
        key: Key,
        now: Moment,
        backoff_error: impl FnOnce() -> Option<TokenError>,
    ) -> Result<(watch::Receiver<Progress>, Option<watch::Sender<Progress>>), TokenError> {
        let mut entries = lock(&self.entries);
        let known = entries.get(&key);
        if let Some(entry) = known.filter(|entry| entry.is_valid(now)) {
            return Ok((entry.progress.clone(), None));
        }
        // Before anything is evicted: an exchange that is not started must not evict a usable token.
        if let Some(error) = backoff_error() {
            return Err(error);
        }
        let rejection_budget = known.map(|entry| entry.rejection_budget);
        if known.is_none()
            && entries.len() >= self.capacity
            && !evict(&mut entries, now.wall(), self.capacity)
        {
            let why = "too many token exchanges are in flight: raise `capacity`, or make fewer concurrent calls";
            return Err(TokenError::new(TokenErrorKind::Busy, why));
        }
        let (sender, progress) = watch::channel(None);
        let entry = Entry {
            progress: progress.clone(),
            rejection_budget: rejection_budget.unwrap_or_default(),
        };
        entries.insert(key, entry);
        Ok((progress, Some(sender)))
    }

    /// Removes this token if `spend`, given the entry's budget, returns what is left. Returns whether it is gone.
    pub(super) fn reject(
        &self,
        key: Key,
        token: &AccessToken,
        spend: impl FnOnce(Budget) -> Option<Budget>,
    ) -> bool {
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(&key) else {
            return true;
        };
        if !matches!(&*entry.progress.borrow(), Some(Ok(held)) if held.ptr_eq(token)) {
            return true;
        }
        let Some(left) = spend(entry.rejection_budget) else {
            return false;
        };
        // The entry stays for its budget, like an abandoned exchange.
        entry.progress = watch::channel(None).1;
        entry.rejection_budget = left;
        true
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.entries).len()
    }
}

impl Entry {
    /// Whether the exchange is in flight, its token is usable, or its failure is still repeated.
    fn is_valid(&self, now: Moment) -> bool {
        match &*self.progress.borrow() {
            Some(Ok(token)) => token.lifetime().is_usable(now.wall()),
            Some(Err(failed)) => !failed.until.is_reached(now),
            None => self.progress.has_changed().is_ok(),
        }
    }

    /// When the entry may be evicted. `None` while callers wait for it.
    fn expires_at(&self) -> Option<UnixTime> {
        match &*self.progress.borrow() {
            Some(Ok(token)) => Some(token.lifetime().usable_until),
            Some(Err(failed)) => Some(failed.until.wall()),
            // An abandoned one may be evicted at once.
            None => self.progress.has_changed().is_err().then(UnixTime::default),
        }
    }
}

/// Evicts all expired entries. If that makes no room, evicts the entry that expires first. Returns whether there is room.
fn evict(entries: &mut HashMap<Key, Entry>, now: UnixTime, capacity: usize) -> bool {
    entries.retain(|_, entry| entry.expires_at().is_none_or(|end| end > now));
    if entries.len() < capacity {
        return true;
    }
    let ends = entries.iter();
    let ends = ends.filter_map(|(key, entry)| Some((entry.expires_at()?, *key)));
    ends.min()
        .is_some_and(|(_, key)| entries.remove(&key).is_some())
}
