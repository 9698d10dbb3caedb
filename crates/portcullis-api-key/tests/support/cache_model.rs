//! A plain model of keys: which answers a cache before a store may give.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::{collections::BTreeMap, time::Duration};

use portcullis_api_key::ApiKeyId;
use portcullis_core::clock::UnixTime;

pub(crate) const REACHABLE: Duration = Duration::from_secs(5);
pub(crate) const UNREACHABLE: Duration = Duration::from_secs(15 * 60);

/// An answer of a cache, as the scheme gives it to a right secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The key is unknown, revoked or expired.
    Refused,
    /// The cache cannot tell.
    Unavailable,
}

/// Times count from the start of the test, sleeps of the machine included.
#[derive(Default)]
pub(crate) struct Model {
    keys: BTreeMap<ApiKeyId, Key>,
    pub(crate) now: Duration,
    /// Since when the store cannot be reached.
    down_since: Option<Duration>,
    /// When the last outage began and ended.
    last_outage: Option<(Duration, Duration)>,
    /// Since when the store answers fast.
    fast_since: Option<Duration>,
    /// Every instance has learnt of the changes up to then.
    learnt: Option<Duration>,
}

struct Key {
    created: Duration,
    /// The expiry since each change.
    expiries: Vec<(Duration, UnixTime)>,
    revoked: Option<Duration>,
}

impl Model {
    pub(crate) fn create(&mut self, id: ApiKeyId, expires_at: UnixTime) {
        let key = Key {
            created: self.now,
            expiries: vec![(self.now, expires_at)],
            revoked: None,
        };
        self.keys.insert(id, key);
    }

    pub(crate) fn rotate(&mut self, id: &ApiKeyId, expires_at: UnixTime) {
        let now = self.now;
        if let Some(key) = self.keys.get_mut(id) {
            key.expiries.push((now, expires_at));
        }
    }

    pub(crate) fn revoke(&mut self, id: &ApiKeyId) {
        let now = self.now;
        if let Some(key) = self.keys.get_mut(id) {
            key.revoked.get_or_insert(now);
        }
    }

    pub(crate) fn is_live(&self, id: &ApiKeyId, wall: UnixTime) -> bool {
        let is_live =
            |key: &Key| key.revoked.is_none() && key.expiries.iter().all(|(_, at)| *at > wall);
        self.keys.get(id).is_some_and(is_live)
    }

    /// Whether the key was created long enough ago for every instance to know it.
    pub(crate) fn is_old(&self, id: &ApiKeyId) -> bool {
        (self.keys.get(id)).is_some_and(|key| self.now - key.created > REACHABLE)
    }

    pub(crate) fn set_store(&mut self, is_reachable: bool, is_fast: bool) {
        if !is_fast {
            self.learnt = self.learnt();
            self.fast_since = None;
        } else if self.fast_since.is_none() {
            self.fast_since = Some(self.now);
        }
        match (is_reachable, self.down_since) {
            (true, Some(since)) => {
                self.last_outage = Some((since, self.now));
                self.down_since = None;
            }
            (false, None) => self.down_since = Some(self.now),
            _ => {}
        }
    }

    /// The machine sleeps, and nobody learns of changes.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.learnt = self.learnt();
        self.now += time;
        self.fast_since = self.fast_since.map(|_| self.now);
    }

    pub(crate) fn is_fast_for(&self, time: Duration) -> bool {
        self.fast_since.is_some_and(|since| self.now - since > time)
    }

    /// How long the store has been down, if it was well just before.
    pub(crate) fn down_for(&self) -> Option<Duration> {
        let was_well = |since: &Duration| self.learnt == since.checked_sub(REACHABLE);
        let since = self.down_since.filter(was_well)?;
        Some(self.now - since)
    }

    fn learnt(&self) -> Option<Duration> {
        let learnt = self.now.checked_sub(REACHABLE);
        let learnt = learnt.filter(|up_to| self.fast_since.is_some_and(|since| *up_to >= since));
        learnt.or(self.learnt)
    }

    /// Checks an answer that was given now, or says what is wrong with it.
    pub(crate) fn check(
        &self,
        id: &ApiKeyId,
        answer: Answer,
        wall: UnixTime,
    ) -> Result<(), String> {
        let Some(key) = self.keys.get(id) else {
            return match answer {
                Answer::Accepted => Err("a key that never existed was accepted".to_owned()),
                _ => Ok(()),
            };
        };
        match answer {
            Answer::Unavailable => Ok(()),
            Answer::Refused if !self.is_live(id, wall) => Ok(()),
            Answer::Refused => {
                let age = self.now - key.created;
                match age <= REACHABLE {
                    true => Ok(()),
                    false => Err(format!("a live key, {age:?} old, was refused")),
                }
            }
            Answer::Accepted => {
                let (first, later) = (&key.expiries[..1], &key.expiries[1..]);
                if first.iter().any(|(_, at)| *at <= wall) {
                    return Err("an expired key was accepted".to_owned());
                }
                let ended = later.iter().filter(|(_, at)| *at <= wall);
                let ends = ended.map(|(since, _)| *since).chain(key.revoked);
                ends.min().map_or(Ok(()), |since| self.check_bound(since))
            }
        }
    }

    /// Whether an instance may not know a change that was made at `since`.
    fn check_bound(&self, since: Duration) -> Result<(), String> {
        let problem = |what: &str| {
            let age = self.now - since;
            Err(format!("a key that ended {age:?} ago was accepted: {what}"))
        };
        if self.learnt().is_some_and(|learnt| since <= learnt) {
            return problem("every instance has learnt of it");
        }
        if let Some(down) = self.down_since {
            return match self.now - down <= UNREACHABLE {
                true => Ok(()),
                false => problem("the outage lasts for too long"),
            };
        }
        let outage = self.last_outage.filter(|(_, end)| since < *end);
        let (begin, from) = outage.map_or((None, since), |(begin, end)| (Some(begin), end));
        if self.now - from > REACHABLE {
            return problem("the store can be reached");
        }
        match begin.is_some_and(|begin| self.now - begin > UNREACHABLE + REACHABLE) {
            true => problem("the outage lasted for too long"),
            false => Ok(()),
        }
    }
}
