//! The tokens that were exchanged, and the exchanges under way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::UnixTime;
use portcullis_worker::FetchBudget;
use tokio::sync::watch;

use crate::{AccessToken, TokenError, schedule::Life};

/// What an exchange came to; `None` while it is under way.
pub(super) type Progress = Option<Result<Exchanged, Failed>>;

/// An exchange that was refused, which is told again for a while.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: TokenError,
    /// A clock that is set back must not make this longer.
    pub(super) since: UnixTime,
    pub(super) until: UnixTime,
}

/// A token that another was exchanged for.
#[derive(Clone)]
pub(super) struct Exchanged {
    pub(super) token: AccessToken,
    pub(super) life: Life,
    /// Whether it ends with the subject's own token, before the server would have it end.
    pub(super) is_cut: bool,
}

impl Exchanged {
    /// Whether it ended on its way, for a subject whose own token ends then: all who waited are told so, and only the next
    /// call asks again. Not where it was cut by a nearer end than theirs; nor where the clock was set back, which tells
    /// nothing of that.
    pub(super) fn is_over(&self, now: UnixTime, end: Option<UnixTime>) -> bool {
        let could_be_longer = self.is_cut && end.is_none_or(|end| self.life.expires_at < end);
        self.life.withheld_at <= now && !could_be_longer
    }

    /// Whether it may be handed out for a subject whose own token ends then.
    pub(super) fn serves(&self, now: UnixTime, end: Option<UnixTime>) -> bool {
        self.life.is_live(now) && end.is_none_or(|end| self.life.expires_at <= end)
    }
}

/// By the digest of all that an exchange depends on.
pub(super) type Key = [u8; 32];

pub(super) struct Cache {
    capacity: usize,
    entries: Mutex<Entries>,
}

type Entries = HashMap<Key, Entry>;

struct Entry {
    progress: watch::Receiver<Progress>,
    /// What is left of the exchanges that refused tokens of this entry may cause.
    rejections: FetchBudget,
}

impl Entry {
    /// Whether nobody is left who could bring what is not there yet.
    fn is_abandoned(&self) -> bool {
        self.progress.borrow().is_none() && self.progress.has_changed().is_err()
    }

    fn holds(&self, token: &AccessToken) -> bool {
        matches!(&*self.progress.borrow(), Some(Ok(exchanged)) if exchanged.token.is(token))
    }
}

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
    /// To give up: as many are under way as are kept.
    Full,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: Mutex::default(),
        }
    }

    /// Finds an exchange, or becomes the one who begins it, unless there is an `outage`. A token is not handed out past
    /// `end`, that of the subject's own.
    pub(super) fn find(
        &self,
        key: Key,
        now: UnixTime,
        end: Option<UnixTime>,
        outage: impl FnOnce() -> Option<TokenError>,
    ) -> Found {
        let mut entries = self.entries();
        let mut rejections = FetchBudget::default();
        if let Some(entry) = entries.get(&key) {
            rejections = entry.rejections;
            let progress = entry.progress.borrow().clone();
            match progress {
                None if !entry.is_abandoned() => {
                    return Found::UnderWay(entry.progress.clone());
                }
                Some(Ok(exchanged)) if exchanged.serves(now, end) => {
                    return Found::Token(exchanged.token);
                }
                Some(Err(failed)) if failed.since <= now && now < failed.until => {
                    return Found::Failed(failed.error);
                }
                // Too old, or whoever was to bring it is gone.
                _ => {}
            }
        }
        // Before anything is kept: what is not begun must not take the place of a token that serves.
        if let Some(error) = outage() {
            return Found::Failed(error);
        }
        if entries.len() >= self.capacity
            && !entries.contains_key(&key)
            && !make_room(&mut entries, now, self.capacity)
        {
            return Found::Full;
        }
        let (sender, progress) = watch::channel(None);
        let entry = Entry {
            progress,
            rejections,
        };
        entries.insert(key, entry);
        Found::Missing(sender)
    }

    /// Forgets this token if `take` gives leave to, by what is left for its entry. Says whether it is gone.
    pub(super) fn forget(
        &self,
        key: Key,
        token: &AccessToken,
        take: impl FnOnce(FetchBudget) -> Option<FetchBudget>,
    ) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&key).filter(|entry| entry.holds(token)) else {
            return true;
        };
        let Some(left) = take(entry.rejections) else {
            return false;
        };
        // The entry stays, with what is left for it.
        let (_, nothing) = watch::channel(None);
        *entry = Entry {
            progress: nothing,
            rejections: left,
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

/// Forgets what has ended; if that is not enough, what ends first. Those under way stay, as somebody waits for them: says
/// whether there is room.
fn make_room(entries: &mut Entries, now: UnixTime, capacity: usize) -> bool {
    let ends = |entry: &Entry| match &*entry.progress.borrow() {
        Some(Ok(exchanged)) => Some(exchanged.life.withheld_at),
        Some(Err(failed)) => Some(failed.until),
        None if entry.progress.has_changed().is_err() => Some(UnixTime::from_secs(0)),
        None => None,
    };
    entries.retain(|_, entry| ends(entry).is_none_or(|end| end > now));
    while entries.len() >= capacity {
        let first = entries
            .iter()
            .filter_map(|(key, entry)| Some((*key, ends(entry)?)))
            .min_by_key(|(_, end)| *end);
        let Some((key, _)) = first else {
            return false;
        };
        entries.remove(&key);
    }
    true
}
