//! The tokens that were exchanged, and the exchanges under way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::UnixTime;
use tokio::sync::watch;

use crate::{AccessToken, TokenError, schedule::Life};

/// What an exchange came to; `None` while it is under way.
pub(super) type Progress = Option<Result<Exchanged, Failed>>;

/// An exchange that was refused, which is told again for a while.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: TokenError,
    pub(super) until: UnixTime,
}

/// A token that another was exchanged for.
#[derive(Clone)]
pub(super) struct Exchanged {
    pub(super) token: AccessToken,
    pub(super) life: Life,
}

/// By the digest of all that an exchange depends on.
pub(super) type Key = [u8; 32];

pub(super) struct Cache {
    capacity: usize,
    entries: Mutex<Entries>,
}

type Entries = HashMap<Key, watch::Receiver<Progress>>;

/// What is to be done about an exchange.
pub(super) enum Found {
    /// Nothing: here it is.
    Token(AccessToken),
    /// Nothing: it failed a moment ago.
    Failed(TokenError),
    /// To wait: someone else has begun it.
    UnderWay(watch::Receiver<Progress>),
    /// To begin it, and to tell the others here.
    Missing(watch::Sender<Progress>),
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: Mutex::default(),
        }
    }

    /// Finds an exchange, or becomes the one who begins it.
    pub(super) fn find(&self, key: Key, now: UnixTime) -> Found {
        let mut entries = self.entries();
        if let Some(entry) = entries.get(&key) {
            let progress = entry.borrow().clone();
            match progress {
                None if entry.has_changed().is_ok() => return Found::UnderWay(entry.clone()),
                Some(Ok(exchanged)) if exchanged.life.is_live(now) => {
                    return Found::Token(exchanged.token);
                }
                Some(Err(failed)) if now < failed.until => return Found::Failed(failed.error),
                // Too old, or whoever was to bring it is gone.
                _ => {}
            }
        }
        if entries.len() >= self.capacity {
            make_room(&mut entries, now, self.capacity);
        }
        let (sender, progress) = watch::channel(None);
        entries.insert(key, progress);
        Found::Missing(sender)
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what has ended; if that is not enough, what ends first. Those who wait keep waiting.
fn make_room(entries: &mut Entries, now: UnixTime, capacity: usize) {
    let ends = |entry: &watch::Receiver<Progress>| match &*entry.borrow() {
        Some(Ok(exchanged)) => exchanged.life.withheld_at,
        Some(Err(failed)) => failed.until,
        None => UnixTime::from_secs(u64::MAX),
    };
    entries.retain(|_, entry| ends(entry) > now);
    while entries.len() >= capacity {
        let first = entries.iter().min_by_key(|(_, entry)| ends(entry));
        let Some(key) = first.map(|(key, _)| *key) else {
            return;
        };
        entries.remove(&key);
    }
}
