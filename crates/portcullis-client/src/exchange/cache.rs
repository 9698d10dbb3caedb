//! Exchanged tokens and exchanges in flight, by subject.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::clock::{Deadline, Moment, UnixTime};
use portcullis_worker::Budget;
use tokio::sync::watch;

use crate::{AccessToken, TokenError, TokenErrorKind};

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
    entries: Mutex<Entries>,
}

type Entries = HashMap<Key, Entry>;

struct Entry {
    progress: watch::Receiver<Progress>,
    /// Limits the exchanges that rejected tokens of this entry may cause.
    rejection_budget: Budget,
}

pub(super) enum Lookup {
    Hit(AccessToken),
    /// Another caller started the exchange.
    InFlight(watch::Receiver<Progress>),
    /// The caller must start the exchange and send its outcome here.
    Miss(watch::Sender<Progress>),
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: Mutex::default(),
        }
    }

    /// Looks up an exchange. On a miss, adds an entry unless `backoff_error` returns an error or every entry is in flight.
    pub(super) fn lookup(
        &self,
        key: Key,
        now: Moment,
        backoff_error: impl FnOnce() -> Option<TokenError>,
    ) -> Result<Lookup, TokenError> {
        let mut entries = self.entries();
        let mut rejection_budget = Budget::default();
        if let Some(entry) = entries.get(&key) {
            rejection_budget = entry.rejection_budget;
            match &*entry.progress.borrow() {
                None if entry.progress.has_changed().is_ok() => {
                    return Ok(Lookup::InFlight(entry.progress.clone()));
                }
                Some(Ok(token)) if token.lifetime().is_usable(now.wall()) => {
                    return Ok(Lookup::Hit(token.clone()));
                }
                Some(Err(failed)) if !failed.until.is_reached(now) => {
                    return Err(failed.error.clone());
                }
                // Expired or abandoned.
                _ => {}
            }
        }
        // Before anything is evicted: an exchange that is not started must not evict a usable token.
        if let Some(error) = backoff_error() {
            return Err(error);
        }
        if entries.len() >= self.capacity
            && !entries.contains_key(&key)
            && !evict(&mut entries, now.wall(), self.capacity)
        {
            let why = "too many token exchanges are in flight: raise `capacity`, or make fewer concurrent calls";
            return Err(TokenError::new(TokenErrorKind::Busy, why));
        }
        let (sender, progress) = watch::channel(None);
        let entry = Entry {
            progress,
            rejection_budget,
        };
        entries.insert(key, entry);
        Ok(Lookup::Miss(sender))
    }

    /// Removes this token if `spend`, given the entry's budget, returns what is left. Returns whether it is gone.
    pub(super) fn reject(
        &self,
        key: Key,
        token: &AccessToken,
        spend: impl FnOnce(Budget) -> Option<Budget>,
    ) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&key) else {
            return true;
        };
        if !matches!(&*entry.progress.borrow(), Some(Ok(held)) if held.ptr_eq(token)) {
            return true;
        }
        let Some(left) = spend(entry.rejection_budget) else {
            return false;
        };
        // The entry stays for its budget.
        let (_, abandoned) = watch::channel(None);
        *entry = Entry {
            progress: abandoned,
            rejection_budget: left,
        };
        true
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Evicts all expired entries. If that makes no room, evicts the entry that expires first. Entries in flight are never
/// evicted, because callers wait for them. Returns whether there is room.
fn evict(entries: &mut Entries, now: UnixTime, capacity: usize) -> bool {
    let expires_at = |entry: &Entry| match &*entry.progress.borrow() {
        Some(Ok(token)) => Some(token.lifetime().usable_until),
        Some(Err(failed)) => Some(failed.until.wall()),
        None if entry.progress.has_changed().is_err() => Some(UnixTime::default()),
        None => None,
    };
    entries.retain(|_, entry| expires_at(entry).is_none_or(|end| end > now));
    if entries.len() < capacity {
        return true;
    }
    let ends = entries.iter();
    let ends = ends.filter_map(|(key, entry)| Some((expires_at(entry)?, *key)));
    ends.min()
        .is_some_and(|(_, key)| entries.remove(&key).is_some())
}
