//! What becomes of an attempt to fetch.

use std::{
    hash::{BuildHasher, RandomState},
    io, mem,
    sync::Arc,
    time::Duration,
};

use portcullis_worker::Jitter;
use tokio::time::timeout;

use super::RefreshTask;
use crate::{
    ClockOffset, FetchError, IssuerEvent, KeyId,
    disk::public_part,
    fetch::{Attempt, Fetched},
};

/// Half of the leeway that verifiers give by default.
const LARGE_SKEW: Duration = Duration::from_secs(30);

/// How long a write to disk may hold up the next fetch.
const LONGEST_SAVE: Duration = Duration::from_secs(5);

impl RefreshTask {
    /// Publishes what an attempt brought, and decides when the next is due.
    pub(super) fn conclude(&mut self, attempt: Attempt) -> Result<(), FetchError> {
        self.look_at_clocks();
        let now = self.now();
        if let Some((theirs, ours)) = attempt.clocks {
            self.note_skew(ClockOffset::between(theirs, ours));
        }
        match &attempt.discovery {
            Some(Ok(())) => self.parts.schedule.discovered(now),
            Some(Err(error)) if attempt.keys.is_ok() => {
                self.announce(IssuerEvent::DiscoveryFailed {
                    error: error.clone(),
                });
            }
            _ => {}
        }
        let result = match attempt.keys {
            Ok(fetched) => {
                self.succeed(fetched);
                Ok(())
            }
            Err(error) => {
                self.fail(error.clone());
                Err(error)
            }
        };
        let last_error = result.clone().err();
        self.post(|progress| {
            progress.jwks_uri = attempt.jwks_uri.map(|mut url| {
                url.set_query(None);
                url.set_fragment(None);
                url
            });
            progress.last_error = last_error;
        });
        result
    }

    fn succeed(&mut self, fetched: Fetched) {
        let (now, failures) = (self.now(), self.parts.schedule.failures());
        match fetched {
            Fetched::New {
                keys,
                json,
                max_age,
            } => {
                self.parts.schedule.fetched(now, max_age, jitter());
                let private_members =
                    mem::replace(&mut self.private_members, keys.private_members());
                let (loaded_at, stale_at) = self.limits();
                let before = self.parts.publisher.current();
                if self.parts.publisher.publish(*keys, loaded_at, stale_at) {
                    self.announce_change(&KeyId::all_of(before.keys()));
                }
                if private_members == 0 && self.private_members > 0 {
                    self.announce(IssuerEvent::PrivateKeysPublished {
                        count: self.private_members,
                    });
                }
                if self.parts.disk.is_some() {
                    // What `KeySet::parse` has read can be read again. Were it otherwise, nothing would be kept.
                    self.json = public_part(&json)
                        .map(|part| part.get().as_bytes().into())
                        .unwrap_or_default();
                }
            }
            Fetched::Unchanged { max_age } => {
                self.parts.schedule.confirmed(now, max_age, jitter());
                let (loaded_at, stale_at) = self.limits();
                self.parts.publisher.confirm(loaded_at, stale_at);
            }
        }
        self.is_stale = false;
        if failures > 0 {
            self.announce(IssuerEvent::Recovered { failures });
        }
    }

    fn fail(&mut self, error: FetchError) {
        self.parts
            .schedule
            .failed(self.now(), error.retry_after(), jitter());
        self.parts.publisher.record_failure();
        let failures = self.parts.schedule.failures();
        self.announce(IssuerEvent::RefreshFailed { error, failures });
    }

    fn announce_change(&self, before: &[KeyId]) {
        let current = self.parts.publisher.current();
        let after = KeyId::all_of(current.keys());
        let lacking = |some: &[KeyId], others: &[KeyId]| {
            some.iter()
                .filter(|key| !others.contains(key))
                .cloned()
                .collect()
        };
        self.announce(IssuerEvent::KeysChanged {
            added: lacking(&after, before),
            removed: lacking(before, &after),
            epoch: current.epoch(),
        });
    }

    fn note_skew(&mut self, offset: ClockOffset) {
        self.post(|progress| progress.clock_skew = Some(offset));
        let was_skewed = mem::replace(&mut self.is_skewed, offset.magnitude() >= LARGE_SKEW);
        if self.is_skewed && !was_skewed {
            self.announce(IssuerEvent::ClockSkewed { issuer: offset });
        }
    }

    /// Writes the set at hand to disk. Losing it costs no more than an outage at the next start, so a disk that hangs
    /// is not waited for.
    pub(super) async fn save(&self) {
        let (Some(file), Some(lifetime)) =
            (self.parts.disk.clone(), self.parts.schedule.lifetime())
        else {
            return;
        };
        if self.json.is_empty() {
            return;
        }
        let (json, now) = (self.json.clone(), self.parts.clock.now());
        let write = tokio::task::spawn_blocking(move || file.save(&json, now, lifetime));
        let saved = match timeout(LONGEST_SAVE, write).await {
            Ok(written) => written.unwrap_or_else(|error| Err(io::Error::other(error))),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Err(error) = saved {
            self.announce(IssuerEvent::NotSaved {
                error: Arc::new(error),
            });
        }
    }
}

/// The standard library's hash seeds are random: good enough to keep a fleet out of step.
fn jitter() -> Jitter {
    Jitter::from_random(RandomState::new().hash_one(0))
}
