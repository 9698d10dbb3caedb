//! Look-ups, and what is checked of their answers.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use portcullis_api_key::{
    ApiKeyId, CachedStore, KeyMaker, KeyState, KeyStore, Lookup, NewKey, PendingLookup, StoreError,
    StoredKey,
};
use portcullis_core::clock::Clock;

use crate::{
    support::{
        ManualClock,
        cache_model::{Answer, REACHABLE, UNREACHABLE},
    },
    world::World,
};

type Found = Result<Option<Arc<StoredKey>>, StoreError>;

impl World {
    pub(crate) async fn look_up(&mut self) -> Result<(), String> {
        let is_known = !self.ids.is_empty() && self.random.below(8) > 0;
        let id = match is_known {
            true => {
                let recent = self.ids.len().min(40) as u64;
                self.ids[self.ids.len() - 1 - self.random.below(recent) as usize]
            }
            false => {
                KeyMaker::default()
                    .issue(NewKey::new("a"))
                    .expect("a key")
                    .record()
                    .id
            }
        };
        let cache = self.random.below(3) as usize;
        let found = match self.caches[cache].lookup(&id) {
            Lookup::Ready(_) => answer(&self.caches[cache], &id, &self.clock),
            Lookup::Pending(mut pending) if self.random.below(3) == 0 => {
                match poll(&mut pending, &self.clock).await {
                    None => {
                        self.note(format!("hold {id} in {cache}"));
                        self.held.push_back((id, pending));
                        return Ok(());
                    }
                    found => found,
                }
            }
            Lookup::Pending(mut pending) => loop {
                if let Some(found) = poll(&mut pending, &self.clock).await {
                    break Some(found);
                }
                self.pass(Duration::from_millis(50)).await;
            },
        };
        let found = found.expect("an answer");
        self.note(format!("look up {id} in {cache}: {found:?}"));
        self.check(&id, found)?;
        self.check_service(cache, &id, found)?;
        if cache == 0 && found == Answer::Accepted {
            self.cached.insert(id);
        }
        Ok(())
    }

    pub(crate) fn check(&mut self, id: &ApiKeyId, found: Answer) -> Result<(), String> {
        match found {
            Answer::Accepted => self.accepted += 1,
            Answer::Refused => self.refused += 1,
            Answer::Unavailable => {}
        }
        self.model.check(id, found, self.clock.now())
    }

    /// Live keys are accepted if the store was well for a while, and cached ones in an outage too.
    pub(crate) fn check_service(
        &self,
        cache: usize,
        id: &ApiKeyId,
        found: Answer,
    ) -> Result<(), String> {
        let model = &self.model;
        if found == Answer::Accepted || !model.is_live(id, self.clock.now()) || !model.is_old(id) {
            return Ok(());
        }
        let since_jump = model.now - self.last_jump;
        if model.is_fast_for(REACHABLE) && since_jump > REACHABLE {
            return Err("a live key got 503 although all is well".to_owned());
        }
        match model.down_for() {
            Some(down) if cache == 0 && since_jump > down + REACHABLE => {
                match self.cached.contains(id) && down + 2 * REACHABLE < UNREACHABLE {
                    true => Err("a cached key got 503 in an outage".to_owned()),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn poll_held(&mut self) -> Result<(), String> {
        let Some((id, mut pending)) = self.held.pop_front() else {
            return Ok(());
        };
        match poll(&mut pending, &self.clock).await {
            Some(found) => {
                self.note(format!("late answer for {id}: {found:?}"));
                self.check(&id, found)
            }
            None => {
                self.held.push_back((id, pending));
                Ok(())
            }
        }
    }
}

/// The answer that is ready.
pub(crate) fn answer(cache: &CachedStore, id: &ApiKeyId, clock: &ManualClock) -> Option<Answer> {
    match cache.lookup(id) {
        Lookup::Ready(found) => Some(as_answer(found, clock)),
        Lookup::Pending(_) => None,
    }
}

async fn poll(pending: &mut PendingLookup, clock: &ManualClock) -> Option<Answer> {
    poll_fn(|context| {
        Poll::Ready(match pending.as_mut().poll(context) {
            Poll::Ready(found) => Some(as_answer(found, clock)),
            Poll::Pending => None,
        })
    })
    .await
}

fn as_answer(found: Found, clock: &ManualClock) -> Answer {
    match found {
        Ok(Some(key)) if key.record().state(clock.now()) == KeyState::Active => Answer::Accepted,
        Ok(_) => Answer::Refused,
        Err(_) => Answer::Unavailable,
    }
}
