//! What follows a fetch.

use std::{io, sync::Arc, time::Duration};

use portcullis_core::clock::ClockOffset;
use portcullis_jose::KeySet;
use portcullis_worker::Jitter;
use tokio::time::timeout;

use super::RefreshLoop;
use crate::{
    FetchError, IssuerEvent, KeyId,
    disk::{LONGEST_DISK_ACCESS, public_part},
    fetch::{FetchResult, Fetcher, KeysAnswer},
};

/// Half of the leeway that verifiers give by default.
const LARGE_SKEW: Duration = Duration::from_secs(30);

impl RefreshLoop {
    /// Publishes the result of a fetch and schedules the next. Returns whether the keys could be fetched.
    pub(super) fn conclude(&mut self, fetcher: &Fetcher, result: FetchResult) -> bool {
        self.compare_clocks();
        let now = self.task.now();
        if let Some(skew) = fetcher.clock_skew {
            self.note_skew(skew);
        }
        match &result.discovery {
            Some(Ok(())) => self
                .task
                .update(|state| state.schedule.discovered_at = Some(now)),
            Some(Err(error)) if result.keys.is_ok() => {
                let error = error.clone();
                self.task.announce(IssuerEvent::DiscoveryFailed { error });
            }
            _ => {}
        }
        let last_error = result.keys.map(|answer| self.succeed(answer)).err();
        if let Some(error) = &last_error {
            self.fail(error.clone());
        }
        let epoch = self.publisher.current().epoch;
        let jwks_uri = fetcher.jwks_uri.clone().map(|mut url| {
            url.set_query(None);
            url.set_fragment(None);
            url
        });
        self.task.update(|state| {
            state.epoch = epoch;
            state.jwks_uri.clone_from(&jwks_uri);
            state.last_error.clone_from(&last_error);
        });
        last_error.is_none()
    }

    fn succeed(&mut self, answer: KeysAnswer) {
        let (now, jitter, max_age) = (self.task.now(), Jitter::random(), answer.max_age);
        let failures = self.task.state().schedule.backoff.failures();
        let is_confirmed = answer.received.is_none();
        self.task.update(|state| match is_confirmed {
            true => state.schedule.confirmed(now, max_age, jitter),
            false => state.schedule.fetched(now, max_age, jitter),
        });
        let (loaded_at, stale_at) = self.times();
        if let Some((keys, json)) = answer.received {
            let private = |keys: &KeySet| keys.report().keys_with_private_members;
            let (before, count) = (self.publisher.current(), private(&keys));
            if self.publisher.publish(*keys, loaded_at, stale_at) {
                self.announce_change(&KeyId::all_of(before.keys()));
            }
            if count > 0 && before.keys().map_or(0, private) == 0 {
                self.task
                    .announce(IssuerEvent::PrivateKeysPublished { count });
            }
            if self.disk.is_some() {
                // `KeySet::parse` accepted it, so this succeeds. Otherwise nothing is saved.
                self.public_part = public_part(&json).ok();
            }
        } else {
            self.publisher.confirm(loaded_at, stale_at);
        }
        self.stale_announced = false;
        if failures > 0 {
            self.task.announce(IssuerEvent::Recovered { failures });
        }
    }

    fn fail(&mut self, error: FetchError) {
        let (now, jitter) = (self.task.now(), Jitter::random());
        self.task
            .update(|state| state.schedule.failed(now, error.retry_after(), jitter));
        self.publisher.record_failure();
        let failures = self.task.state().schedule.backoff.failures();
        self.task
            .announce(IssuerEvent::RefreshFailed { error, failures });
    }

    fn announce_change(&self, before: &[KeyId]) {
        let current = self.publisher.current();
        let after = KeyId::all_of(current.keys());
        let only_in = |some: &[KeyId], others: &[KeyId]| {
            some.iter()
                .filter(|key| !others.contains(key))
                .cloned()
                .collect()
        };
        self.task.announce(IssuerEvent::KeysChanged {
            added: only_in(&after, before),
            removed: only_in(before, &after),
            epoch: current.epoch,
        });
    }

    fn note_skew(&mut self, offset: ClockOffset) {
        let is_large = |skew: ClockOffset| skew.magnitude() >= LARGE_SKEW;
        let was_large = self.task.state().clock_skew.is_some_and(is_large);
        self.task.update(|state| state.clock_skew = Some(offset));
        if is_large(offset) && !was_large {
            self.task.announce(IssuerEvent::ClockSkewed { offset });
        }
    }

    /// Saves the key set at hand. Waits at most [`LONGEST_DISK_ACCESS`], so that a hanging disk does not stop fetches.
    pub(super) async fn save(&self) {
        let lifetime = self.task.state().schedule.lifetime();
        let (Some(file), Some(jwks), Some(lifetime)) =
            (&self.disk, self.public_part.clone(), lifetime)
        else {
            return;
        };
        let now = self.task.now().wall();
        let write = file.run(move |file| file.save(jwks, now, lifetime));
        let saved = timeout(LONGEST_DISK_ACCESS, write).await.unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!(
                    "writing the file took longer than {LONGEST_DISK_ACCESS:?} (not configurable): check its volume"
                ),
            ))
        });
        if let Err(error) = saved {
            let error = Arc::new(error);
            self.task.announce(IssuerEvent::NotSaved { error });
        }
    }
}
