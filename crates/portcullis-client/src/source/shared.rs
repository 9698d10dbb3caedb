//! What the task and its callers share: the state, and who may change it how.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use portcullis_core::UnixTime;
use portcullis_worker::{Budget, BudgetRules};
use tokio::{
    sync::{Notify, broadcast, watch},
    time::Instant,
};

use super::{TokenEvent, task::State};
use crate::{AccessToken, token_client::TokenClient};

/// How many refused tokens may be replaced: two, and one more for each 30 s.
const REJECTIONS: BudgetRules = BudgetRules::new(2, Duration::from_secs(30));

/// What the task and its callers share.
pub(crate) struct Shared {
    pub(super) client: TokenClient,
    pub(super) state: ArcSwap<State>,
    /// Whether someone has asked for an attempt since the last began.
    pub(super) is_asked: AtomicBool,
    /// Whether an attempt is under way.
    pub(super) is_attempting: AtomicBool,
    pub(super) wake: Notify,
    /// Counts the attempts that have ended.
    pub(super) attempts: watch::Receiver<u64>,
    pub(super) events: broadcast::Sender<TokenEvent>,
    /// Whether it was shut down: no token is handed out any more.
    pub(super) is_shut_down: AtomicBool,
    pub(super) has_told_shut_down: AtomicBool,
    /// Tokens that are to be revoked and are not yet known to be.
    pub(super) unrevoked: Mutex<VecDeque<AccessToken>>,
    /// When the token that was rejected last expires, until the task has told of that.
    pub(super) rejected: Mutex<Option<UnixTime>>,
    /// What is left of the fetches that refused tokens may cause.
    pub(super) rejections: Mutex<Budget>,
    pub(super) origin: Instant,
}

impl Shared {
    /// The token of the newest state, if it may be sent now.
    #[inline]
    pub(super) fn current<'s>(&self, state: &'s State) -> Option<&'s AccessToken> {
        if self.has_shut_down() {
            return None;
        }
        let Some(held) = &state.held else {
            self.ask();
            return None;
        };
        let now = self.client.clock().now();
        // One that is not due is usable: see `Lifetime::new`.
        if held.life.is_due(now) {
            self.ask();
            return held.life.is_usable(now).then_some(&held.token);
        }
        Some(&held.token)
    }

    #[inline]
    pub(super) fn has_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Acquire)
    }

    /// Has the task make an attempt, as soon as it may.
    #[cold]
    pub(super) fn ask(&self) {
        // Reading shares the cache line; in an outage every call comes by here.
        if !self.is_asked.load(Ordering::Relaxed) && !self.is_asked.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    pub(crate) fn reject(&self, token: &AccessToken) -> bool {
        // Held until the token is gone, so that of several callers one pays.
        let mut budget = self
            .rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !self.state.load().holds(token) {
            return true;
        }
        let Some(left) = budget.take(&REJECTIONS, self.origin.elapsed()) else {
            return false;
        };
        *budget = left;
        self.update(|state| {
            if state.holds(token) {
                state.held = None;
            }
        });
        drop(budget);
        *self.rejected() = Some(token.expires_at());
        self.wake.notify_one();
        true
    }

    /// Takes the token at hand away.
    pub(super) fn take(&self) -> Option<AccessToken> {
        let before = self.update(|state| state.held = None);
        before.held.as_ref().map(|held| held.token.clone())
    }

    /// Publishes a changed copy of the state and returns the one before. `change` may run several times.
    pub(super) fn update(&self, mut change: impl FnMut(&mut State)) -> Arc<State> {
        self.state.rcu(|state| {
            let mut state = State::clone(state);
            change(&mut state);
            state
        })
    }

    pub(super) fn rejected(&self) -> MutexGuard<'_, Option<UnixTime>> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unrevoked(&self) -> MutexGuard<'_, VecDeque<AccessToken>> {
        self.unrevoked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens that are to be revoked. Those that have expired need not be, and more than a few are not kept.
    pub(super) fn to_be_revoked(&self) -> Vec<AccessToken> {
        const MOST: usize = 16;

        let now = self.client.clock().now();
        let mut unrevoked = self.unrevoked();
        unrevoked.retain(|token| token.expires_at() > now);
        while unrevoked.len() > MOST {
            unrevoked.pop_front();
        }
        unrevoked.iter().cloned().collect()
    }

    pub(super) fn announce(&self, event: TokenEvent) {
        event.log(self.client.client_id(), &self.client.request);
        // Nobody needs to listen.
        let _ = self.events.send(event);
    }
}
